package io.tocsin.flink;

import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaSinkBuilder;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Topics of Kafka that a job writes, with the messages that {@code tocsin serve} writes. Each is there
 * once for who reads with {@code isolation.level = read_committed}, from the next checkpoint on,
 * whatever is killed. Alerts with one key are in one partition, in their order; in a topic of one
 * partition all are in the order of the engine.
 *
 * <p>Needs flink-connector-kafka and Kafka's client beside Tocsin's jar. Checkpoints have to be
 * enabled before.
 */
public final class KafkaOutput {
  private static final String TIMEOUT = "transaction.timeout.ms";

  private final String brokers;
  private final Properties properties = new Properties();
  private String writer = "tocsin";
  private boolean isExactlyOnce = true;
  private Duration timeout = Duration.ofMinutes(15); // what brokers allow if they are not told otherwise

  private KafkaOutput(String brokers) {
    this.brokers = brokers;
  }

  /** Topics of these brokers. */
  public static KafkaOutput to(String brokers) {
    return new KafkaOutput(brokers);
  }

  /**
   * What transactions and the header {@code tocsin-writer} are named by; else tocsin. Jobs that
   * write to one topic need different names, and one keeps its own.
   */
  public KafkaOutput writer(String name) {
    writer = name;
    return this;
  }

  /**
   * Messages are seen at once, and those since the last checkpoint again after a failure, under the
   * same keys.
   */
  public KafkaOutput atLeastOnce() {
    isExactlyOnce = false;
    return this;
  }

  /**
   * After how long a broker ends a transaction; 15 minutes if it is not said. What a checkpoint has
   * and a broker has ended is lost, so it is to be longer than the interval of checkpoints and the
   * longest outage of the job together.
   */
  public KafkaOutput transactionTimeout(Duration limit) {
    timeout = limit;
    return this;
  }

  /** A property of Kafka's producer. Those that would break what is promised are refused. */
  public KafkaOutput set(String name, String value) {
    KafkaProperties.checkOfWriter(name, value);
    properties.setProperty(name, value);
    return this;
  }

  /** Writes what {@link Tocsin#alerts()} gives. The key is the alert's id. */
  public void alerts(DataStream<String> alerts, String topic) {
    write(alerts, topic, "alerts", new KafkaAlert(topic, id("alerts", topic)));
  }

  /** Writes what {@link Tocsin#late()} gives: each event as it came. */
  public void late(DataStream<String> late, String topic) {
    write(late, topic, "late", new KafkaSideLine("late", topic, id("late", topic)));
  }

  /** Writes what {@link Tocsin#rejected()} gives: each line as it came. */
  public void rejected(DataStream<String> rejected, String topic) {
    write(rejected, topic, "dead", new KafkaSideLine("dead", topic, id("dead", topic)));
  }

  /** Writes what {@link Tocsin#decisions()} gives, in one partition. The key is the decision's id. */
  public void decisions(DataStream<String> decisions, String topic) {
    write(decisions, topic, "decisions", new KafkaDecision(topic, id("decisions", topic)));
  }

  private String id(String stream, String topic) {
    return writer + "." + stream + "." + topic;
  }

  private void write(DataStream<String> lines, String topic, String stream, KafkaMessage message) {
    check(lines.getExecutionEnvironment(), topic);
    KafkaSinkBuilder<String> sink =
        KafkaSink.<String>builder()
            .setBootstrapServers(brokers)
            .setKafkaProducerConfig(ofWriter())
            .setRecordSerializer(message)
            .setDeliveryGuarantee(
                isExactlyOnce ? DeliveryGuarantee.EXACTLY_ONCE : DeliveryGuarantee.AT_LEAST_ONCE);
    if (isExactlyOnce) {
      sink.setTransactionalIdPrefix(id(stream, topic));
    }
    String name = "tocsin-" + stream + "-to-" + topic;
    // One writer: the topic has the order of the stream.
    lines.sinkTo(sink.build()).setParallelism(1).name(name).uid(name);
  }

  private Properties ofWriter() {
    Properties all = new Properties();
    all.setProperty("acks", "all");
    all.setProperty("enable.idempotence", "true");
    all.setProperty("compression.type", "lz4");
    all.setProperty("linger.ms", "2");
    all.setProperty("max.request.size", "16000000"); // the topic says what is too large
    all.putAll(properties);
    if (isExactlyOnce) {
      all.setProperty(TIMEOUT, "" + timeout.toMillis());
    }
    return all;
  }

  private void check(StreamExecutionEnvironment env, String topic) {
    try (KafkaBrokers asked = new KafkaBrokers(brokers, properties)) {
      asked.partitions(List.of(topic));
      if (!isExactlyOnce) {
        return;
      }
      if (!env.getCheckpointConfig().isCheckpointingEnabled()) {
        throw new IllegalArgumentException(
            "exactly once needs checkpoints, with which transactions are committed: enable them,"
                + " as with execution.checkpointing.interval, or deliver at least once");
      }
      long interval = env.getCheckpointConfig().getCheckpointInterval();
      if (timeout.toMillis() <= interval) {
        throw new IllegalArgumentException(
            "a transaction may take " + timeout.toMillis() + " ms, and is committed every "
                + interval + " ms: it must be allowed more, or checkpoints made more often");
      }
      checkMax(asked.transactionMax().orElse(Long.MAX_VALUE));
    }
  }

  private void checkMax(long most) {
    if (timeout.toMillis() > most) {
      throw new IllegalArgumentException(
          "a transaction may take " + timeout.toMillis() + " ms, and the brokers " + brokers
              + " allow " + most + " ms: raise their transaction.max.timeout.ms, or set a shorter"
              + " transaction timeout, which is still to be longer than an outage of the job");
    }
  }
}
