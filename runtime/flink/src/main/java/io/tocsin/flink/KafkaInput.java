package io.tocsin.flink;

import java.io.Serializable;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.TopicPartition;

/**
 * Topics of Kafka as a source of lines. Each partition is judged by a time of its own, and a message
 * has the place that the line of its offset and 1 has in a file. Messages are read as {@code tocsin
 * serve} reads them: one is one event, which may be JSON of several lines; one without a value is
 * passed over; any other one that is no event is rejected. Aborted transactions are not read.
 *
 * <p>Nothing is skipped: where messages were removed before they were read, the job fails and says
 * which. Needs flink-connector-kafka and Kafka's client beside Tocsin's jar.
 */
public final class KafkaInput {
  private static final Pattern GAP = Pattern.compile("(.+)/([0-9]+)=([0-9]+)\\.\\.([0-9]+)");

  private final String brokers;
  private final List<String> topics;
  private final Properties properties = new Properties();
  private String group = "tocsin";
  private int firstSource;
  private KafkaOffsets begin = KafkaOffsets.EARLIEST;
  private boolean isPacked;
  private boolean endsAtEnd;
  private Duration discovery = Duration.ofSeconds(10);
  private final HashMap<TopicPartition, Gap> gaps = new HashMap<>();

  /** Offsets that a partition goes on from, and at, though there are messages between. */
  record Gap(long from, long to) implements Serializable {}

  private KafkaInput(String brokers, List<String> topics) {
    this.brokers = brokers;
    this.topics = List.copyOf(topics);
  }

  /**
   * All partitions of these topics. Their order is that of events of equal time, and must stay with
   * a job's state; further ones may follow.
   */
  public static KafkaInput of(String brokers, List<String> topics) {
    if (topics.isEmpty() || topics.size() > Line.SOURCE_MAX + 1) {
      throw new IllegalArgumentException(
          "1 to " + (Line.SOURCE_MAX + 1) + " topics can be read, not " + topics.size());
    }
    if (new HashSet<>(topics).size() < topics.size()) {
      throw new IllegalArgumentException("a topic is named twice: " + String.join(", ", topics));
    }
    return new KafkaInput(brokers, topics);
  }

  /** Under what name brokers are told at each checkpoint how far was read; else tocsin. */
  public KafkaInput group(String name) {
    group = name;
    return this;
  }

  /** The number of the first topic among the job's sources, where it has several inputs; else 0. */
  public KafkaInput firstSource(int source) {
    if (source < 0 || source + topics.size() > Line.SOURCE_MAX + 1) {
      throw new IllegalArgumentException(
          "topics are sources from 0 to " + Line.SOURCE_MAX + ", and do not fit from " + source);
    }
    firstSource = source;
    return this;
  }

  /** A job without state begins with what comes after its start; else with the first messages. */
  public KafkaInput beginAtEnd() {
    begin = KafkaOffsets.END;
    return this;
  }

  /** A job without state begins where the group has read to, or with the first messages. */
  public KafkaInput beginWhereGroupIs() {
    begin = KafkaOffsets.GROUP;
    return this;
  }

  /** A job without state begins with the first messages whose own time is at or after this one. */
  public KafkaInput beginAt(Instant time) {
    begin = KafkaOffsets.at(time.toEpochMilli());
    return this;
  }

  /** Each line of a message is an event; else a message is one. */
  public KafkaInput packed() {
    isPacked = true;
    return this;
  }

  /** The job ends when it has read what the topics have when it starts, as time does then. */
  public KafkaInput untilEnd() {
    endsAtEnd = true;
    return this;
  }

  /** How often partitions that topics have got are looked for; 10 s if it is not said. */
  public KafkaInput discoverEvery(Duration interval) {
    if (interval.toMillis() <= 0) {
      throw new IllegalArgumentException("partitions are looked for after a time above 0");
    }
    discovery = interval;
    return this;
  }

  /**
   * Goes on though messages are missing: {@code "payments/0=4..1000"} where offset 4 is next and
   * 1000 is the first that the broker has. Holds for exactly this gap, and so may stay.
   */
  public KafkaInput acceptGap(String gap) {
    Matcher parts = GAP.matcher(gap);
    if (!parts.matches() || Long.parseLong(parts.group(3)) >= Long.parseLong(parts.group(4))) {
      throw new IllegalArgumentException(
          "a gap is as in payments/0=4..1000: topic, partition, the offset that is next, and the"
              + " one to go on at; not " + gap);
    }
    gaps.put(
        new TopicPartition(parts.group(1), Integer.parseInt(parts.group(2))),
        new Gap(Long.parseLong(parts.group(3)), Long.parseLong(parts.group(4))));
    return this;
  }

  /** A property of Kafka's consumer. Those on which correct reading depends are refused. */
  public KafkaInput set(String name, String value) {
    KafkaProperties.checkOfReader(name);
    properties.setProperty(name, value);
    return this;
  }

  /** Asks the brokers whether the topics are there, and reads them in this job. */
  DataStream<Line> in(
      StreamExecutionEnvironment env, String name, WatermarkStrategy<Line> times) {
    check();
    return env.fromSource(source(), times, name, Line.TYPE).uid(name);
  }

  private void check() {
    try (KafkaBrokers asked = new KafkaBrokers(brokers, properties)) {
      Map<String, Integer> partitions = asked.partitions(topics);
      partitions.forEach(
          (topic, count) -> {
            if (count > Line.PARTITION_MAX + 1) {
              throw new IllegalArgumentException(
                  "the topic " + topic + " has " + count + " partitions, and at most "
                      + (Line.PARTITION_MAX + 1) + " can be read");
            }
          });
    }
  }

  KafkaLines source() {
    HashMap<String, Integer> sources = new HashMap<>();
    for (String topic : topics) {
      sources.put(topic, firstSource + sources.size());
    }
    KafkaSourceBuilder<Line> builder =
        KafkaSource.<Line>builder()
            .setBootstrapServers(brokers)
            .setGroupId(group)
            .setTopics(topics)
            .setStartingOffsets(begin)
            .setDeserializer(new KafkaMessages(sources, isPacked))
            .setProperties(properties)
            .setProperty(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, "" + messagesOfPoll())
            .setProperty("isolation.level", "read_committed")
            .setProperty("allow.auto.create.topics", "false")
            .setProperty("partition.discovery.interval.ms", "" + discovery.toMillis());
    if (endsAtEnd) {
      builder.setBounded(KafkaOffsets.END);
    }
    return new KafkaLines(
        builder.build(),
        new ArrayList<>(topics),
        sources,
        gaps,
        connection(),
        messagesOfPoll());
  }

  // Kafka's own default is said too, since readers reckon with it.
  private int messagesOfPoll() {
    String name = ConsumerConfig.MAX_POLL_RECORDS_CONFIG;
    String value = properties.getProperty(name, "500");
    if (!value.matches("[1-9][0-9]{0,8}")) {
      throw new IllegalArgumentException(name + " is a number from 1 on, not " + value);
    }
    return Integer.parseInt(value);
  }

  private Properties connection() {
    return KafkaBrokers.properties(brokers, properties);
  }
}
