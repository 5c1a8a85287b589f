package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/** A job over files in a cluster inside this process, whose alerts are kept here. One at a time. */
final class TestJob {
  /** What was given so far, without what a failure took back. */
  static final List<String> ALERTS = Collections.synchronizedList(new ArrayList<>());

  /** What came too late, and what was no event. */
  static final List<String> LATE = Collections.synchronizedList(new ArrayList<>());

  static final List<String> REJECTED = Collections.synchronizedList(new ArrayList<>());

  /** What came of changes. */
  static final List<String> DECISIONS = Collections.synchronizedList(new ArrayList<>());

  private static final int NEVER = Integer.MAX_VALUE;

  /** Lines that were read; behind {@code slowFrom} of them reading is slow. */
  private static final AtomicInteger READ = new AtomicInteger();

  private static volatile int slowFrom = NEVER;

  /** The partition whose lines take so long each, and sixteen of others a millisecond; -1: none. */
  private static volatile int slowPlace = -1;

  private static volatile int slowMillis;

  private static volatile boolean failsAfterCheckpoint;
  private static volatile boolean mustFail;

  private final Path rules;
  private final List<Path> files;
  private final Configuration configuration = new Configuration();
  private boolean hasFailed;
  private Duration idleAfter;
  private Duration driftMax;
  private List<Change> changes = List.of();
  private boolean takesChanges;
  private Change streamed;
  private Path watched;
  private int room;

  TestJob(Path rules, List<Path> files) {
    this.rules = rules;
    this.files = files;
    set("rest.bind-address", "127.0.0.1");
    set("rest.address", "127.0.0.1");
    set("rest.bind-port", "0");
    set("taskmanager.numberOfTaskSlots", "4");
    set("taskmanager.memory.network.min", "32mb");
    set("taskmanager.memory.network.max", "32mb");
    set("taskmanager.memory.managed.size", "512mb");
    set("restart-strategy.type", "disable"); // else a job that cannot go on is begun for ever
    slowFrom = NEVER;
    slowPlace = -1;
    failsAfterCheckpoint = false;
    mustFail = false;
    READ.set(0);
    ALERTS.clear();
    LATE.clear();
    REJECTED.clear();
    DECISIONS.clear();
  }

  /** Rules that change while the job runs. */
  TestJob changes(List<Change> known) {
    changes = known;
    takesChanges = true;
    return this;
  }

  /** Passes that later rules may have. */
  TestJob room(int passes) {
    room = passes;
    return this;
  }

  TestJob set(String name, String value) {
    configuration.setString(name, value);
    return this;
  }

  /** Runs to the end. */
  List<String> run(int parallelism) throws Exception {
    start(parallelism, rules).getJobExecutionResult().get();
    assertNothingIsLeft();
    return List.copyOf(ALERTS);
  }

  /** Runs with the first file read slowly; others may be ahead by so much, null: as they like. */
  List<String> runBesideSlow(int parallelism, int millis, Duration mayBeAhead) throws Exception {
    slowPlace = 0;
    slowMillis = millis;
    driftMax = mayBeAhead;
    return run(parallelism);
  }

  /** Runs half of the lines, goes on from a savepoint with other numbers of parts and other rules. */
  List<String> runInTwo(int first, int second, int lines, Path otherRules, Path folder)
      throws Exception {
    slowFrom = lines / 2;
    JobClient client = start(first, rules);
    while (READ.get() < slowFrom + 20) {
      Thread.sleep(5);
    }
    String savepoint = stop(client, folder);
    assertNothingIsLeft();
    slowFrom = NEVER;
    changes = List.of();
    set("execution.savepoint.path", savepoint);
    start(second, otherRules).getJobExecutionResult().get();
    assertNothingIsLeft();
    return List.copyOf(ALERTS);
  }

  /** Runs with a change that comes in the middle, and then with one at a time that is long past. */
  List<String> runWithStream(int parallelism, int lines, Change change) throws Exception {
    slowFrom = lines / 2;
    streamed = change;
    JobClient client = start(parallelism, rules);
    while (DECISIONS.size() < 2) {
      Thread.sleep(5);
    }
    slowFrom = NEVER;
    client.getJobExecutionResult().get();
    assertNothingIsLeft();
    return List.copyOf(ALERTS);
  }

