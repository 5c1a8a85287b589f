package io.tocsin.flink;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * Tocsin in a job of Flink: lines of events in, lines of alerts out.
 *
 * <pre>{@code
 * Tocsin tocsin = Tocsin.job(env, Rules.read(Path.of("rules"))).from(lines);
 * tocsin.alerts().sinkTo(sink);
 * }</pre>
 *
 * The alerts are those of {@code tocsin run} over the same events, byte for byte and in order,
 * whatever the parallelism, failures and restarts.
 */
public final class Tocsin {
  /** How long a block or a watermark may wait in each operator for others to be sent with it. */
  private static final long BUFFER_MILLIS = 5;

  private final StreamExecutionEnvironment env;
  private final Rules rules;
  private final JobPlan plan;
  private final List<DataStream<Line>> inputs = new ArrayList<>();
  private String name = "tocsin";
  private final Map<String, String> options = new TreeMap<>();
  private Duration interval = Duration.ofMillis(50);
  private Duration idleAfter = Duration.ZERO;
  private Duration driftMax; // null: none
  private boolean areTimesUsed;
  private String readFrom;
  private String writeTo;
  private StateSettings state;
  private final String submission = UUID.randomUUID().toString();
  private final List<SingleOutputStreamOperator<?>> judges = new ArrayList<>();
  private SingleOutputStreamOperator<String> intake;
  private final List<Change> firstChanges = new ArrayList<>();
  private DataStream<Change> changes;
  private SingleOutputStreamOperator<String> control;
  private boolean takesChanges;
  private int room;

  private Tocsin(StreamExecutionEnvironment env, Rules rules, boolean allowsOnePart) {
    this.env = env;
    this.rules = rules;
    this.plan = JobPlan.of(rules, allowsOnePart);
  }

  /**
   * Begins a job of these rules. Throws a {@link TocsinException}: rules with errors, with the
   * diagnostics as text; rules that cannot be spread, with the reasons.
   */
  public static Tocsin job(StreamExecutionEnvironment env, Rules rules) {
    return new Tocsin(env, rules, false);
  }

  /**
   * The same, but rules that cannot be spread run all in one part, whatever the parallelism: one slot
   * does the work of all of them. Rules that can be spread are.
   */
  public static Tocsin jobInOnePart(StreamExecutionEnvironment env, Rules rules) {
    return new Tocsin(env, rules, true);
  }

  /**
   * Takes lines of a source. Events are in the order of their times, at one time in that of {@link
   * Line}. All lines of a partition are in one part of the stream, in the order of their offsets, as
   * sources give them: not behind a rebalance or a union.
   */
  public Tocsin from(DataStream<Line> lines) {
    inputs.add(lines);
    return this;
  }

  /**
   * Takes the lines of files, each of which is a partition of source 0. They are read at the same
   * time, and must not be compressed. All machines have the files under these paths, or they are
   * URIs of Flink's file systems.
   */
  public Tocsin fromFiles(List<String> files) {
    int readers = Math.max(1, Math.min(files.size(), env.getParallelism()));
    return from(
        env.fromSource(new FileLines(files), times(), name + "-files", Line.TYPE)
            .setParallelism(readers)
            .uid(name + "-files"));
  }

  /**
   * Takes the messages of topics. The brokers are asked whether the topics are there. An
   * IllegalArgumentException says what is wrong, and what to do.
   */
  public Tocsin fromKafka(KafkaInput input) {
    return from(input.in(env, name + "-kafka-" + inputs.size(), times()));
  }

  /**
   * The strategy for a source whose stream is given to {@link #from}, by itself or behind operators
   * that are chained to it and pass on the very lines. With {@link #driftMax} it makes the source
   * leave partitions alone that are too far ahead of others.
   */
  public WatermarkStrategy<Line> times() {
    areTimesUsed = true;
    return driftMax == null
        ? WatermarkStrategy.noWatermarks()
        : JudgedTimes.aligned(name, driftMax, idleAfter);
  }

  /**
   * How far a partition may be ahead of another one in event time; a source does not read it on until
   * the others have come there. So what waits to be put in order stays small while old data are read.
   * If it is not set, partitions are read as fast as each can be. Set it before the inputs.
   */
  public Tocsin driftMax(Duration drift) {
    if (drift.toMillis() <= 0) {
      throw new IllegalArgumentException("driftMax() takes a time above 0, not " + drift);
    }
    if (areTimesUsed) {
      throw new IllegalStateException("driftMax() comes too late: set it before the inputs");
    }
    driftMax = drift;
    return this;
  }

