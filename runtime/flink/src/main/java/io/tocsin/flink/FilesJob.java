package io.tocsin.flink;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * A job from files to files or standard output, to try a pack in a cluster, and to begin a job of
 * one's own from:
 *
 * <pre>flink run tocsin-flink.jar --rules rules/ --output alerts/ events-1.jsonl events-2.jsonl</pre>
 */
public final class FilesJob {
  private static final String USAGE =
      "usage: FilesJob --rules PATH [--rules PATH]… [OPTION]… FILE…\n"
          + "  --rules PATH               rule files, or folders with .tocsin files below them; read"
          + " where the job is submitted\n"
          + "  --output FOLDER            where alerts are written as files, each once with"
          + " checkpoints; else they are printed\n"
          + "  --parallelism N            parts of each stage (default: the cluster's)\n"
          + "  --out-of-orderness TIME    how far behind the newest event of its file an event may"
          + " be, as in 5s or PT5S (default: what the event types say)\n"
          + "  --checkpoint-every TIME    interval of checkpoints (default: the cluster's)\n"
          + "  --one-part yes|no          whether rules that cannot be spread run in one part, in one"
          + " slot (default: no, they are refused)\n"
          + "  --changes PATH             how rules change while the job runs: a file with a change a"
          + " line, as JSON, that is read where the job is submitted; or a folder of rules that the"
          + " machine of the operator `rules` looks at\n"
          + "  --room N                   passes that other rules may have (default: as many as the"
          + " first ones)\n"
          + "  FILE…                      events as JSON, one a line, in files that all machines"
          + " have; without compression";

  private FilesJob() {}

  /** What the command line says. */
  record Arguments(
      List<Path> rules,
      List<String> files,
      String output,
      int parallelism,
      Duration outOfOrderness,
      Duration checkpointEvery,
      boolean onePart,
      Path changes,
      int room) {

    static Arguments of(String... words) {
      List<Path> rules = new ArrayList<>();
      List<String> files = new ArrayList<>();
      String output = null;
      int parallelism = 0;
      Duration outOfOrderness = null;
      Duration checkpointEvery = null;
      boolean onePart = false;
      Path changes = null;
      int room = 0;
      JobWords all = new JobWords(words);
      while (all.hasNext()) {
        String word = all.next();
        if (!word.startsWith("--")) {
          files.add(word);
          continue;
        }
        String value = all.valueOf(word);
        switch (word) {
          case "--rules" -> rules.add(Path.of(value));
          case "--output" -> output = value;
          case "--parallelism" -> parallelism = JobWords.number(word, value);
          case "--out-of-orderness" -> outOfOrderness = JobWords.duration(word, value);
          case "--checkpoint-every" -> checkpointEvery = JobWords.duration(word, value);
          case "--one-part" -> onePart = JobWords.yesOrNo(word, value);
          case "--changes" -> changes = Path.of(value);
          case "--room" -> room = JobWords.number(word, value);
          default -> throw new IllegalArgumentException("there is no option " + word);
        }
      }
      if (rules.isEmpty() || files.isEmpty()) {
        throw new IllegalArgumentException("rules and files are needed");
      }
      if (room > 0 && changes == null) {
        throw new IllegalArgumentException("--room is of use with --changes");
      }
      return new Arguments(
          rules, files, output, parallelism, outOfOrderness, checkpointEvery, onePart, changes, room);
    }
  }

  /** Submits the job, and waits for its end where the cluster's client does. */
  public static void main(String[] words) throws Exception {
    Arguments arguments;
    try {
      arguments = Arguments.of(words);
    } catch (IllegalArgumentException e) {
      fail(e.getMessage() + "\n" + USAGE);
      return;
    }
    try {
      run(StreamExecutionEnvironment.getExecutionEnvironment(), arguments);
    } catch (TocsinException | IllegalArgumentException e) {
      fail(e.getMessage());
    }
  }

  /** Makes the job and runs it. */
  static void run(StreamExecutionEnvironment env, Arguments arguments) throws Exception {
    if (arguments.parallelism() > 0) {
      env.setParallelism(arguments.parallelism());
    }
    if (arguments.checkpointEvery() != null) {
      env.enableCheckpointing(arguments.checkpointEvery().toMillis());
    }
    Rules rules = Rules.read(arguments.rules());
    Tocsin job = arguments.onePart() ? Tocsin.jobInOnePart(env, rules) : Tocsin.job(env, rules);
    if (arguments.outOfOrderness() != null) {
      job.outOfOrderness(arguments.outOfOrderness());
    }
    if (arguments.changes() != null) {
      takeChanges(env, job, rules, arguments);
    }
    DataStream<String> alerts = job.fromFiles(arguments.files()).alerts();
    if (arguments.changes() != null) {
      job.decisions().print("decision").setParallelism(1);
    }
    if (arguments.output() == null) {
      alerts.print().setParallelism(1);
    } else {
      alerts
          .sinkTo(
              FileSink.forRowFormat(
                      new org.apache.flink.core.fs.Path(arguments.output()),
                      new SimpleStringEncoder<String>("UTF-8"))
                  .build())
          .setParallelism(1)
          .uid("tocsin-files-out");
    }
    env.execute("tocsin");
  }

  private static void takeChanges(
      StreamExecutionEnvironment env, Tocsin job, Rules rules, Arguments arguments)
      throws IOException {
    Path path = arguments.changes();
    job.room(arguments.room());
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

  private static void fail(String message) {
    PrintStream error = System.err;
    error.println("tocsin: " + message);
    throw new IllegalArgumentException("the job was not submitted");
  }
}