  /**
   * Looks at a link to the rules, which are other ones in the middle, and others again and again once
   * there are all alerts; gives these.
   */
  List<String> runWatched(Path link, Path next, int lines, Expected expected) throws Exception {
    slowFrom = lines / 2;
    watched = link;
    JobClient client = start(2, rules);
    waitFor(() -> READ.get() >= slowFrom + 20);
    pointTo(link, next);
    waitFor(() -> !DECISIONS.isEmpty());
    slowFrom = NEVER;
    int count = expected.alerts(DECISIONS.get(0)).size();
    waitFor(() -> ALERTS.size() >= count);
    for (Path other = rules; DECISIONS.stream().noneMatch(line -> line.contains("have ended")); ) {
      int decisions = DECISIONS.size();
      pointTo(link, other);
      waitFor(() -> DECISIONS.size() > decisions);
      other = other.equals(rules) ? next : rules;
    }
    client.cancel().get();
    assertNothingIsLeft();
    return List.copyOf(ALERTS);
  }

  /** What there is to be after a decision. */
  interface Expected {
    List<String> alerts(String decision) throws Exception;
  }

  /** Puts a link in place at once. */
  static void pointTo(Path link, Path folder) throws Exception {
    Path made = link.resolveSibling("made");
    Files.createSymbolicLink(made, folder.toAbsolutePath());
    Files.move(
        made, link, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  // A source that has nothing ends while the job begins, and a savepoint that is asked for just then
  // is given up.
  private static String stop(JobClient client, Path folder) throws Exception {
    String to = folder.toUri().toString();
    for (int tries = 1; ; ++tries) {
      try {
        return client.stopWithSavepoint(false, to, SavepointFormatType.CANONICAL).get();
      } catch (ExecutionException e) {
        if (tries == 5 || !e.getMessage().contains("Task local checkpoint failure")) {
          throw e;
        }
        Thread.sleep(100);
      }
    }
  }

  private static void waitFor(BooleanSupplier holds) throws InterruptedException {
    while (!holds.getAsBoolean()) {
      Thread.sleep(5);
    }
  }

  /** Runs to before a time, stops, and goes on with other numbers of parts and other rules. */
  List<String> runToStop(int first, int second, int lines, Change stop, Path otherRules, Path folder)
      throws Exception {
    slowFrom = lines / 2;
    changes(List.of(stop));
    JobClient client = start(first, rules);
    while (DECISIONS.stream().noneMatch(line -> line.contains("\"stands\""))) {
      Thread.sleep(5);
    }
    String savepoint = stop(client, folder);
    assertNothingIsLeft();
    slowFrom = NEVER;
    changes = List.of();
    set("execution.savepoint.path", savepoint);
    start(second, otherRules).getJobExecutionResult().get();
    assertNothingIsLeft();
    return List.copyOf(ALERTS);
  }

  /**
   * Runs beside a partition that is announced and has no line, which is idle after {@code silence};
   * says how many alerts there were before the end.
   */
  int runBesideSilence(int lines, Duration silence) throws Exception {
    slowFrom = lines / 2;
    idleAfter = silence;
    JobClient client = start(2, rules);
    while (READ.get() < slowFrom + 1000) {
      Thread.sleep(5);
    }
    int before = ALERTS.size();
    slowFrom = NEVER;
    client.getJobExecutionResult().get();
    assertNothingIsLeft();
    return before;
  }

  /** Fails in the middle, after a checkpoint, and goes on from that. */
  List<String> runWithFailure(int parallelism, int lines, Path folder) throws Exception {
    slowFrom = lines / 2;
    failsAfterCheckpoint = true;
    set("restart-strategy.type", "fixed-delay");
    set("restart-strategy.fixed-delay.attempts", "1");
    set("restart-strategy.fixed-delay.delay", "10 ms");
    set("execution.checkpointing.interval", "100 ms");
    set("execution.checkpointing.dir", folder.toUri().toString());
    start(parallelism, rules).getJobExecutionResult().get();
    hasFailed = !failsAfterCheckpoint;
    assertNothingIsLeft();
    return List.copyOf(ALERTS);
  }

  boolean hasFailed() {
    return hasFailed;
  }

  private JobClient start(int parallelism, Path withRules) throws Exception {
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(parallelism, configuration);
    List<String> names = files.stream().map(Path::toString).toList();
    int readers = Math.min(parallelism, files.size());
    Tocsin job = Tocsin.jobInOnePart(env, Rules.read(withRules));
    if (idleAfter != null) {
      job.idleAfter(idleAfter);
    }
    if (driftMax != null) {
      job.driftMax(driftMax);
    }
    if (takesChanges) {
      job.changes(changes);
    }
    job.room(room);
    if (watched != null) {
      job.changes(WatchedRules.of(env, watched, Rules.read(withRules), "watched"));
    }
    if (streamed != null) {
      job.changes(
          env.fromSequence(0, 1)
              .setParallelism(1)
              .uid("changes")
              .flatMap(new Streamed(streamed))
              .returns(Change.TYPE)
              .setParallelism(1)
              .uid("streamed"));
    }
    job.from(
                env.fromSource(new FileLines(names), job.times(), "files", Line.TYPE)
                    .setParallelism(readers)
                    .uid("files")
                    .flatMap(new Gate(idleAfter != null))
                    .returns(Line.TYPE)
                    .setParallelism(readers)
                    .uid("gate"));
    job.alerts().map(new Recorder()).setParallelism(1).uid("recorder").sinkTo(new DiscardingSink<>());
    job.late().map(line -> LATE.add(line)).sinkTo(new DiscardingSink<>());
    job.rejected().map(line -> REJECTED.add(line)).sinkTo(new DiscardingSink<>());
    if (takesChanges || streamed != null || watched != null) {
      job.decisions()
          .map(line -> DECISIONS.add(line))
          .setParallelism(1)
          .sinkTo(new DiscardingSink<>());
    }
    return env.executeAsync("test");
  }

  private static void assertNothingIsLeft() throws InterruptedException {
    for (int tries = 0; tries < 500 && (Stage.open() > 0 || Pack.loaded() > 0); ++tries) {
      Thread.sleep(10); // the job is done a moment before its tasks are
    }
    assertEquals(0, Stage.open(), "stages in memory");
    assertEquals(0, Pack.loaded(), "packs in memory");
  }

  /** Deletes what Flink wrote. */
  static void delete(Path folder) throws Exception {
    try (var files = Files.walk(folder)) {
      files.sorted(Collections.reverseOrder()).forEach(path -> path.toFile().delete());
    }
  }

  private static final class Gate implements FlatMapFunction<Line, Line>, CheckpointListener {
    private static final long serialVersionUID = 1L;

    private boolean announcesAnother; // a partition that has no lines

    Gate(boolean announcesAnother) {
      this.announcesAnother = announcesAnother;
    }

    @Override
    public void flatMap(Line line, Collector<Line> output) throws Exception {
      if (announcesAnother) {
        announcesAnother = false;
        output.collect(Line.begin(1, 0, "silent"));
      }
      int read = READ.incrementAndGet();
      if (line.place() == slowPlace) {
        Thread.sleep(slowMillis);
      } else if (read > slowFrom || (slowPlace >= 0 && read % 16 == 0)) {
        Thread.sleep(1);
      }
      if (mustFail) {
        mustFail = false;
        throw new IllegalStateException("a failure that the test wants");
      }
      output.collect(line);
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) {
      if (failsAfterCheckpoint && READ.get() > slowFrom) {
        failsAfterCheckpoint = false;
        mustFail = true;
        slowFrom = NEVER;
      }
    }
  }

  private static final class Streamed implements FlatMapFunction<Long, Change> {
    private static final long serialVersionUID = 1L;

    private final byte[] change;

    Streamed(Change change) throws Exception {
      this.change = Kept.bytes(change);
    }

    @Override
    public void flatMap(Long number, Collector<Change> output) throws Exception {
      while (number == 0 ? READ.get() < slowFrom + 20 : DECISIONS.isEmpty()) {
        Thread.sleep(5);
      }
      Change first = Kept.of(change, Change.class);
      output.collect(number == 0 ? first : first.at(Instant.EPOCH));
    }
  }

  /** Keeps alerts as a sink does that gives each once: what no checkpoint has is taken back. */
  private static final class Recorder implements MapFunction<String, String>, CheckpointedFunction {
    private static final long serialVersionUID = 1L;

    private transient ListState<Integer> count;

    @Override
    public String map(String line) {
      ALERTS.add(line);
      return line;
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
      count.update(List.of(ALERTS.size()));
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
      count =
          context
              .getOperatorStateStore()
              .getListState(new ListStateDescriptor<>("count", Types.INT));
      for (int kept : count.get()) {
        ALERTS.subList(kept, ALERTS.size()).clear();
      }
    }
  }
}
