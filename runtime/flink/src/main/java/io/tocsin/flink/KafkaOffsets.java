package io.tocsin.flink;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.TopicPartition;

/**
 * Where reading begins or ends. The brokers are asked once, and what they say is state: a job that
 * fails before it has read anything does not begin or end elsewhere the next time.
 */
final class KafkaOffsets implements OffsetsInitializer {
  private static final long serialVersionUID = 1L;

  private enum Place {
    EARLIEST,
    END,
    GROUP,
    TIME
  }

  static final KafkaOffsets EARLIEST = new KafkaOffsets(Place.EARLIEST, 0);
  static final KafkaOffsets END = new KafkaOffsets(Place.END, 0);
  static final KafkaOffsets GROUP = new KafkaOffsets(Place.GROUP, 0);

  private final Place place;
  private final long millis;

  private KafkaOffsets(Place place, long millis) {
    this.place = place;
    this.millis = millis;
  }

  static KafkaOffsets at(long millis) {
    return new KafkaOffsets(Place.TIME, millis);
  }

  @Override
  public Map<TopicPartition, Long> getPartitionOffsets(
      Collection<TopicPartition> partitions, PartitionOffsetsRetriever brokers) {
    Map<TopicPartition, Long> offsets = new HashMap<>();
    switch (place) {
      case END -> offsets.putAll(brokers.endOffsets(partitions));
      case GROUP -> offsets.putAll(brokers.committedOffsets(partitions));
      case TIME -> {
        Map<TopicPartition, Long> times = new HashMap<>();
        partitions.forEach(partition -> times.put(partition, millis));
        Map<TopicPartition, OffsetAndTimestamp> found = brokers.offsetsForTimes(times);
        offsets.putAll(brokers.endOffsets(partitions)); // of partitions without so new a message
        found.forEach(
            (partition, of) -> {
              if (of != null) {
                offsets.put(partition, of.offset());
              }
            });
      }
      default -> {}
    }
    for (TopicPartition partition : partitions) {
      offsets.putIfAbsent(partition, KafkaPartitionSplit.EARLIEST_OFFSET);
    }
    return offsets;
  }

  /** Messages that are missing are said, and not passed over. */
  @Override
  @SuppressWarnings("deprecation") // by later clients; the connector has it
  public OffsetResetStrategy getAutoOffsetResetStrategy() {
    return OffsetResetStrategy.NONE;
  }
}
