package io.tocsin.flink;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;

/** The connector's reader, with what a judge has to be told of partitions. */
@SuppressWarnings("try") // that close() throws, as the interface has it
final class KafkaLinesReader implements SourceReader<Line, KafkaPartitionSplit> {
  private final KafkaLines source;
  private final SourceReader<Line, KafkaPartitionSplit> inner;
  private final SourceReaderContext context;
  private final Map<String, TopicPartition> partitions = new HashMap<>(); // that are read
  private final Deque<Line> notices = new ArrayDeque<>();
  private Output output;
  private boolean hasAll; // that there were at the start
  private boolean hasSaidNone;
  private boolean hasSaidRead;
  private boolean isEnded;
  private volatile CompletableFuture<Void> available = new CompletableFuture<>();
  private final KafkaPulse pulse;
  private final KafkaPace pace;

  KafkaLinesReader(
      KafkaLines source,
      SourceReader<Line, KafkaPartitionSplit> inner,
      SourceReaderContext context,
      KafkaPace pace) {
    this.source = source;
    this.inner = inner;
    this.context = context;
    this.pace = pace;
    this.pulse = new KafkaPulse(source.connection(), () -> available.complete(null));
  }

  @Override
  public void start() {
    inner.start();
    pulse.start();
  }

  @Override
  public void addSplits(List<KafkaPartitionSplit> splits) {
    List<KafkaPartitionSplit> all = new ArrayList<>();
    for (KafkaPartitionSplit split : splits) {
      TopicPartition partition = split.getTopicPartition();
      partitions.put(split.splitId(), partition);
      pulse.watch(partition);
      notices.add(
          Line.begin(
              source.sourceOf(partition.topic()), partition.partition(), name(partition)));
      long begin = begin(split);
      long end = end(split);
      boolean ends = end != KafkaPartitionSplit.NO_STOPPING_OFFSET;
      pace.begin(split.splitId(), begin, ends ? end : Long.MAX_VALUE);
      all.add(new KafkaPartitionSplit(partition, begin, end));
    }
    inner.addSplits(all);
    available.complete(null);
  }

  private long begin(KafkaPartitionSplit split) {
    KafkaInput.Gap gap = source.gapOf(split.getTopicPartition());
    boolean isGap = gap != null && gap.from() == split.getStartingOffset();
    return isGap ? gap.to() : split.getStartingOffset();
  }

  // State may be of a job that ends otherwise than this one.
  private long end(KafkaPartitionSplit split) {
    if (!source.isBounded()) {
      return KafkaPartitionSplit.NO_STOPPING_OFFSET;
    }
    if (split.getStoppingOffset().isPresent()) {
      return split.getStoppingOffset().get();
    }
    TopicPartition partition = split.getTopicPartition();
    try (KafkaBrokers asked = new KafkaBrokers(source.connection())) {
      return asked.lastOffsets(List.of(partition)).get(partition);
    }
  }

  /** As {@code tocsin serve} calls it in late and rejected lines. */
  static String name(TopicPartition partition) {
    return "kafka:" + partition.topic() + "/" + partition.partition();
  }

  @Override
  public void handleSourceEvents(SourceEvent event) {
    if (event instanceof KafkaPartitions.Assigned) {
      hasAll = true;
      available.complete(null);
    } else {
      inner.handleSourceEvents(event);
    }
  }

  @Override
  public void notifyNoMoreSplits() {
    isEnded = true;
    available.complete(null);
  }

  private boolean isAllRead() {
    return hasAll && partitions.isEmpty() && source.isBounded();
  }

  private boolean hasNotice() {
    return !notices.isEmpty() || pulse.isAnyAway() || (partitions.isEmpty() && !hasSaidNone);
  }

  @Override
  public InputStatus pollNext(ReaderOutput<Line> to) throws Exception {
    if (!hasAll) { // of a partition that is still to come, time would not wait for the first event
      return InputStatus.NOTHING_AVAILABLE;
    }
    while (!notices.isEmpty()) {
      to.collect(notices.remove());
    }
    for (TopicPartition partition : pulse.takeAway()) {
      to.collect(Line.waits(source.sourceOf(partition.topic()), partition.partition()));
    }
    if (partitions.isEmpty() && !hasSaidNone) {
      hasSaidNone = true;
      to.collect(Line.none());
    }
    if (isAllRead()) {
      return end(to);
    }
    if (output == null || output.to != to) {
      output = new Output(to);
    }
    try {
      InputStatus status = inner.pollNext(output);
      return isAllRead() ? InputStatus.MORE_AVAILABLE : status;
    } catch (RuntimeException e) {
      throw explained(e);
    }
  }

