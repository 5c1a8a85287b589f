package io.tocsin.flink;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.state.AbstractKeyedStateBackend;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;

/**
 * The intake, a pass, a hold, or the alerts: blocks in, blocks or lines out. Its state in the library is the one
 * that it works on; Flink's, which a checkpoint brings up to date, is the durable one.
 */
final class StageOperator extends VersionedOperator<String>
    implements OneInputStreamOperator<Block, String>, BoundedOneInput {
  private static final long serialVersionUID = 1L;

  /** Rows that are worked on before what they gave is sent. */
  private static final long WORK_MAX = 10_000;

  private final Settings settings;
  private transient Stage stage;
  private transient BlockSender sender;
  private transient StageState state;
  private transient StageMemory memory;
  private transient StageMetrics metrics;
  private transient StageRules rules; // null where they do not change
  private transient List<Block> early; // of rules that the stage is not told of yet
  private transient long reached;

  private StageOperator(Settings settings, StreamOperatorParameters<String> parameters) {
    super(parameters);
    this.settings = settings;
  }

  /**
   * What a stage is, and the stages that it sends to; {@code submission} is null where rules do not
   * change.
   */
  record Settings(
      Rules rules,
      Edge edge,
      List<Edge> to,
      String options,
      StateSettings state,
      String submission)
      implements Serializable {}

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    if (settings.submission() != null) {
      rules =
          new StageRules(
              context.getOperatorStateStore(), settings.submission(), settings.rules());
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    Parts parts = Parts.of(getRuntimeContext());
    Rules first = rules == null ? settings.rules() : rules.now();
    stage = new Stage(first, settings.edge(), parts.part(), parts.parts(), settings.options());
    memory =
        StageMemory.reserve(
            settings.edge(), getContainingTask().getEnvironment(), getOperatorConfig());
    stage.limitMemory(memory.bytes());
    early = new ArrayList<>();
    if (rules != null && rules.next() != null) {
      stage.prepare(rules.next().rules(), rules.next().fromUs());
    }
    sender = new BlockSender(stage, output, settings.edge(), settings.to());
    state =
        new StageState(
            getRuntimeContext().getMapState(StageState.DESCRIPTOR),
            group -> setCurrentKey(KeyGroups.keyOf(group)));
    KeyGroupRange own = ownGroups();
    String report = state.restore(stage, own);
    if (report == null && settings.state().readFrom() != null) {
      new StateFolder(settings.state().readFrom())
          .restore(stage, settings.edge().label(), own::contains);
    }
    if (report != null && !report.contains("\"is_same\":true")) {
      LOG.info("{} goes on under other rules: {}", settings.edge().label(), report);
    }
    reached = stage.watermark();
    metrics = new StageMetrics(stage, getMetricGroup());
  }

  private KeyGroupRange ownGroups() {
    return ((AbstractKeyedStateBackend<?>) (Object) getKeyedStateBackend()).getKeyGroupRange();
  }

  // The key is set where state is written; a block has rows of many.
  @Override
  public void setKeyContextElement(StreamRecord<Block> block) {}

  @Override
  @SuppressWarnings("rawtypes") // as the base class has it
  public void setKeyContextElement1(StreamRecord block) {}

  @Override
  public void processElement(StreamRecord<Block> element) throws Exception {
    Block block = element.getValue();
    if (block.isProbe()) {
      return;
    }
    sender.learnParts();
    if (RuleChange.isIn(block)) {
      take(RuleChange.of(block));
    } else if (!put(block)) {
      early.add(block);
    }
    metrics.update();
  }

  // False where it is of rules behind a second change, of which the stage is told once the first one
  // took place. The library could not tell: these rules may be those before the first.
  private boolean put(Block block) {
    if (rules != null && rules.isEarly(block)) {
      return false;
    }
    stage.put(block);
    return true;
  }

  // The stages behind hear of it before anything that is of the next rules.
  private void take(RuleChange change) throws Exception {
    if (rules == null) {
      throw new IllegalStateException("rules change in a job that takes no changes");
    }
    if (!rules.add(change)) {
      return;
    }
    if (rules.next() == change) {
      stage.prepare(change.rules(), change.fromUs());
    }
    sender.send(change);
  }

  @Override
  public void processWatermark(Watermark mark) throws Exception {
    sender.learnParts();
    long watermark = EventTimes.watermarkOfMillis(mark.getTimestamp());
    if (watermark > reached) {
      while (rules != null && rules.next() != null && rules.next().fromUs() <= watermark) {
        goOver();
      }
      work(watermark);
      reached = watermark;
      metrics.update();
    }
    super.processWatermark(mark);
  }

  private void work(long watermark) throws InterruptedException {
    boolean isDone;
    do {
      isDone = stage.advance(watermark, WORK_MAX);
      send();
      if (Thread.currentThread().isInterrupted()) {
        throw new InterruptedException("the task is being ended");
      }
    } while (!isDone);
  }

  // To before the time of the change that waits, and with the next rules to it: so what is sent is of
  // the ones or the others. Then the stage is told of the change behind it.
  private void goOver() throws InterruptedException {
    long from = rules.next().fromUs();
    work(from - 1);
    rules.goOver();
    work(from);
    LOG.info("{} went over to other rules: {}", settings.edge().label(), stage.wentOver());
    RuleChange next = rules.next();
    if (next != null) {
      stage.prepare(next.rules(), next.fromUs());
      early.removeIf(this::put);
    }
  }

  // A stage whose senders are idle is not: at the end of time it may have alerts of its own, and
  // what is behind it has to wait for them.
  @Override
  public void processWatermarkStatus(WatermarkStatus status) {}

  private void send() {
    sender.send(rules == null ? 0 : rules.nowNumber());
    if (settings.edge().kind() == Edge.ALERTS) {
      BlockSender.eachLine(
          stage.takeAlerts(), line -> output.collect(new StreamRecord<>(line)));
    }
  }

  // An intake sets aside what comes too late when it comes.
  @Override
  public void prepareSnapshotPreBarrier(long checkpoint) {
    sender.learnParts();
    send();
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    if (!early.isEmpty()) {
      throw new IllegalStateException("blocks of rules that were not prepared wait at a checkpoint");
    }
    if (rules != null) {
      rules.write();
    }
    state.write(stage);
    metrics.ask();
  }

  @Override
  public void finish() throws Exception {
    metrics.ask();
    super.finish();
  }

  /** The inputs have ended, and time has not: the state is for one machine. */
  @Override
  public void endInput() throws Exception {
    if (settings.state().writeTo() == null) {
      return;
    }
    sender.learnParts();
    send();
    state.write(stage);
    StateFolder folder = new StateFolder(settings.state().writeTo());
    KeyGroupRange own = ownGroups();
    String label = settings.edge().label();
    int[] semantics = new int[1];
    folder.writePart(
        label,
        label,
        Parts.of(getRuntimeContext()),
        sink ->
            state.give(
                own,
                (group, key, value) -> {
                  if (key.equals(Entries.HEADS[1])) {
                    semantics[0] = StateFolder.semanticsOf(value);
                  }
                  sink.put(group, key, value);
                }));
    if (settings.edge().kind() == Edge.ALERTS) { // behind all others
      folder.writeHead(settings.state().labels(), semantics[0]);
    }
  }

  @Override
  public void close() throws Exception {
    if (stage != null) {
      stage.close();
      stage = null;
    }
    if (memory != null) {
      memory.close();
      memory = null;
    }
    super.close();
  }

  static final class Factory extends AbstractStreamOperatorFactory<String>
      implements OneInputStreamOperatorFactory<Block, String> {
    private static final long serialVersionUID = 1L;

    private final Settings settings;

    Factory(Settings settings) {
      this.settings = settings;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<String>> T createStreamOperator(
        StreamOperatorParameters<String> parameters) {
      return (T) new StageOperator(settings, parameters);
    }

    @Override
    @SuppressWarnings("rawtypes") // as the interface has it
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader loader) {
      return StageOperator.class;
    }
  }
}