  /**
   * How far behind the newest event of its partition an event may be; else what the event types say.
   */
  public Tocsin outOfOrderness(Duration bound) {
    return set("out_of_orderness", bound.toMillis() + "ms");
  }

  /**
   * A setting of how events are judged, with the name and values that tocsin_run_open() has: {@code
   * late_policy}, {@code late_max}, {@code ahead_max}, {@code jump_max}, {@code unknown_types},
   * {@code line_bytes_max}, {@code unique_ids_max}, {@code reorder_bytes_max}. Sizes are numbers, all
   * others texts.
   */
  public Tocsin set(String setting, String value) {
    options.put(setting, value.matches("[0-9]+") ? value : "\"" + value + "\"");
    return this;
  }

  /**
   * A partition without a line for so long no longer holds back time; 0, as it is if it is not said:
   * it always does. What it brings behind the time that the job has come to is late.
   */
  public Tocsin idleAfter(Duration silence) {
    if (areTimesUsed && driftMax != null) {
      throw new IllegalStateException("idleAfter() comes too late: set it before the inputs");
    }
    idleAfter = silence;
    return this;
  }

  /**
   * Begins from a state folder, which {@code tocsin savepoint export} has made: rules
   * go on from what they remember, and lines that were read before are passed over. A job that goes
   * on from a checkpoint or savepoint of Flink does not read it.
   */
  public Tocsin readState(String folder) {
    readFrom = folder;
    return this;
  }

  /**
   * Rules, lists and tables change while the job runs, as this stream says: each from a time of
   * events on, that is later than all that any stage has come to. What came of each is in {@link
   * #decisions()}. The alerts are those of one machine that changes its rules before the first event
   * of that time.
   */
  public Tocsin changes(DataStream<Change> stream) {
    changes = changes == null ? stream : changes.union(stream);
    takesChanges = true;
    return this;
  }

  /** Changes that are known beforehand. Those with a time take place then, however soon it comes. */
  public Tocsin changes(List<Change> known) {
    firstChanges.addAll(known);
    takesChanges = true;
    return this;
  }

  /**
   * When the inputs have ended, or the job is stopped with {@code --drain}, time does not end:
   * instead the state is written to a folder, for {@code tocsin savepoint import}.
   * The folder must not exist, and all machines must reach it.
   */
  public Tocsin writeState(String folder) {
    writeTo = folder;
    return this;
  }

  /**
   * The passes that rules may have which the job changes to; else as many as its first rules have.
   * An idle one costs its tasks, and has its share of managed memory.
   */
  public Tocsin room(int passes) {
    room = passes;
    return this;
  }

  /** How often time moves on; 50 ms if it is not said. Each time costs a message on each channel. */
  public Tocsin watermarkInterval(Duration every) {
    interval = every;
    return this;
  }

  /** What the operators' names and uids begin with; for a job of several packs. */
  public Tocsin name(String prefix) {
    name = prefix;
    return this;
  }

  /**
   * The alerts, each one line of JSON, in their one order; the operator has parallelism 1. To be
   * called once, after the inputs and settings. It refuses what would make the alerts wrong:
   * unaligned checkpoints, another max parallelism than 1,024, and batch execution.
   */
  public DataStream<String> alerts() {
    check();
    new Stage(rules, Edge.JUDGES, 0, 1, optionsText()).close(); // refuses wrong options here
    state = stateSettings();
    for (DataStream<Line> input : inputs) {
      judges.add(judge(input, judges.size()));
    }
    JobPlan graph = takesChanges ? plan.withRoom(room) : plan;
    List<SingleOutputStreamOperator<?>> senders = new ArrayList<>(judges);
    if (takesChanges) {
      control = control();
      senders.add(control);
    }
    intake = stage(Edge.TO_INTAKE, graph.passesFrom(0), senders);
    senders = new ArrayList<>(List.of(intake));
    for (int pass = 0; pass < graph.holds().size(); ++pass) {
      List<Edge> behind = graph.passesFrom(pass + 1);
      behind.add(Edge.TO_ALERTS);
      List<Edge> ofPass = new ArrayList<>(behind);
      Edge hold = new Edge(Edge.HOLD, pass);
      boolean hasHold = graph.holds().get(pass);
      if (hasHold) {
        ofPass.add(hold);
      }
      SingleOutputStreamOperator<String> made = stage(new Edge(Edge.PASS, pass), ofPass, senders);
      if (hasHold) {
        senders.add(stage(hold, behind, List.of(made)));
      }
      senders.add(made);
    }
    senders.remove(intake);
    return stage(Edge.TO_ALERTS, List.of(), senders);
  }

