package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
  @ValueSource(ints = {2, 4})
  void severalFiles(int parallelism) throws Exception {
    List<Path> files = Program.divided(Program.events(EVENTS), 3);
    assertSame(
        Program.alerts(Program.CONSTRUCTS, files),
        new TestJob(Program.CONSTRUCTS, files).run(parallelism));
  }

  @Test
  void whatIsNotUsedIsPutOut() throws Exception {
    String rules =
        "event login { ts: time, user: string }\n"
            + "rule one \"One\" { by user when login alert \"{user}\" }\n";
    Path pack = Files.writeString(folder.resolve("rules.tocsin"), rules);
    List<String> lines = new ArrayList<>(List.of("no event", "{\"type\":\"other\",\"ts\":1}"));
    for (int i = 0; i < 400; ++i) {
      lines.add(login(i, "u" + i));
    }
    String late = login(0, "late");
    lines.add(late);
    lines.add("");
    lines.add(login(400, "last"));
    Path file = Files.write(folder.resolve("events.jsonl"), lines);
    TestJob job = new TestJob(pack, List.of(file));
    TestJob.slowAfter(2); // so that time moves on while lines are read
    List<String> alerts = job.run(1);
    assertEquals(List.of("no event", lines.get(1)), TestJob.REJECTED);
    assertEquals(List.of(late), TestJob.LATE);
    assertSame(Program.alerts(pack, List.of(file)), alerts);
  }

  private static String login(int second, String user) {
    return String.format(
        "{\"type\":\"login\",\"ts\":\"2026-03-02T12:%02d:%02dZ\",\"user\":\"%s\"}",
        second / 60, second % 60, user);
  }

  @Test
  void savepointAtTwoGoesOnAtThree() throws Exception {
    List<Path> files = Program.divided(Program.events(EVENTS), 4);
    assertSame(
        Program.alerts(Program.CONSTRUCTS, files),
        new TestJob(Program.CONSTRUCTS, files)
            .runInTwo(2, 3, EVENTS, Program.CONSTRUCTS, folder));
  }

  @ParameterizedTest
  @ValueSource(strings = {"hashmap", "rocksdb"})
  void failureAfterCheckpoint(String backend) throws Exception {
    List<Path> files = Program.divided(Program.events(EVENTS), 2);
    TestJob job =
        new TestJob(Program.CONSTRUCTS, files)
            .set("state.backend.type", backend)
            .set("execution.checkpointing.incremental", "true");
    List<String> alerts = job.runWithFailure(2, EVENTS, folder);
    assertTrue(job.hasFailed());
    assertSame(Program.alerts(Program.CONSTRUCTS, files), alerts);
  }
}
