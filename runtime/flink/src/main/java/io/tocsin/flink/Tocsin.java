package io.tocsin.flink;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

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
  private final StreamExecutionEnvironment env;
  private final Rules rules;
  private final JobPlan plan;
  private final List<DataStream<Line>> inputs = new ArrayList<>();
  private String name = "tocsin";
  private long outOfOrdernessUs;
  private Duration interval = Duration.ofMillis(50);
  private SingleOutputStreamOperator<Block> front;

  private Tocsin(StreamExecutionEnvironment env, Rules rules) {
    this.env = env;
    this.rules = rules;
    this.plan = JobPlan.of(rules);
    this.outOfOrdernessUs = plan.lateUs();
  }

  /**
   * Begins a job of these rules. Throws a {@link TocsinException}: rules with errors, with the
   * diagnostics as text; rules that cannot be spread, with the reasons; rules with {@code unique}
   * events, which this version does not filter.
   */
  public static Tocsin job(StreamExecutionEnvironment env, Rules rules) {
    Tocsin tocsin = new Tocsin(env, rules);
    if (!tocsin.plan.uniqueTypes().isEmpty()) {
      throw new TocsinException(
          "unsupported",
          "repeats of unique events are not dropped inside Flink yet: event "
              + String.join(", ", tocsin.plan.uniqueTypes())
              + "; remove `unique` where each event comes once",
          "");
    }
    return tocsin;
  }

  /**
   * Takes lines of a source. Events are in the order of their times, at one time in that of {@link
   * Line}.
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
        env.fromSource(
                new FileLines(files), WatermarkStrategy.noWatermarks(), name + "-files", Line.TYPE)
            .setParallelism(readers)
            .uid(name + "-files"));
  }

  /**
   * How far behind the newest event of its partition an event may be; else what the event types say.
   */
  public Tocsin outOfOrderness(Duration bound) {
    outOfOrdernessUs = bound.toNanos() / 1000;
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
    front = front();
    List<SingleOutputStreamOperator<?>> senders = new ArrayList<>();
    senders.add(front);
    for (int pass = 0; pass < plan.holds().size(); ++pass) {
      List<Edge> behind = plan.passesFrom(pass + 1);
      behind.add(Edge.TO_ALERTS);
      List<Edge> ofPass = new ArrayList<>(behind);
      Edge hold = new Edge(Edge.HOLD, pass);
      boolean hasHold = plan.holds().get(pass);
      if (hasHold) {
        ofPass.add(hold);
      }
      SingleOutputStreamOperator<String> made = stage(new Edge(Edge.PASS, pass), ofPass, senders);
      if (hasHold) {
        senders.add(stage(hold, behind, List.of(made)));
      }
      senders.add(made);
    }
    senders.remove(front);
    return stage(Edge.TO_ALERTS, List.of(), senders);
  }

  /** Lines that were no events. After {@link #alerts()}. */
  public DataStream<String> rejected() {
    return front.getSideOutput(FrontOperator.REJECTED);
  }

  /** Events that came behind the watermark, and were not used. After {@link #alerts()}. */
  public DataStream<String> late() {
    return front.getSideOutput(FrontOperator.LATE);
  }

  private void check() {
    if (inputs.isEmpty()) {
      throw new IllegalStateException("a job needs an input: from() or fromFiles()");
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

  private SingleOutputStreamOperator<Block> front() {
    DataStream<Line> lines = inputs.get(0);
    for (DataStream<Line> more : inputs.subList(1, inputs.size())) {
      lines = lines.union(more);
    }
    FrontOperator.Settings settings =
        new FrontOperator.Settings(
            rules, plan.passesFrom(0), outOfOrdernessUs, Math.max(1, interval.toMillis()));
    SingleOutputStreamOperator<Block> made =
        lines.transform(name + "-front", Block.TYPE, new FrontOperator.Factory(settings));
    return made.setParallelism(lines.getParallelism()).uid(name + "-front");
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
    int parallelism = edge.kind() == Edge.ALERTS ? 1 : env.getParallelism();
    String label = name + "-" + edge.label();
    SingleOutputStreamOperator<Block> received =
        blocks
            .map(block -> block)
            .returns(Block.TYPE)
            .setParallelism(parallelism)
            .setMaxParallelism(KeyGroups.COUNT)
            .name(label + "-in")
            .uid(label + "-in");
    return DataStreamUtils.reinterpretAsKeyedStream(received, new AnyKey(), Types.INT)
        .transform(
            label,
            Types.STRING,
            new StageOperator.Factory(new StageOperator.Settings(rules, edge, to)))
        .setParallelism(parallelism)
        .setMaxParallelism(KeyGroups.COUNT)
        .uid(label);
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
