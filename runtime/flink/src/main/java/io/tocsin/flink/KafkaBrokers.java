package io.tocsin.flink;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Questions to brokers, mostly where a job is submitted. A failure says what to do. */
final class KafkaBrokers implements AutoCloseable {
  private static final long LIMIT_S = 30;
  private static final String TRANSACTION_MAX = "transaction.max.timeout.ms";

  private final String brokers;
  private final Admin admin;

  KafkaBrokers(String brokers, Properties properties) {
    this(properties(brokers, properties));
  }

  KafkaBrokers(Properties all) {
    brokers = all.getProperty(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG);
    try {
      admin = Admin.create(all);
    } catch (KafkaException e) {
      Throwable why = e.getCause() == null ? e : e.getCause();
      throw new IllegalArgumentException("the brokers " + brokers + ": " + why.getMessage(), e);
    }
  }

  /** Of a client that asks: what of `properties` it knows, and the brokers. */
  static Properties properties(String brokers, Properties properties) {
    Properties all = new Properties();
    for (String name : properties.stringPropertyNames()) {
      if (AdminClientConfig.configNames().contains(name)) {
        all.setProperty(name, properties.getProperty(name));
      }
    }
    all.setProperty(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    return all;
  }

  /** How many partitions each topic has. */
  Map<String, Integer> partitions(Collection<String> topics) {
    Map<String, Integer> counts = new HashMap<>();
    Map<String, KafkaFuture<TopicDescription>> answers = admin.describeTopics(topics).topicNameValues();
    for (String topic : topics) {
      counts.put(topic, answer(answers.get(topic), "the topic " + topic).partitions().size());
    }
    return counts;
  }

  /** The longest transaction that the brokers allow, in milliseconds; empty if they do not say. */
  Optional<Long> transactionMax() {
    try {
      Node any = answer(admin.describeCluster().nodes(), "brokers").iterator().next();
      ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, any.idString());
      Config config =
          answer(admin.describeConfigs(List.of(broker)).values().get(broker), "settings of brokers");
      ConfigEntry found = config.get(TRANSACTION_MAX);
      return found == null ? Optional.empty() : Optional.of(Long.parseLong(found.value()));
    } catch (IllegalArgumentException e) {
      if (e.getCause() instanceof AuthorizationException) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** The first offset of each partition. */
  Map<TopicPartition, Long> firstOffsets(Collection<TopicPartition> partitions) {
    return offsets(partitions, OffsetSpec.earliest());
  }

  /** The offset behind the last of each partition. */
  Map<TopicPartition, Long> lastOffsets(Collection<TopicPartition> partitions) {
    return offsets(partitions, OffsetSpec.latest());
  }

  private Map<TopicPartition, Long> offsets(Collection<TopicPartition> partitions, OffsetSpec of) {
    Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
    partitions.forEach(partition -> wanted.put(partition, of));
    Map<TopicPartition, Long> offsets = new HashMap<>();
    Map<TopicPartition, ListOffsetsResultInfo> found =
        answer(admin.listOffsets(wanted).all(), "offsets of " + partitions);
    found.forEach((partition, info) -> offsets.put(partition, info.offset()));
    return offsets;
  }

  private <T> T answer(KafkaFuture<T> future, String what) {
    try {
      return future.get(LIMIT_S, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } catch (TimeoutException e) {
      throw new IllegalArgumentException(silent(), e);
    } catch (ExecutionException e) {
      throw new IllegalArgumentException(reason(e.getCause(), what), e.getCause());
    }
  }

  private String reason(Throwable cause, String what) {
    if (cause instanceof UnknownTopicOrPartitionException) {
      return what + " is not there, at the brokers " + brokers + ": create it first";
    }
    if (cause instanceof AuthorizationException || cause instanceof AuthenticationException) {
      return what + ": the brokers " + brokers + " refuse access: " + cause.getMessage();
    }
    if (cause instanceof org.apache.kafka.common.errors.TimeoutException) {
      return silent();
    }
    return what + ": " + cause.getMessage();
  }

  private String silent() {
    return "no broker answers at " + brokers
        + ": name brokers as HOST:PORT that can be reached from here, and from the cluster";
  }

  @Override
  public void close() {
    admin.close(java.time.Duration.ZERO);
  }
}
