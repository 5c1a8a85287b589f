package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random packs over random files give the alerts of {@code tocsin run}, at any parallelism; half of
 * the jobs fail in the middle and go on. TOCSIN_CASES_FLINK_PLANS says how many, TOCSIN_SEED=N plays
 * one alone.
 */
class RandomPlansTest {
  private static final int TOGETHER = 3;
  private static final int PARTS_MAX = 3;

  /** Alerts by job, without what a failure took back. */
  private static final Map<Long, List<String>> ALERTS = new ConcurrentHashMap<>();

  @TempDir Path folder;

  private final AtomicInteger alerting = new AtomicInteger();
  private final AtomicInteger failed = new AtomicInteger();
  private final AtomicInteger played = new AtomicInteger();

  private static long number(String variable, long otherwise) {
    String value = System.getenv(variable);
    return value == null || value.isEmpty() ? otherwise : Long.parseLong(value);
  }

  private void writeCases(long from, long count) throws Exception {
    Process process =
        new ProcessBuilder(
                System.getenv("TOCSIN_BUILD_DIR") + "/tests/plan_cases",
                folder.toString(),
                "" + from,
                "" + count)
            .inheritIO()
            .start();
    assertEquals(0, process.waitFor(), "rules that have no text, or errors");
  }

  private List<Long> seeds() throws Exception {
    try (Stream<Path> written = Files.list(folder)) {
      return written.map(path -> Long.parseLong(path.getFileName().toString())).sorted().toList();
    }
  }

  @Test
  @SuppressWarnings("try") // closing a cluster may be interrupted
  void aJobGivesTheAlertsOfARun() throws Exception {
    long alone = number("TOCSIN_SEED", -1);
    long from = alone >= 0 ? alone : number("TOCSIN_SEED_FROM", 0);
    long cases = alone >= 0 ? 1 : number("TOCSIN_CASES_FLINK_PLANS", 20);
    writeCases(from, cases);
    Configuration configuration = new Configuration();
    configuration.setString("rest.bind-address", "127.0.0.1");
    configuration.setString("rest.address", "127.0.0.1");
    configuration.setString("rest.bind-port", "0");
    configuration.setString("taskmanager.numberOfTaskSlots", "" + TOGETHER * PARTS_MAX);
    configuration.setString("taskmanager.memory.network.min", "64mb");
    configuration.setString("taskmanager.memory.network.max", "64mb");
    configuration.setString("taskmanager.memory.managed.size", "512mb");
    MiniClusterConfiguration cluster =
        new MiniClusterConfiguration.Builder()
            .setConfiguration(configuration)
            .setNumTaskManagers(1)
            .setNumSlotsPerTaskManager(TOGETHER * PARTS_MAX)
            .build();
    long begun = System.nanoTime();
    List<String> problems = Collections.synchronizedList(new ArrayList<>());
    ExecutorService players = Executors.newFixedThreadPool(TOGETHER);
    try (MiniCluster mini = new MiniCluster(cluster)) {
      mini.start();
      List<Future<?>> plays = new ArrayList<>();
      for (long own : seeds()) {
        plays.add(
            players.submit(
                () -> {
                  String problem = problemOf(mini, folder.resolve("" + own), own);
                  if (problem != null) {
                    problems.add("TOCSIN_SEED=" + own + ": " + problem);
                  }
                }));
      }
      for (Future<?> play : plays) {
        play.get();
      }
    } finally {
      players.shutdownNow();
    }
    System.out.printf(
        "random plans: %d of %d, by seeds from %d on, %d jobs with alerts, %d that failed in the middle,"
            + " in %.1f s%n",
        played.get(),
        cases,
        from,
        alerting.get(),
        failed.get(),
        (System.nanoTime() - begun) / 1e9);
    assertEquals(List.of(), problems);
    if (cases >= 20) {
      assertEquals(cases, played.get());
      assertTrue(alerting.get() > cases / 5, "jobs with alerts: " + alerting);
      assertTrue(failed.get() > cases / 8, "jobs that failed: " + failed);
    }
    assertEquals(0, Stage.open());
    assertEquals(0, Pack.loaded());
  }