  /** Lines that were no events, as {@code tocsin run --dead-letter}. After {@link #alerts()}. */
  public DataStream<String> rejected() {
    return ofJudges(BlockSender.REJECTED);
  }

  /** Events that came too late, as {@code tocsin run --late}. After {@link #alerts()}. */
  public DataStream<String> late() {
    return ofJudges(BlockSender.LATE).union(intake.getSideOutput(BlockSender.LATE));
  }

  /**
   * What came of changes, each a line of JSON: {@code accepted} with the time from which it holds,
   * and which rules and features go on with what they remember; {@code refused} with the reason and,
   * of rules that are wrong, the diagnostics; {@code stands} once time stands before a stop, {@code
   * ended} where the sources ended before. No two have the same {@code id}. After {@link #alerts()}, of a job that takes {@link #changes}.
   */
  public DataStream<String> decisions() {
    if (control == null) {
      throw new IllegalStateException("a job that takes no changes has no decisions: changes()");
    }
    return control;
  }

  private DataStream<String> ofJudges(OutputTag<String> tag) {
    DataStream<String> all = null;
    for (SingleOutputStreamOperator<?> judge : judges) {
      DataStream<String> lines = judge.getSideOutput(tag);
      all = all == null ? lines : all.union(lines);
    }
    return all;
  }

  private void check() {
    if (inputs.isEmpty()) {
      throw new IllegalStateException("a job needs an input: from() or fromFiles()");
    }
    if (takesChanges && plan.isWhole()) {
      throw new IllegalStateException(
          "rules that run in one part do not change while the job runs: stop it with a savepoint, and"
              + " go on from that with the next rules");
    }
    if (takesChanges && (readFrom != null || writeTo != null)) {
      throw new IllegalStateException(
          "a job whose rules change neither begins from a state folder nor writes one: leave out its"
              + " changes");
    }
    if (env.getCheckpointConfig().isUnalignedCheckpointsEnabled()) {
      throw new IllegalStateException(
          "unaligned checkpoints are enabled: what is on its way cannot be given to other parts;"
              + " switch off execution.checkpointing.unaligned.enabled");
    }
    env.getCheckpointConfig().enableUnalignedCheckpoints(false);
    int groups = env.getMaxParallelism();
    if (groups > 0 && groups != KeyGroups.COUNT) {
      throw new IllegalStateException(
          "the max parallelism is " + groups + ", and must be " + KeyGroups.COUNT + " or not set");
    }
    if (env.getConfiguration().get(ExecutionOptions.RUNTIME_MODE)
        != RuntimeExecutionMode.STREAMING) {
      throw new IllegalStateException("the job must run as streaming: execution.runtime-mode");
    }
  }

  // Each input has judges of its own, as many as it has parts: a partition is judged in one place.
  private SingleOutputStreamOperator<Block> judge(DataStream<Line> lines, int input) {
    JudgeOperator.Settings settings =
        new JudgeOperator.Settings(
            rules,
            stageOptions(Edge.JUDGES),
            Math.max(1, interval.toMillis()),
            idleAfter.toMillis(),
            judgeLabel(input),
            state);
    String label = name + "-judge-" + input;
    return lines
        .forward()
        .transform(label, Block.TYPE, new JudgeOperator.Factory(settings))
        .setParallelism(lines.getParallelism())
        .setBufferTimeout(BUFFER_MILLIS)
        .uid(label);
  }

  private static String judgeLabel(int input) {
    return StateFolder.JUDGES + "-" + input;
  }

  // Refuses what can be known before the job runs.
  private StateSettings stateSettings() {
    List<Edge> stages = new ArrayList<>(plan.passesFrom(0));
    for (int pass = 0; pass < plan.holds().size(); ++pass) {
      if (plan.holds().get(pass)) {
        stages.add(new Edge(Edge.HOLD, pass));
      }
    }
    stages.add(Edge.TO_ALERTS);
    if (readFrom != null) {
      new StateFolder(readFrom).check(rules, stages);
    }
    if (writeTo != null) {
      new StateFolder(writeTo).checkIsNew();
    }
    List<String> labels = new ArrayList<>();
    for (int input = 0; input < inputs.size(); ++input) {
      labels.add(judgeLabel(input));
    }
    labels.add(Edge.TO_INTAKE.label());
    stages.forEach(stage -> labels.add(stage.label()));
    return new StateSettings(readFrom, writeTo, List.copyOf(labels));
  }