  // Says once that nothing is left, and waits until all readers have said it.
  private InputStatus end(ReaderOutput<Line> to) {
    if (isEnded) {
      to.markActive(); // Flink drops the end of time behind an idle source
      return InputStatus.END_OF_INPUT;
    }
    if (!hasSaidRead) {
      hasSaidRead = true;
      to.markIdle(); // readers that are held back no longer wait for this one
      context.sendSourceEventToCoordinator(new KafkaPartitions.Read());
    }
    return InputStatus.NOTHING_AVAILABLE;
  }

  @Override
  public void pauseOrResumeSplits(Collection<String> toPause, Collection<String> toResume) {
    inner.pauseOrResumeSplits(pace.toPause(toPause), pace.toResume(toResume));
  }

  @Override
  public CompletableFuture<Void> isAvailable() {
    if (isEnded || (hasAll && (hasNotice() || (isAllRead() && !hasSaidRead)))) {
      return CompletableFuture.completedFuture(null);
    }
    if (available.isDone()) {
      available = new CompletableFuture<>();
    }
    if (!hasAll || isAllRead()) {
      return available;
    }
    return CompletableFuture.anyOf(inner.isAvailable(), available).thenApply(any -> null);
  }

  private RuntimeException explained(RuntimeException failure) {
    for (Throwable at = failure; at != null; at = at.getCause()) {
      if (at instanceof OffsetOutOfRangeException missing) {
        return new IllegalStateException(missing(missing.offsetOutOfRangePartitions()), failure);
      }
    }
    return failure;
  }

  // As the program says it.
  private String missing(Map<TopicPartition, Long> next) {
    TreeMap<String, String> texts = new TreeMap<>();
    Map<TopicPartition, Long> first = Map.of();
    try (KafkaBrokers asked = new KafkaBrokers(source.connection())) {
      first = asked.firstOffsets(next.keySet());
    } catch (RuntimeException e) {
      // The message goes without what the broker has.
    }
    for (Map.Entry<TopicPartition, Long> one : next.entrySet()) {
      String place = one.getKey().topic() + "/" + one.getKey().partition();
      Long has = first.get(one.getKey());
      texts.put(
          place,
          "messages of " + place + " are missing: offset " + one.getValue() + " is next"
              + (has == null ? "" : ", and the first that the broker has is " + has)
              + ". Nothing was skipped; to go on without them, accept the gap "
              + place + "=" + one.getValue() + ".." + (has == null ? "FIRST" : has));
    }
    return String.join("\n", texts.values());
  }

  @Override
  public List<KafkaPartitionSplit> snapshotState(long checkpoint) {
    return inner.snapshotState(checkpoint);
  }

  @Override
  public void notifyCheckpointComplete(long checkpoint) throws Exception {
    inner.notifyCheckpointComplete(checkpoint);
  }

  @Override
  public void notifyCheckpointAborted(long checkpoint) throws Exception {
    inner.notifyCheckpointAborted(checkpoint);
  }

  @Override
  public void close() throws Exception {
    pulse.close();
    inner.close();
  }

  /** What the connector gives lines to. It says here, too, which partitions have ended. */
  private final class Output implements ReaderOutput<Line> {
    private final ReaderOutput<Line> to;

    Output(ReaderOutput<Line> to) {
      this.to = to;
    }

    @Override
    public void collect(Line line) {
      to.collect(line);
    }

    @Override
    public void collect(Line line, long timestamp) {
      to.collect(line);
    }

    @Override
    public SourceOutput<Line> createOutputForSplit(String split) {
      return new OfSplit(to.createOutputForSplit(split), pace.of(split));
    }

    @Override
    public void releaseOutputForSplit(String split) {
      to.createOutputForSplit(split).markIdle(); // else Flink goes on to count the last one
      to.releaseOutputForSplit(split);
      pace.ended(split);
      TopicPartition ended = partitions.remove(split);
      if (ended != null) {
        pulse.forget(ended);
        to.collect(Line.end(source.sourceOf(ended.topic()), ended.partition()));
      }
    }

    // Time is the judges' matter.
    @Override
    public void emitWatermark(Watermark watermark) {}

    @Override
    public void markIdle() {}

    @Override
    public void markActive() {}
  }

  /** The output of a partition: the source's strategy sees how far its judge is (JudgedTimes). */
  private record OfSplit(SourceOutput<Line> to, KafkaPace.Partition pace)
      implements SourceOutput<Line> {
    @Override
    public void collect(Line line) {
      pace.gave(line.offset()); // which is the message's and 1
      to.collect(line);
    }

    @Override
    public void collect(Line line, long timestamp) {
      pace.gave(line.offset()); // which is the message's and 1
      to.collect(line);
    }

    @Override
    public void emitWatermark(Watermark watermark) {}

    @Override
    public void markIdle() {}

    @Override
    public void markActive() {}
  }
}
