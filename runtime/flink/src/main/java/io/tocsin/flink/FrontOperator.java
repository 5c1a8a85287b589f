package io.tocsin.flink;

import java.io.Serializable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.util.OutputTag;

/**
 * Chained to the sources: lines in, blocks for all passes out. It makes the watermark, which is the
 * least one of its partitions: the time of the newest event less the out-of-orderness. An event
 * that comes behind it is put out as late.
 *
 * <p>What the intake of one machine does besides is not done here: repeats of unique events, the
 * numbering of equal events without an id, and lateness by partition.
 */
final class FrontOperator extends VersionedOperator<Block>
    implements OneInputStreamOperator<Line, Block> {
  private static final long serialVersionUID = 1L;

  /** Lines that were no events, as they came. */
  static final OutputTag<String> REJECTED = new OutputTag<>("rejected", Types.STRING);

  /** Events that came behind the watermark, as they came. */
  static final OutputTag<String> LATE = new OutputTag<>("late", Types.STRING);

  /** Lines between two looks at what there is to send. */
  private static final int LINES = 1024;

  private static final long NO_EVENT = Long.MIN_VALUE;

  private final Settings settings;
  private transient Stage stage;
  private transient BlockSender sender;
  private transient ListState<Long> kept;
  private transient Map<Integer, Newest> partitions;
  private transient long[] time;
  private transient long watermark; // of Flink, the last one sent
  private transient int lines;
  private transient boolean isEnded;
  private transient boolean isIdle;
  private transient Counter events;
  private transient Counter rejected;
  private transient Counter late;

  private FrontOperator(Settings settings, StreamOperatorParameters<Block> parameters) {
    super(parameters);
    this.settings = settings;
  }

  /** Out-of-orderness in microseconds, the interval of watermarks in milliseconds. */
  record Settings(Rules rules, List<Edge> to, long outOfOrdernessUs, long intervalMs)
      implements Serializable {}

  private static final class Newest {
    long time = NO_EVENT;
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    kept =
        context
            .getOperatorStateStore()
            .getUnionListState(new ListStateDescriptor<>("watermark", Types.LONG));
    // Passes have not come further than the least of all.
    watermark = Long.MIN_VALUE;
    boolean isFirst = true;
    for (long of : kept.get()) {
      watermark = isFirst ? of : Math.min(watermark, of);
      isFirst = false;
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    TaskInfo task = getRuntimeContext().getTaskInfo();
    stage =
        new Stage(
            settings.rules(),
            new Edge(Edge.SOURCE, 0),
            task.getIndexOfThisSubtask(),
            task.getNumberOfParallelSubtasks());
    sender = new BlockSender(stage, output, settings.to());
    partitions = new HashMap<>();
    time = new long[1];
    events = getMetricGroup().counter("events");
    rejected = getMetricGroup().counter("rejected");
    late = getMetricGroup().counter("late");
    callLater();
  }

  private void callLater() {
    long now = getProcessingTimeService().getCurrentProcessingTime();
    getProcessingTimeService().registerTimer(now + settings.intervalMs(), this::onInterval);
  }

  private void onInterval(long now) {
    if (!isEnded) {
      advance();
      callLater();
    }
  }

  @Override
  public void processElement(StreamRecord<Line> element) {
    sender.learnParts();
    Line line = element.getValue();
    switch (line.kind()) {
      case TEXT -> take(line);
      case BEGIN -> partitions.putIfAbsent(line.place(), new Newest());
      case END -> partitions.remove(line.place());
      case NONE -> {}
    }
    if (line.kind() == Line.Kind.END || line.kind() == Line.Kind.NONE) {
      if (partitions.isEmpty()) {
        setIdle(true);
      }
    } else {
      setIdle(false);
    }
    if (++lines == LINES) {
      lines = 0;
      sender.send();
    }
  }

  private void take(Line line) {
    int outcome = stage.eventTime(line.bytes(), time);
    if (outcome == Stage.EVENT_REJECTED || outcome == Stage.EVENT_UNKNOWN) {
      rejected.inc();
      output.collect(REJECTED, new StreamRecord<>(line.text()));
      return;
    }
    events.inc();
    Newest newest = partitions.computeIfAbsent(line.place(), place -> new Newest());
    if (watermark != Long.MIN_VALUE && time[0] <= EventTimes.watermarkOfMillis(watermark)) {
      late.inc();
      output.collect(LATE, new StreamRecord<>(line.text()));
      return;
    }
    newest.time = Math.max(newest.time, time[0]);
    if (outcome == Stage.EVENT_SENT) {
      stage.putEvent(line.bytes(), line.record());
    }
  }

  private void setIdle(boolean idle) {
    if (idle != isIdle) {
      isIdle = idle;
      if (idle) {
        sender.send();
      }
      output.emitWatermarkStatus(idle ? WatermarkStatus.IDLE : WatermarkStatus.ACTIVE);
    }
  }

  // Sends the watermark, if there is a later one.
  private void advance() {
    long least = Long.MAX_VALUE;
    for (Newest newest : partitions.values()) {
      least = Math.min(least, newest.time);
    }
    if (least == NO_EVENT || least == Long.MAX_VALUE) {
      return;
    }
    long next = EventTimes.millisBefore(least - settings.outOfOrdernessUs());
    if (next > watermark) {
      sender.send();
      watermark = next;
      output.emitWatermark(new Watermark(watermark));
    }
  }

  // What the source says of time is not used, but for its end.
  @Override
  public void processWatermark(Watermark mark) {
    if (mark.getTimestamp() == Watermark.MAX_WATERMARK.getTimestamp()) {
      sender.learnParts();
      isEnded = true;
      setIdle(false);
      sender.send();
      watermark = mark.getTimestamp();
      output.emitWatermark(mark);
    }
  }

  @Override
  public void processWatermarkStatus(WatermarkStatus status) {}

  @Override
  public void prepareSnapshotPreBarrier(long checkpoint) {
    sender.learnParts();
    sender.send();
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    kept.update(List.of(isIdle ? Long.MAX_VALUE : watermark)); // one that is idle holds back nobody
  }

  @Override
  public void close() throws Exception {
    if (stage != null) {
      stage.close();
      stage = null;
    }
    super.close();
  }

  static final class Factory extends AbstractStreamOperatorFactory<Block>
      implements OneInputStreamOperatorFactory<Line, Block> {
    private static final long serialVersionUID = 1L;

    private final Settings settings;

    Factory(Settings settings) {
      this.settings = settings;
      setChainingStrategy(ChainingStrategy.ALWAYS);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<Block>> T createStreamOperator(
        StreamOperatorParameters<Block> parameters) {
      return (T) new FrontOperator(settings, parameters);
    }

    @Override
    @SuppressWarnings("rawtypes") // as the interface has it
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader loader) {
      return FrontOperator.class;
    }
  }
}
