package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What stages count is what a job has done, and what they may take is their share of memory. */
class StageMetricsTest {
  private static final int EVENTS = 20_000;

  @TempDir Path folder;

  private static long last(String operator, String metric) {
    return TestReporter.sum(TestReporter.LAST, "tocsin-" + operator, metric);
  }

  private static long greatest(String operator, String metric) {
    return TestReporter.sum(TestReporter.GREATEST, "tocsin-" + operator, metric);
  }

  @Test
  void metricsAreFacts() throws Exception {
    // A fast machine is done within the second between two looks.
    long before = StageMetrics.everyNs;
    StageMetrics.everyNs = 10_000_000L;
    try {
      checkMetrics();
    } finally {
      StageMetrics.everyNs = before;
    }
  }

  private void checkMetrics() throws Exception {
    List<Path> files = Program.divided(Program.roughEvents(EVENTS), 3);
    Program.Results expected = Program.results(Program.CONSTRUCTS, files);
    TestJob job = new TestJob(Program.CONSTRUCTS, files);
    TestReporter.addTo(job);
    job.set("execution.checkpointing.interval", "200 ms")
        .set("execution.checkpointing.dir", folder.toUri().toString());
    List<String> alerts = job.run(2);
    long lines = 0;
    for (Path file : files) {
      lines += Files.readAllLines(file).size();
    }
    assertEquals(lines, last("judge", "rows"));
    assertEquals(expected.rejected().size(), last("judge", "rejected"));
    assertEquals(expected.late().size(), last("judge", "late") + last("intake", "late"));
    assertEquals(last("judge", "lines_sent"), last("intake", "rows"));
    assertTrue(last("intake", "repeats") > 100, "repeats: " + last("intake", "repeats"));
    assertEquals(alerts.size(), last("alerts", "alerts"));
    assertTrue(last("pass-0", "rows") > EVENTS / 2, "rows: " + last("pass-0", "rows"));
    for (String operator : List.of("intake", "pass-", "hold-", "alerts")) {
      assertEquals(0, last(operator, "waiting"), operator);
      assertEquals(0, last(operator, "waiting_bytes"), operator);
      assertTrue(last(operator, "native_ns") > 0, operator);
      assertTrue(last(operator, "memory_max") > 1 << 20, operator);
      assertTrue(last(operator, "cuts") > 0, operator);
      assertTrue(last(operator, "cut_entries") > 0, operator);
      assertTrue(last(operator, "cut_bytes") > last(operator, "cut_entries"), operator);
    }
    assertTrue(greatest("pass-0", "keys") > 100, "keys: " + greatest("pass-0", "keys"));
    assertTrue(greatest("pass-0", "state_bytes") > 10_000);
    assertTrue(greatest("intake", "waiting") > 0);
    TestReporter.LAST.forEach(
        (key, value) -> {
          if (key.metric().equals("watermark_us") && !key.operator().contains("judge")) {
            assertEquals(Long.MAX_VALUE, value, key.toString());
          }
        });
    assertTrue(greatest("pass-0", StageMetrics.LAG) > 0);
  }

  /** docs/scale-out.md has a row for each. */
  @Test
  void metricsAreDocumented() throws Exception {
    Set<String> documented =
        Files.readAllLines(Path.of("../../docs/scale-out.md")).stream()
            .filter(line -> line.startsWith("| `tocsin."))
            .map(line -> line.substring("| `tocsin.".length(), line.indexOf('`', 3)))
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> metrics = new TreeSet<>();
    for (StageMetrics.Count count : StageMetrics.Count.values()) {
      metrics.add(count.metric());
    }
    metrics.add(StageMetrics.LAG);
    assertEquals(metrics, documented);
  }

