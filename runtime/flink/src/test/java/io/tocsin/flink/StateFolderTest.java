package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A stream of which jobs and one machine take parts, each going on from the other's state. */
class StateFolderTest {
  @TempDir Path folder;

  private final Path events = Path.of("events.jsonl");

  @Test
  void oneMachineGoesOnFromAJob() throws Exception {
    Path file = begin();
    List<String> alerts = job(2, "job", file, "--write-state", name("state"));
    append(file, 20_000);
    importState();
    alerts.addAll(Program.run(run(file, "--from", name("savepoint"))));
    assertEquals(expected(), alerts);
  }

  @Test
  void aJobGoesOnFromOneMachine() throws Exception {
    Path file = begin();
    List<String> alerts = new ArrayList<>(Program.run(run(file)));
    append(file, 20_000);
    Program.run("savepoint", "export", name("data"), name("state"));
    alerts.addAll(job(3, "job", file, "--read-state", name("state")));
    assertEquals(expected(), alerts);
  }

  @Test
  void oneMachineAJobAndOneMachineTakeTurns() throws Exception {
    Path file = folder.resolve(events);
    append(file, 5_000);
    List<String> alerts = new ArrayList<>(Program.run(run(file)));
    append(file, 12_000);
    Program.run("savepoint", "make", "--data", name("data"), "kept");
    Program.run("savepoint", "export", name("data") + "/savepoints/kept", name("exported"));
    alerts.addAll(
        job(2, "job", file, "--read-state", name("exported"), "--write-state", name("state")));
    append(file, 20_000);
    Exception ofJob =
        assertThrows(
            IllegalArgumentException.class,
            () -> job(3, "other", file, "--read-state", name("state")));
    assertTrue(ofJob.getMessage().contains("tocsin savepoint import"), ofJob.getMessage());
    importState();
    alerts.addAll(Program.run(runIn("next", file, "--from", name("savepoint"))));
    assertEquals(expected(), alerts);
  }

  @Test
  void refusesWhatIsNoStateOfItsRules() throws Exception {
    Path file = begin();
    Program.run(run(file));
    Program.run("savepoint", "export", name("data"), name("state"));
    Exception there =
        assertThrows(
            IllegalArgumentException.class, () -> job(2, "a", file, "--write-state", name("state")));
    assertTrue(there.getMessage().contains("is there already"), there.getMessage());
    Exception other =
        assertThrows(
            IllegalArgumentException.class,
            () -> job(2, "b", file, Program.CONSTRUCTS, "--read-state", name("state")));
    assertTrue(other.getMessage().contains("import it for one machine"), other.getMessage());
    Path damaged = folder.resolve("state").resolve("alerts.0");
    byte[] bytes = Files.readAllBytes(damaged);
    bytes[bytes.length - 1] ^= 1;
    Files.write(damaged, bytes);
    Exception bits =
        assertThrows(
            IllegalArgumentException.class, () -> job(2, "c", file, "--read-state", name("state")));
    assertTrue(bits.getMessage().contains("damaged"), bits.getMessage());
    Files.delete(folder.resolve("state").resolve("HEAD"));
    Exception half =
        assertThrows(
            IllegalArgumentException.class, () -> job(2, "d", file, "--read-state", name("state")));
    assertTrue(half.getMessage().contains("HEAD is missing"), half.getMessage());
  }

  private String name(String of) {
    return folder.resolve(of).toString();
  }

  // The first lines of a file that is still growing.
  private Path begin() throws Exception {
    Path file = folder.resolve(events);
    append(file, 11_000);
    return file;
  }

  private static void append(Path file, int until) throws Exception {
    List<String> lines = Files.readAllLines(Program.events(20_000));
    int from = Files.exists(file) ? Files.readAllLines(file).size() : 0;
    Files.write(
        file, lines.subList(from, until), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private static List<String> expected() throws Exception {
    List<String> alerts = Program.alerts(Program.PAYMENTS, List.of(Program.events(20_000)));
    assertFalse(alerts.isEmpty());
    return alerts;
  }

  private String[] run(Path file, String... more) {
    return runIn("data", file, more);
  }

  private String[] runIn(String data, Path file, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "run", Program.PAYMENTS.toString(), "--quiet", "--data", name(data), "--input",
                file.toString()));
    words.addAll(List.of(more));
    return words.toArray(new String[0]);
  }

  private void importState() throws Exception {
    Program.run(
        "savepoint", "import", Program.PAYMENTS.toString(), "--from", name("state"), "--to",
        name("savepoint"));
  }

  private List<String> job(int parallelism, String output, Path file, String... more)
      throws Exception {
    return job(parallelism, output, file, Program.PAYMENTS, more);
  }

  private List<String> job(int parallelism, String output, Path file, Path rules, String... more)
      throws Exception {
    Configuration configuration = new Configuration();
    configuration.setString("rest.bind-address", "127.0.0.1");
    configuration.setString("rest.bind-port", "0");
    configuration.setString("taskmanager.numberOfTaskSlots", "4");
    List<String> words =
        new ArrayList<>(
            List.of(
                "--rules", rules.toString(), "--parallelism", "" + parallelism, "--output",
                folder.resolve(output).toUri().toString(), file.toString()));
    words.addAll(List.of(more));
    FilesJob.run(
        StreamExecutionEnvironment.createLocalEnvironment(1, configuration),
        FilesJob.Arguments.of(words.toArray(new String[0])));
    List<String> lines = new ArrayList<>();
    try (Stream<Path> written = Files.walk(folder.resolve(output))) {
      for (Path one : written.filter(Files::isRegularFile).sorted().toList()) {
        lines.addAll(Files.readAllLines(one));
      }
    }
    return lines;
  }
}
