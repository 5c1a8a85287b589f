package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Alerts of a job are those of {@code tocsin run}, byte for byte and in order. */
class JobTest {
  private static final int EVENTS = 20_000;

  @TempDir Path folder;

  private static void assertSame(List<String> expected, List<String> alerts) {
    assertTrue(expected.size() > 50, "alerts: " + expected.size());
    assertEquals(String.join("\n", expected), String.join("\n", alerts));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void everyConstruct(int parallelism) throws Exception {
    List<Path> files = List.of(Program.events(EVENTS));
    assertSame(
        Program.alerts(Program.CONSTRUCTS, files),
        new TestJob(Program.CONSTRUCTS, files).run(parallelism));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void samplePack(int parallelism) throws Exception {
    List<Path> files = List.of(Program.events(EVENTS));
    assertSame(
        Program.alerts(Program.PAYMENTS, files),
        new TestJob(Program.PAYMENTS, files).run(parallelism));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void rulesThatCannotBeSpreadRunInOnePart(int parallelism) throws Exception {
    List<Path> files = Program.divided(Program.events(EVENTS), 2);
    assertSame(
        Program.alerts(Program.COUPLED, files),
        new TestJob(Program.COUPLED, files).run(parallelism));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void severalFiles(int parallelism) throws Exception {
    List<Path> files = Program.divided(Program.events(EVENTS), 3);
    assertSame(
        Program.alerts(Program.CONSTRUCTS, files),
        new TestJob(Program.CONSTRUCTS, files).run(parallelism));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void roughEvents(int parallelism) throws Exception {
    List<Path> files = Program.divided(Program.roughEvents(EVENTS), 3);
    Program.Results expected = Program.results(Program.CONSTRUCTS, files);
    TestJob job = new TestJob(Program.CONSTRUCTS, files);
    List<String> alerts = job.run(parallelism);
    assertTrue(expected.late().size() > 100, "late: " + expected.late().size());
    assertTrue(expected.rejected().size() > 20, "rejected: " + expected.rejected().size());
    assertEquals(sorted(expected.rejected()), sorted(TestJob.REJECTED));
    assertEquals(sorted(expected.late()), sorted(TestJob.LATE));
    assertSame(expected.alerts(), alerts);
  }

  private static String sorted(List<String> lines) {
    return lines.stream().sorted().collect(Collectors.joining("\n"));
  }

  @Test
  void aSilentPartitionHoldsBackTimeUntilItIsIdle() throws Exception {
    List<Path> files = List.of(Program.events(EVENTS));
    List<String> expected = Program.alerts(Program.CONSTRUCTS, files);
    for (boolean mayBeIdle : new boolean[] {false, true}) {
      TestJob job = new TestJob(Program.CONSTRUCTS, files);
      int before = job.runBesideSilence(EVENTS, Duration.ofMillis(mayBeIdle ? 100 : 600_000));
      assertEquals(mayBeIdle, before > 0, "alerts while the other one is silent: " + before);
      assertSame(expected, List.copyOf(TestJob.ALERTS));
    }
  }

  @Test
  void savepointAtTwoGoesOnAtThree() throws Exception {
    List<Path> files = Program.divided(Program.roughEvents(EVENTS), 4);
    assertSame(
        Program.alerts(Program.CONSTRUCTS, files),
        new TestJob(Program.CONSTRUCTS, files)
            .runInTwo(2, 3, EVENTS, Program.CONSTRUCTS, folder));
  }

  @ParameterizedTest
  @ValueSource(strings = {"hashmap", "rocksdb"})
  void failureAfterCheckpoint(String backend) throws Exception {
    List<Path> files = Program.divided(Program.roughEvents(EVENTS), 2);
    TestJob job =
        new TestJob(Program.CONSTRUCTS, files)
            .set("state.backend.type", backend)
            .set("execution.checkpointing.incremental", "true");
    List<String> alerts = job.runWithFailure(2, EVENTS, folder);
    assertTrue(job.hasFailed());
    assertSame(Program.alerts(Program.CONSTRUCTS, files), alerts);
  }
}
