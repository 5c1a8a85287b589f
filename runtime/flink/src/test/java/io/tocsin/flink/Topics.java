package io.tocsin.flink;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Topics of the broker that the suite has started. Without one the tests are passed over. */
final class Topics {
  private static final String BROKERS = System.getenv("TOCSIN_KAFKA_BROKERS");
  private static final AtomicInteger MADE = new AtomicInteger();

  private Topics() {}

  static String brokers() {
    assumeTrue(BROKERS != null, "there is no broker");
    return BROKERS;
  }

  /** A message: partition, key, value, and headers as text. */
  record Message(int partition, String key, String value, String headers) {}

  private static Properties properties() {
    Properties properties = new Properties();
    properties.setProperty("bootstrap.servers", brokers());
    return properties;
  }

  /** A topic of a name that no other has. */
  static String create(String name, int partitions) throws Exception {
    String topic = name + "-" + MADE.incrementAndGet();
    try (Admin admin = Admin.create(properties())) {
      admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
      awaitLeaders(admin, topic, partitions);
    }
    return topic;
  }

  // Where the first of several batches finds no leader and the next one does, a producer never gets on:
  // the broker takes a number that is not the first from who is new to it.
  private static void awaitLeaders(Admin admin, String topic, int partitions) throws Exception {
    Map<TopicPartition, OffsetSpec> all = new HashMap<>();
    for (int partition = 0; partition < partitions; ++partition) {
      all.put(new TopicPartition(topic, partition), OffsetSpec.latest());
    }
    while (true) {
      try {
        admin.listOffsets(all).all().get();
        return;
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof RetriableException)) {
          throw e;
        }
        Thread.sleep(10);
      }
    }
  }

  static void grow(String topic, int partitions) throws Exception {
    try (Admin admin = Admin.create(properties())) {
      admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(partitions))).all().get();
      awaitLeaders(admin, topic, partitions);
    }
  }

  /** Removes what is before the offset. */
  static void trim(String topic, int partition, long offset) throws Exception {
    try (Admin admin = Admin.create(properties())) {
      admin
          .deleteRecords(
              Map.of(new TopicPartition(topic, partition), RecordsToDelete.beforeOffset(offset)))
          .all()
          .get();
    }
  }

  /** Values may be null. */
  static void write(String topic, int partition, List<byte[]> values) {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties(), new ByteArraySerializer(), new ByteArraySerializer())) {
      for (byte[] value : values) {
        producer.send(new ProducerRecord<>(topic, partition, null, value));
      }
    }
  }

  /** Writes a message in a transaction that is given up. */
  static void abort(String topic, int partition, byte[] value) {
    Properties properties = properties();
    properties.setProperty("transactional.id", "aborts-" + topic);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(topic, partition, null, value));
      producer.flush();
      producer.abortTransaction();
    }
  }

  /** The lines of a file, so many a message, with blank ones between. */
  static void write(String topic, int partition, Path file, int packed) throws Exception {
    List<String> lines = Files.readAllLines(file);
    List<byte[]> values = new ArrayList<>();
    for (int i = 0; i < lines.size(); i += packed) {
      List<String> some = lines.subList(i, Math.min(i + packed, lines.size()));
      values.add(String.join("\n \r\n", some).getBytes(StandardCharsets.UTF_8));
    }
    write(topic, partition, values);
  }

  /** The messages that were committed, by partition and offset. */
  static List<Message> read(String topic) {
    Properties properties = properties();
    properties.setProperty("isolation.level", "read_committed");
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> all = new ArrayList<>();
      for (PartitionInfo of : consumer.partitionsFor(topic)) {
        all.add(new TopicPartition(topic, of.partition()));
      }
      consumer.assign(all);
      consumer.seekToBeginning(all);
      Map<TopicPartition, Long> ends = consumer.endOffsets(all);
      while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        consumer.poll(Duration.ofMillis(100)).forEach(records::add);
      }
    }
    records.sort(
        Comparator.<ConsumerRecord<byte[], byte[]>>comparingInt(ConsumerRecord::partition)
            .thenComparingLong(ConsumerRecord::offset));
    return records.stream().map(Topics::message).toList();
  }

  private static Message message(ConsumerRecord<byte[], byte[]> record) {
    StringBuilder headers = new StringBuilder();
    for (Header header : record.headers()) {
      headers.append(header.key()).append('=').append(text(header.value())).append('\n');
    }
    return new Message(
        record.partition(), text(record.key()), text(record.value()), headers.toString());
  }

  // One character a byte, so that bytes that are no text stay what they are.
  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  static List<String> values(String topic) {
    return read(topic).stream()
        .map(of -> new String(of.value().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8))
        .toList();
  }
}