  // Hears from the judges how far they have come, by an edge that carries nothing.
  private SingleOutputStreamOperator<String> control() {
    DataStream<Block> time = null;
    for (SingleOutputStreamOperator<?> judge : judges) {
      DataStream<Block> of = judge.getSideOutput(new OutputTag<>("time", Block.TYPE));
      time = time == null ? of : time.union(of);
    }
    String label = name + "-control";
    if (changes == null) {
      changes =
          env.fromSequence(0, 0)
              .setParallelism(1)
              .uid(label + "-none")
              .flatMap((Long number, Collector<Change> to) -> {})
              .returns(Change.TYPE)
              .setParallelism(1)
              .uid(label + "-no-changes");
    }
    ControlOperator.Settings settings =
        new ControlOperator.Settings(
            rules,
            stageOptions(Edge.TO_INTAKE),
            plan.withRoom(room).holds().size(),
            List.copyOf(firstChanges),
            submission);
    DataStream<Change> active =
        changes
            .global()
            .transform(label + "-changes", Change.TYPE, new ActiveChanges.Factory())
            .setParallelism(1)
            .uid(label + "-changes");
    return time.connect(active)
        .transform(label, Types.STRING, new ControlOperator.Factory(settings))
        .setParallelism(1)
        .setMaxParallelism(1)
        .setBufferTimeout(BUFFER_MILLIS)
        .uid(label);
  }

  private String stageOptions(Edge edge) {
    boolean isOfFront = edge.kind() == Edge.INTAKE || edge.kind() == Edge.JUDGE;
    String text = isOfFront ? optionsText() : "";
    if (takesChanges) {
      text += text.isEmpty() ? "" : ",";
      text += "\"passes\":" + plan.withRoom(room).holds().size();
      text += isOfFront ? ",\"judges_change\":false" : "";
    }
    return text;
  }

  private String optionsText() {
    return options.entrySet().stream()
        .map(option -> "\"" + option.getKey() + "\":" + option.getValue())
        .collect(Collectors.joining(","));
  }

  // An operator behind all that send to it. A block goes to the part that it is for: the partitioner
  // stands where Flink would hash a key, and an operator that does nothing makes Flink take what
  // comes as keyed.
  private SingleOutputStreamOperator<String> stage(
      Edge edge, List<Edge> to, List<SingleOutputStreamOperator<?>> senders) {
    DataStream<Block> blocks = null;
    for (SingleOutputStreamOperator<?> sender : senders) {
      DataStream<Block> sent =
          sender.getSideOutput(edge.tag()).partitionCustom(new Block.ToPart(), new WholeBlock());
      blocks = blocks == null ? sent : blocks.union(sent);
    }
    boolean isOnePart = edge.kind() == Edge.ALERTS || (edge.kind() == Edge.PASS && plan.isWhole());
    int parallelism = isOnePart ? 1 : env.getParallelism();
    String label = name + "-" + edge.label();
    SingleOutputStreamOperator<Block> received =
        blocks
            .map(block -> block)
            .returns(Block.TYPE)
            .setParallelism(parallelism)
            .setMaxParallelism(KeyGroups.COUNT)
            .name(label + "-in")
            .uid(label + "-in");
    StageOperator.Settings settings =
        new StageOperator.Settings(
            rules, edge, to, stageOptions(edge), state, takesChanges ? submission : null);
    SingleOutputStreamOperator<String> made =
        DataStreamUtils.reinterpretAsKeyedStream(received, new AnyKey(), Types.INT)
            .transform(label, Types.STRING, new StageOperator.Factory(settings))
            .setParallelism(parallelism)
            .setMaxParallelism(KeyGroups.COUNT)
            .setBufferTimeout(BUFFER_MILLIS)
            .uid(label);
    StageMemory.declare(made, edge);
    return made;
  }

  private static final class WholeBlock implements KeySelector<Block, Block> {
    private static final long serialVersionUID = 1L;

    @Override
    public Block getKey(Block block) {
      return block;
    }
  }

  /** A block has rows of many keys; the operator sets the one whose state it writes. */
  private static final class AnyKey implements KeySelector<Block, Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public Integer getKey(Block block) {
      return KeyGroups.keyOf(0);
    }
  }
}
