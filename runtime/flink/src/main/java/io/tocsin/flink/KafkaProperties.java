package io.tocsin.flink;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;

/** Properties of Kafka's clients, and those of them that are not to be set. */
final class KafkaProperties {
  private static final Map<String, String> OF_BOTH =
      Map.of(
          "bootstrap.servers", "brokers are named otherwise",
          "allow.auto.create.topics", "Tocsin creates no topics by reading them");

  private static final Map<String, String> OF_READERS =
      Map.of(
          "group.id", "the group is named otherwise",
          "auto.offset.reset", "messages that are missing always end the reading",
          "enable.auto.commit", "brokers are told at each checkpoint how far was read",
          "isolation.level", "what was aborted is not read",
          "key.deserializer", "keys are not read",
          "value.deserializer", "messages are lines");

  private static final Map<String, String> OF_WRITERS =
      Map.of(
          "transactional.id", "the writer is named otherwise",
          "enable.idempotence", "what Tocsin writes is always written once",
          "transaction.timeout.ms", "the transaction timeout is set otherwise",
          "key.serializer", "keys are texts",
          "value.serializer", "messages are lines");

  private static final String LINE = "a line is NAME = VALUE, as in security.protocol = SASL_SSL";

  private KafkaProperties() {}

  static void checkOfReader(String name) {
    check(name, OF_BOTH, OF_READERS);
  }

  /** Values that would let messages be lost or be there twice are refused too. */
  static void checkOfWriter(String name, String value) {
    check(name, OF_BOTH, OF_WRITERS);
    if (name.equals("acks") && !value.equals("all") && !value.equals("-1")) {
      throw new IllegalArgumentException(
          "acks must be all, or alerts could be lost with one broker: leave it out");
    }
    if (name.equals("max.in.flight.requests.per.connection") && !value.matches("[1-5]")) {
      throw new IllegalArgumentException(
          name + " must be 1 to 5, or messages could be there twice: leave it out");
    }
    if (name.equals("retries") && value.equals("0")) {
      throw new IllegalArgumentException(
          "retries must be more than 0, or no broken connection would be survived: leave it out");
    }
  }

  @SafeVarargs
  private static void check(String name, Map<String, String>... reserved) {
    for (Map<String, String> names : reserved) {
      if (names.containsKey(name)) {
        throw new IllegalArgumentException(
            name + " is not to be set here: " + names.get(name));
      }
    }
  }

  /**
   * Reads a file of properties, one {@code NAME = VALUE} a line. A failure names the file and the
   * line.
   */
  static Properties read(Path file) throws IOException {
    Properties properties = new Properties();
    List<String> lines = Files.readAllLines(file);
    for (int i = 0; i < lines.size(); ++i) {
      String line = lines.get(i).strip();
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      try {
        add(line, properties);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(file + ":" + (i + 1) + ": " + e.getMessage(), e);
      }
    }
    return properties;
  }

  private static void add(String line, Properties properties) {
    int equals = line.indexOf('=');
    if (equals <= 0) {
      throw new IllegalArgumentException(LINE);
    }
    String name = line.substring(0, equals).strip();
    String value = line.substring(equals + 1).strip();
    if (!isOfReaders(name) && !isOfWriters(name) && !AdminClientConfig.configNames().contains(name)) {
      throw new IllegalArgumentException("Kafka's client for Java has no property " + name);
    }
    checkOfReader(name);
    checkOfWriter(name, value);
    if (properties.setProperty(name, value) != null) {
      throw new IllegalArgumentException(name + " was set before");
    }
  }

  static boolean isOfReaders(String name) {
    return ConsumerConfig.configNames().contains(name);
  }

  static boolean isOfWriters(String name) {
    return ProducerConfig.configNames().contains(name);
  }
}
