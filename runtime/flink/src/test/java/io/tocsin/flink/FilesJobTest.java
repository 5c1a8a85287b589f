package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The job that is started from a command line. */
class FilesJobTest {
  @TempDir Path folder;

  @Test
  void writesTheAlertsOfARun() throws Exception {
    Path events = Program.events(20_000);
    Configuration configuration = new Configuration();
    configuration.setString("rest.bind-address", "127.0.0.1");
    configuration.setString("rest.bind-port", "0");
    configuration.setString("taskmanager.numberOfTaskSlots", "2");
    FilesJob.run(
        StreamExecutionEnvironment.createLocalEnvironment(1, configuration),
        FilesJob.Arguments.of(
            "--rules", Program.PAYMENTS.toString(), "--parallelism", "2", "--out-of-orderness",
            "5s", "--drift-max", "1h", "--output", folder.toUri().toString(), events.toString()));
    try (Stream<Path> written = Files.walk(folder)) {
      List<Path> files = written.filter(Files::isRegularFile).toList();
      assertEquals(1, files.size());
      assertEquals(
          String.join("\n", Program.alerts(Program.PAYMENTS, List.of(events))) + "\n",
          Files.readString(files.get(0)));
    }
  }

  @Test
  void commandLine() {
    FilesJob.Arguments read =
        FilesJob.Arguments.of("--rules", "a", "b", "--checkpoint-every", "100ms", "--rules", "c");
    assertEquals(List.of(Path.of("a"), Path.of("c")), read.rules());
    assertEquals(List.of("b"), read.files());
    assertEquals(Duration.ofMillis(100), read.checkpointEvery());
    assertNull(read.output());
    for (String wrong :
        new String[] {
          "b", "--rules a", "--rules a b --parallelism 0", "--rules a b --parallelism 1025",
          "--rules a b --output", "--rules a b --out-of-orderness soon", "--rules a b --drift-max 0s", "--rules a b --colour red",
          "--rules a b --room 3", "--rules a b --changes no-such-file"
        }) {
      assertThrows(
          IllegalArgumentException.class, () -> FilesJob.Arguments.of(wrong.split(" ")), wrong);
    }
  }
}
