package io.tocsin.flink;

import java.io.PrintStream;
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
          + "  --drift-max TIME           how far a file may be ahead of another one in event time, as"
          + " in 10m; it is read on once the others have come there (default: files are read as fast"
          + " as each can be)\n"
          + "  --checkpoint-every TIME    interval of checkpoints (default: the cluster's)\n"
          + "  --one-part yes|no          whether rules that cannot be spread run in one part, in one"
          + " slot (default: no, they are refused)\n"
          + "  --read-state FOLDER        begins from the state in this folder, of tocsin savepoint"
          + " export; lines that were read before are passed over\n"
          + "  --write-state FOLDER       at the end of the files time does not end: the state is"
          + " written to this folder, for tocsin savepoint import\n"
          + JobChanges.USAGE
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
      Duration driftMax,
      Duration checkpointEvery,
      boolean onePart,
      String readState,
      String writeState,
      Path changes,
      int room) {

    static Arguments of(String... words) {
      List<Path> rules = new ArrayList<>();
      List<String> files = new ArrayList<>();
      String output = null;
      int parallelism = 0;
      Duration outOfOrderness = null;
      Duration driftMax = null;
      Duration checkpointEvery = null;
      boolean onePart = false;
      String readState = null;
      String writeState = null;
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
          case "--drift-max" -> driftMax = JobWords.aboveZero(word, value);
          case "--checkpoint-every" -> checkpointEvery = JobWords.duration(word, value);
          case "--one-part" -> onePart = JobWords.yesOrNo(word, value);
          case "--read-state" -> readState = value;
          case "--write-state" -> writeState = value;
          case "--changes" -> changes = Path.of(value);
          case "--room" -> room = JobWords.number(word, value);
          default -> throw new IllegalArgumentException("there is no option " + word);
        }
      }
      if (rules.isEmpty() || files.isEmpty()) {
        throw new IllegalArgumentException("rules and files are needed");
      }
      JobChanges.check(changes, room);
      return new Arguments(
          rules, files, output, parallelism, outOfOrderness, driftMax, checkpointEvery, onePart,
          readState, writeState, changes, room);
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
    if (arguments.driftMax() != null) {
      job.driftMax(arguments.driftMax());
    }
    if (arguments.readState() != null) {
      job.readState(arguments.readState());
    }
    if (arguments.writeState() != null) {
      job.writeState(arguments.writeState());
    }
    if (arguments.changes() != null) {
      JobChanges.take(env, job, rules, arguments.changes(), arguments.room());
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

  private static void fail(String message) {
    PrintStream error = System.err;
    error.println("tocsin: " + message);
    throw new IllegalArgumentException("the job was not submitted");
  }
}
