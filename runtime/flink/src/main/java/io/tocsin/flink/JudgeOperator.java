package io.tocsin.flink;

import java.io.Serializable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;

/**
 * Chained to the sources: lines in, blocks for the intake out. Each partition is judged by its own
 * time. The watermark is the least one of the partitions that are not idle.
 */
final class JudgeOperator extends VersionedOperator<Block>
    implements OneInputStreamOperator<Line, Block>, BoundedOneInput {
  private static final long serialVersionUID = 1L;

  /** Lines between two looks at what there is to send. */
  private static final int LINES = 1024;

  private final Settings settings;
  private transient Stage stage;
  private transient BlockSender sender;
  private transient JudgeState state;
  private transient Map<Integer, Partition> partitions;
  private transient long watermark; // of Flink, the last one sent
  private transient long counted; // the time at which silence was counted last
  private transient long quietFor; // this part, since its beginning
  private transient int lines;
  private transient boolean hasNone; // the reader has said so, or a partition has ended
  private transient boolean isIdle;
  private transient boolean isEnded;
  private transient Counter[] outcomes;
  private transient int[] counts; // of a message's lines, by outcome
  private transient StageMetrics metrics;

  private JudgeOperator(Settings settings, StreamOperatorParameters<Block> parameters) {
    super(parameters);
    this.settings = settings;
  }

  /**
   * Options of the stage, and times in milliseconds; {@code idleAfterMs} 0: never. {@code label} is
   * the operator's in a state folder.
   */
  record Settings(
      Rules rules,
      String options,
      long intervalMs,
      long idleAfterMs,
      String label,
      StateSettings state)
      implements Serializable {}

  private static final class Partition {
    final byte[] name;
    boolean hasLines = true; // since the last interval
    long quietFor;
    long reached = Long.MIN_VALUE; // at the last interval, as a watermark of Flink

    Partition(byte[] name) {
      this.name = name;
    }
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    state = new JudgeState(context.getOperatorStateStore());
  }

  @Override
  public void open() throws Exception {
    super.open();
    TaskInfo task = getRuntimeContext().getTaskInfo();
    stage =
        new Stage(
            settings.rules(),
            Edge.JUDGES,
            task.getIndexOfThisSubtask(),
            task.getNumberOfParallelSubtasks(),
            settings.options());
    if (!state.restore(stage) && settings.state().readFrom() != null) {
      new StateFolder(settings.state().readFrom())
          .restore(stage, StateFolder.JUDGES, group -> true);
    }
    sender = new BlockSender(stage, output, Edge.JUDGES, List.of(Edge.TO_INTAKE));
    partitions = new HashMap<>();
    watermark = Long.MIN_VALUE;
    counts = new int[Stage.OUTCOMES.length];
    outcomes = new Counter[Stage.OUTCOMES.length];
    for (int i = 0; i < outcomes.length; ++i) {
      outcomes[i] = getMetricGroup().counter("lines_" + Stage.OUTCOMES[i]);
    }
    metrics = new StageMetrics(stage, getMetricGroup());
    counted = getProcessingTimeService().getCurrentProcessingTime();
    callLater(counted);
  }

  private void callLater(long now) {
    getProcessingTimeService().registerTimer(now + settings.intervalMs(), this::onInterval);
  }

  private void onInterval(long now) {
    if (!isEnded) {
      advance(getProcessingTimeService().getCurrentProcessingTime());
      metrics.update();
      callLater(getProcessingTimeService().getCurrentProcessingTime());
    }
  }

  @Override
  public void processElement(StreamRecord<Line> element) {
    sender.learnParts();
    Line line = element.getValue();
    switch (line.kind()) {
      case TEXT, MESSAGE -> take(line);
      case WAITS -> await(line);
      case BEGIN -> begin(line);
      case END -> end(line);
      case NONE -> hasNone = true;
    }
    if (++lines >= LINES) {
      lines = 0;
      sender.send();
    }
  }

  private void take(Line line) {
    Partition partition = partitions.get(line.place());
    if (partition == null) {
      partition = begin(line);
    }
    partition.hasLines = true;
    setIdle(false);
    long takenAt = line.takenAtMillis();
    if (takenAt == Line.NO_TIME) {
      takenAt = System.currentTimeMillis();
    }
    line.setJudgedMillis(partition.reached);
    if (line.kind() == Line.Kind.TEXT) {
      int outcome =
          stage.putLine(partition.name, line.bytes(), takenAt * 1000, line.record(), line.index());
      outcomes[outcome].inc();
      return;
    }
    stage.putLines(partition.name, line.bytes(), takenAt * 1000, line.record(), counts);
    for (int i = 0; i < counts.length; ++i) {
      lines += counts[i];
      outcomes[i].inc(counts[i]);
    }
  }

  private void await(Line line) {
    Partition partition = partitions.get(line.place());
    if (partition != null) {
      partition.hasLines = true;
      setIdle(false);
    }
  }

  private Partition begin(Line line) {
    Partition partition = new Partition(line.name());
    partitions.put(line.place(), partition);
    stage.sourceWatermark(partition.name); // from now on it is this part's
    setIdle(false);
    return partition;
  }

  private void end(Line line) {
    if (settings.state().writeTo() != null) {
      return; // it goes on elsewhere, and holds back time until then
    }
    Partition partition = partitions.remove(line.place());
    if (partition != null) {
      stage.endSource(partition.name);
    }
    hasNone = true;
  }

  private void setIdle(boolean idle) {
    if (idle != isIdle) {
      isIdle = idle;
      output.emitWatermarkStatus(idle ? WatermarkStatus.IDLE : WatermarkStatus.ACTIVE);
    }
  }

  // Sends what there is, then the watermark, if there is a later one.
  private void advance(long now) {
    sender.learnParts();
    sender.send();
    long least = Long.MAX_VALUE;
    boolean isAnyActive = false;
    // While this part is held up, lines may wait before it: only an interval of that is silence.
    long passed = Math.min(now - counted, 2 * settings.intervalMs());
    counted = now;
    quietFor += passed;
    for (Partition partition : partitions.values()) {
      partition.quietFor = partition.hasLines ? 0 : partition.quietFor + passed;
      partition.hasLines = false;
      if (!isQuiet(partition.quietFor)) {
        isAnyActive = true;
        long reached = stage.sourceWatermark(partition.name);
        least = Math.min(least, reached);
        partition.reached = reached == Long.MIN_VALUE ? reached : EventTimes.millisBefore(reached);
      }
    }
    if (!isAnyActive) {
      setIdle(!partitions.isEmpty() || hasNone || isQuiet(quietFor));
    } else if (least != Long.MIN_VALUE) {
      long next = EventTimes.millisBefore(least);
      if (next > watermark) {
        watermark = next;
        output.emitWatermark(new Watermark(watermark));
      }
    }
  }

  private boolean isQuiet(long silence) {
    return settings.idleAfterMs() > 0 && silence >= settings.idleAfterMs();
  }

  // What the source says of time is not used, but for its end.
  @Override
  public void processWatermark(Watermark mark) {
    if (mark.getTimestamp() == Watermark.MAX_WATERMARK.getTimestamp()) {
      sender.learnParts();
      isEnded = true;
      if (settings.state().writeTo() != null) { // time goes on elsewhere
        advance(getProcessingTimeService().getCurrentProcessingTime());
        return;
      }
      setIdle(false);
      boolean isDone;
      do {
        isDone = stage.advance(EventTimes.END, LINES);
        sender.send();
      } while (!isDone);
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
    state.write(stage);
    metrics.ask();
  }

  @Override
  public void finish() throws Exception {
    metrics.ask();
    super.finish();
  }

  @Override
  public void endInput() throws Exception {
    if (settings.state().writeTo() == null) {
      return;
    }
    sender.send();
    state.write(stage);
    TaskInfo task = getRuntimeContext().getTaskInfo();
    Parts parts = new Parts(task.getIndexOfThisSubtask(), task.getNumberOfParallelSubtasks());
    new StateFolder(settings.state().writeTo())
        .writePart(settings.label(), StateFolder.JUDGES, parts, state::give);
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
      return (T) new JudgeOperator(settings, parameters);
    }

    @Override
    @SuppressWarnings("rawtypes") // as the interface has it
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader loader) {
      return JudgeOperator.class;
    }
  }
}