  // A file is read slowly. The other is held back where that is said.
  @Test
  void partitionsAreReadAtOnePace() throws Exception {
    List<String> lines = Files.readAllLines(Program.events(EVENTS)).subList(0, 10_000);
    List<String> few = new ArrayList<>();
    List<String> many = new ArrayList<>();
    for (int i = 0; i < lines.size(); ++i) {
      (i % 20 == 0 ? few : many).add(lines.get(i));
    }
    List<Path> files =
        List.of(
            Files.write(folder.resolve("few.jsonl"), few),
            Files.write(folder.resolve("many.jsonl"), many));
    List<String> expected = Program.alerts(Program.CONSTRUCTS, files);
    long[] waiting = new long[2];
    for (int aligned = 0; aligned < 2; ++aligned) {
      TestJob job = new TestJob(Program.CONSTRUCTS, files);
      TestReporter.addTo(job);
      job.set("execution.checkpointing.interval", "100 ms")
          .set("execution.checkpointing.dir", folder.toUri().toString());
      List<String> alerts = job.runBesideSlow(2, 4, aligned == 1 ? Duration.ofSeconds(1) : null);
      assertEquals(String.join("\n", expected), String.join("\n", alerts));
      waiting[aligned] = greatest("intake", "waiting");
    }
    assertTrue(2 * waiting[1] < waiting[0], "waiting: " + waiting[0] + ", " + waiting[1]);
  }

  // One file's events all come before the other's: who has read the first no longer holds back.
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aPartitionThatHasEndedHoldsBackNone(int parallelism) throws Exception {
    List<String> lines = Files.readAllLines(Program.events(EVENTS)).subList(0, 2_500);
    List<Path> files =
        List.of(
            Files.write(folder.resolve("later.jsonl"), lines.subList(2_000, 2_500)),
            Files.write(folder.resolve("early.jsonl"), lines.subList(0, 2_000)));
    List<String> expected = Program.alerts(Program.CONSTRUCTS, files);
    TestJob job = new TestJob(Program.CONSTRUCTS, files);
    assertEquals(
        String.join("\n", expected),
        String.join("\n", job.runBesideSlow(parallelism, 1, Duration.ofMillis(100))));
  }

  @Test
  void settingsOfSourcesComeBeforeInputs() throws Exception {
    Tocsin tocsin =
        Tocsin.job(
            StreamExecutionEnvironment.getExecutionEnvironment(),
            Rules.read(Program.CONSTRUCTS));
    tocsin.driftMax(Duration.ofSeconds(1)).fromFiles(List.of("a file"));
    assertThrows(IllegalStateException.class, () -> tocsin.driftMax(Duration.ofSeconds(2)));
    assertThrows(IllegalStateException.class, () -> tocsin.idleAfter(Duration.ofSeconds(2)));
    assertThrows(IllegalArgumentException.class, () -> tocsin.driftMax(Duration.ZERO));
  }

  @Test
  void stateBeyondTheShareFailsWithWhoHoldsIt() throws Exception {
    List<Path> files = List.of(Program.events(EVENTS));
    TestJob job = new TestJob(Program.CONSTRUCTS, files);
    job.set("taskmanager.memory.managed.size", "16mb");
    // Slowly: else it may be what waits that needs too much.
    Throwable thrown = assertThrows(Exception.class, () -> job.runBesideSlow(1, 1, null));
    while (thrown.getCause() != null && !(thrown.getMessage() + "").contains("may take")) {
      thrown = thrown.getCause();
    }
    String text = thrown.getMessage();
    assertTrue(text.matches("(?s).*(pass|intake)[-0-9]*, part 1 of 1: the stage may take .*"), text);
    assertTrue(text.contains("Use more parts, allow more memory"), text);
    assertTrue(text.contains(". Most is of "), text);
    assertEquals(0, Stage.open());
  }

  @Test
  void aSlotWithoutManagedMemoryIsRefused() throws Exception {
    List<Path> files = List.of(Program.events(EVENTS));
    TestJob job = new TestJob(Program.CONSTRUCTS, files);
    job.set("taskmanager.memory.managed.consumer-weights", "OPERATOR:0,STATE_BACKEND:70");
    Throwable thrown = assertThrows(Exception.class, () -> job.run(1));
    while (thrown.getCause() != null) {
      thrown = thrown.getCause();
    }
    assertTrue(
        thrown.getMessage().contains("has no managed memory: set taskmanager.memory.managed.size"),
        thrown.getMessage());
  }
}
