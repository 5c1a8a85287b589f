package io.tocsin.flink;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;

/**
 * Asks again and again whether the brokers of partitions answer. While one does not, the silence of
 * its partitions says nothing: they have no end, and time waits for them.
 */
final class KafkaPulse implements AutoCloseable {
  private static final int EVERY_MS = 2_000; // and so long each question may take

  private final Properties connection;
  private final Runnable onSilence;
  private final Set<TopicPartition> partitions = ConcurrentHashMap.newKeySet();
  private volatile Set<TopicPartition> away = Set.of();
  private final Thread thread = new Thread(this::ask, "tocsin-kafka-pulse");

  /** {@code onSilence} is called in a thread of its own, after each question without an answer. */
  KafkaPulse(Properties connection, Runnable onSilence) {
    this.connection = new Properties();
    this.connection.putAll(connection);
    this.connection.setProperty(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, "" + EVERY_MS);
    this.connection.setProperty(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, "" + EVERY_MS);
    this.onSilence = onSilence;
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  void watch(TopicPartition partition) {
    partitions.add(partition);
  }

  void forget(TopicPartition partition) {
    partitions.remove(partition);
  }

  /** Those whose broker did not answer the last question; each answer is given once. */
  Set<TopicPartition> takeAway() {
    Set<TopicPartition> taken = away;
    away = Set.of();
    return taken;
  }

  boolean isAnyAway() {
    return !away.isEmpty();
  }

  private void ask() {
    Admin admin = Admin.create(connection);
    try {
      while (true) {
        Thread.sleep(EVERY_MS);
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        partitions.forEach(partition -> wanted.put(partition, OffsetSpec.latest()));
        if (wanted.isEmpty()) {
          continue;
        }
        Set<TopicPartition> silent =
            silent(wanted.keySet(), admin.listOffsets(wanted, new ListOffsetsOptions().timeoutMs(EVERY_MS)));
        away = silent;
        if (!silent.isEmpty()) {
          onSilence.run();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // by close()
    } finally {
      admin.close(Duration.ZERO);
    }
  }

  private static Set<TopicPartition> silent(Set<TopicPartition> asked, ListOffsetsResult answers)
      throws InterruptedException {
    Set<TopicPartition> silent = new HashSet<>();
    for (TopicPartition partition : asked) {
      try {
        answers.partitionResult(partition).get();
      } catch (ExecutionException e) {
        silent.add(partition);
      }
    }
    return silent;
  }

  @Override
  public void close() {
    thread.interrupt();
    try {
      thread.join(EVERY_MS); // it has classes of the job
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
