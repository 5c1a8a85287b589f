package io.tocsin.flink;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The options of jobs with a command line that say how rules change while they run. */
final class JobChanges {
  static final String USAGE =
      "  --changes PATH             how rules change while the job runs: a file with a change a line,"
          + " as JSON, that is read where the job is submitted; or a folder of rules that the machine"
          + " of the operator `rules` looks at, until the job is stopped (default: not at all)\n"
          + "  --room N                   passes that other rules may have, with --changes (default: as"
          + " many as the first ones)\n";

  private JobChanges() {}

  /** Throws an IllegalArgumentException where the options do not go together. */
  static void check(Path changes, int room) {
    if (changes == null && room > 0) {
      throw new IllegalArgumentException("--room is of use with --changes");
    }
    if (changes != null && !Files.exists(changes)) {
      throw new IllegalArgumentException("--changes: there is no " + changes);
    }
  }

  /** {@code rules}: those that the job begins with. */
  static void take(
      StreamExecutionEnvironment env, Tocsin job, Rules rules, Path path, int room)
      throws IOException {
    job.room(room);
    if (Files.isDirectory(path)) {
      job.changes(WatchedRules.of(env, path, rules, "tocsin-changes"));
      return;
    }
    List<Change> changes = new ArrayList<>();
    Path folder = path.toAbsolutePath().getParent();
    for (String line : Files.readAllLines(path)) {
      if (!line.isBlank()) {
        changes.add(Change.parse(line, folder));
      }
    }
    job.changes(changes);
  }
}