  // What is wrong with the job of a case; null: nothing.
  private String problemOf(MiniCluster mini, Path path, long seed) {
    try {
      Map<String, String> settings = new HashMap<>();
      for (String line : Files.readAllLines(path.resolve("settings"))) {
        settings.put(line.split(" ")[0], line.split(" ")[1]);
      }
      List<Path> files = new ArrayList<>();
      while (Files.exists(path.resolve("p" + files.size()))) {
        files.add(path.resolve("p" + files.size()));
      }
      Path rules = path.resolve("rules.tocsin");
      List<String> expected = Program.alerts(rules, files, settings);
      Random random = new Random(seed);
      int parallelism = 1 + random.nextInt(PARTS_MAX);
      boolean fails = random.nextBoolean();
      if (fails) {
        FailingLines.TO_FAIL.put(seed, new CompletableFuture<>());
      }
      List<String> alerts =
          run(mini, path, rules, files, settings, seed, parallelism, 2 + random.nextInt(12));
      boolean hasFailed = FailingLines.FAILED.contains(seed);
      played.incrementAndGet();
      alerting.addAndGet(expected.isEmpty() ? 0 : 1);
      failed.addAndGet(hasFailed ? 1 : 0);
      return expected.equals(alerts)
          ? null
          : "parallelism "
              + parallelism
              + (hasFailed ? ", with a failure" : "")
              + "\n  run: "
              + String.join("\n       ", expected)
              + "\n  job: "
              + String.join("\n       ", alerts);
    } catch (Exception e) {
      StringWriter text = new StringWriter();
      e.printStackTrace(new PrintWriter(text));
      return text.toString();
    }
  }

  private static List<String> run(
      MiniCluster mini,
      Path folder,
      Path rules,
      List<Path> files,
      Map<String, String> settings,
      long seed,
      int parallelism,
      int turns)
      throws Exception {
    Configuration configuration = new Configuration();
    configuration.setString("restart-strategy.type", "fixed-delay");
    configuration.setString("restart-strategy.fixed-delay.attempts", "1");
    configuration.setString("restart-strategy.fixed-delay.delay", "1 ms");
    // Only where a job is to fail: at short intervals most of the work would be checkpoints, and
    // Flink's coordinators may wait for ever for one that was given up.
    configuration.setString("execution.checkpointing.interval", "1 h");
    configuration.setString("execution.checkpointing.checkpoints-after-tasks-finish", "false");
    configuration.setString(
        "execution.checkpointing.dir", folder.resolve("checkpoints").toUri().toString());
    StreamExecutionEnvironment env = new StreamExecutionEnvironment(configuration);
    env.setParallelism(parallelism);
    int readers = Math.min(parallelism, files.size());
    List<String> names = files.stream().map(Path::toString).toList();
    Tocsin job =
        Tocsin.jobInOnePart(env, Rules.read(rules)).watermarkInterval(Duration.ofMillis(5));
    settings.forEach(job::set);
    job.from(
        env.fromSource(
                new FailingLines(new FileLines(names), seed, turns),
                WatermarkStrategy.noWatermarks(),
                "files",
                Line.TYPE)
            .setParallelism(readers)
            .uid("files"));
    job.alerts()
        .map(new Recorder(seed))
        .setParallelism(1)
        .uid("recorder")
        .sinkTo(new DiscardingSink<>());
    ALERTS.put(seed, Collections.synchronizedList(new ArrayList<>()));
    JobGraph graph = env.getStreamGraph().getJobGraph();
    mini.submitJob(graph).get();
    CompletableFuture<JobResult> result = mini.requestJobResult(graph.getJobID());
    letFail(mini, graph.getJobID(), result, FailingLines.TO_FAIL.get(seed));
    result.get().toJobExecutionResult(RandomPlansTest.class.getClassLoader());
    return List.copyOf(ALERTS.remove(seed));
  }

  // A checkpoint behind which the reader fails that waits for it.
  private static void letFail(
      MiniCluster mini,
      JobID job,
      CompletableFuture<JobResult> result,
      CompletableFuture<Void> isWaiting)
      throws Exception {
    if (isWaiting == null) {
      return;
    }
    CompletableFuture.anyOf(isWaiting, result).get();
    while (!result.isDone() && FailingLines.TO_FAIL.containsValue(isWaiting)) {
      try {
        mini.triggerCheckpoint(job).get();
        return;
      } catch (ExecutionException e) { // not all tasks were there
        Thread.sleep(5);
      }
    }
  }

  /** As a sink that gives each alert once: what no checkpoint has is taken back. */
  private static final class Recorder implements MapFunction<String, String>, CheckpointedFunction {
    private static final long serialVersionUID = 1L;

    private final long job;
    private transient ListState<Integer> count;

    Recorder(long job) {
      this.job = job;
    }

    @Override
    public String map(String line) {
      ALERTS.get(job).add(line);
      return line;
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
      count.update(List.of(ALERTS.get(job).size()));
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
      count =
          context
              .getOperatorStateStore()
              .getListState(new ListStateDescriptor<>("count", Types.INT));
      List<String> alerts = ALERTS.get(job);
      int kept = 0;
      for (int each : count.get()) {
        kept = each;
      }
      alerts.subList(kept, alerts.size()).clear();
    }
  }
}
