package io.tocsin.flink;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * A job from topics of Kafka to topics of Kafka:
 *
 * <pre>flink run -c io.tocsin.flink.KafkaJob tocsin-flink.jar --rules rules/
 *     --brokers 127.0.0.1:9092 --topics payments --alerts-topic alerts --checkpoint-every 10s</pre>
 */
public final class KafkaJob {
  static final String USAGE =
      """
      usage: KafkaJob --rules PATH --brokers HOST:PORT,… --topics TOPIC,… --alerts-topic TOPIC [OPTION VALUE]…
        --rules PATH               rule files, or folders with .tocsin files below them; read where the job is submitted; may be there again
        --brokers HOST:PORT,…      that the topics are read from and written to
        --topics TOPIC,…           that are read; events of one time are in their order
        --alerts-topic TOPIC       where alerts are written
        --late-topic TOPIC         where events that came too late are written (default: nowhere)
        --dead-topic TOPIC         where messages that are no events are written (default: nowhere)
        --decisions-topic TOPIC    where it is written what came of changes of rules, with --changes (default: it is printed)
        --client-file FILE         properties of Kafka's client for Java, one NAME = VALUE a line
        --group NAME               under what name brokers are told how far was read (default: tocsin)
        --begin PLACE              where a job without a savepoint begins: start, end, group (where the group has read to), or a time as in 2026-03-02T12:00:00Z (default: start)
        --until-end yes|no         whether the job ends with what the topics have when it starts (default: no)
        --packed yes|no            whether each line of a message is an event; else a message is one (default: no)
        --accept-gap GAP           goes on though messages are missing, as in payments/0=4..1000; may be there again
        --delivery HOW             exactly-once: messages are seen from the next checkpoint on; at-least-once: at once, and some again after a failure (default: exactly-once)
        --transaction-timeout TIME after how long a broker ends a transaction; longer than the interval of checkpoints and an outage of the job (default: 15m)
        --writer NAME              what transactions are named by; another one for each job that writes to a topic (default: tocsin)
        --out-of-orderness TIME    how far behind the newest event of its partition an event may be, as in 5s or PT5S (default: what the event types say)
        --idle-after TIME          after which a partition without a message no longer holds back time (default: it always does)
        --drift-max TIME           how far a partition may be ahead of another one in event time, as in 10m; it is read on once the others have come there (default: partitions are read as fast as each can be)
        --set NAME=VALUE           a setting of how events are judged, such as ahead_max=1h; may be there again
        --checkpoint-every TIME    interval of checkpoints (default: the cluster's)
        --parallelism N            parts of each stage (default: the cluster's)
        --one-part yes|no          whether rules that cannot be spread run in one part, in one slot (default: no, they are refused)
        --read-state FOLDER        begins from the state in this folder, of tocsin savepoint export; messages that were read before are passed over
        --write-state FOLDER       when the job ends, or is stopped with --drain, time does not end: the state is written to this folder, for tocsin savepoint import
      """
          + JobChanges.USAGE;

  private KafkaJob() {}

  /** What the command line says. */
  static final class Arguments {
    final List<Path> rules = new ArrayList<>();
    final List<String> gaps = new ArrayList<>();
    final Map<String, String> settings = new TreeMap<>();
    final Properties properties = new Properties();
    String brokers;
    List<String> topics = List.of();
    String alertsTopic;
    String lateTopic;
    String deadTopic;
    String decisionsTopic;
    Path changes;
    int room;
    String group = "tocsin";
    String writer = "tocsin";
    String begin = "start";
    boolean untilEnd;
    boolean packed;
    boolean atLeastOnce;
    boolean onePart;
    String readState;
    String writeState;
    Duration transactionTimeout = Duration.ofMinutes(15);
    Duration outOfOrderness;
    Duration idleAfter;
    Duration driftMax;
    Duration checkpointEvery;
    int parallelism;

    static Arguments of(String... words) throws IOException {
      Arguments read = new Arguments();
      JobWords all = new JobWords(words);
      while (all.hasNext()) {
        String word = all.next();
        read.take(word, word.startsWith("--") ? all.valueOf(word) : "");
      }
      read.need(read.rules.isEmpty() ? null : "", "--rules PATH");
      read.need(read.brokers, "--brokers HOST:PORT");
      read.need(read.topics.isEmpty() ? null : "", "--topics TOPIC");
      read.need(read.alertsTopic, "--alerts-topic TOPIC");
      JobChanges.check(read.changes, read.room);
      if (read.decisionsTopic != null && read.changes == null) {
        throw new IllegalArgumentException("--decisions-topic is of use with --changes");
      }
      return read;
    }

    private void need(String value, String option) {
      if (value == null) {
        throw new IllegalArgumentException("a job needs " + option);
      }
    }

    private void take(String option, String value) throws IOException {
      switch (option) {
        case "--rules" -> rules.add(Path.of(value));
        case "--brokers" -> brokers = value;
        case "--topics" -> topics = Arrays.asList(value.split(",", -1));
        case "--alerts-topic" -> alertsTopic = value;
        case "--late-topic" -> lateTopic = value;
        case "--dead-topic" -> deadTopic = value;
        case "--decisions-topic" -> decisionsTopic = value;
        case "--changes" -> changes = Path.of(value);
        case "--room" -> room = JobWords.number(option, value);
        case "--client-file" -> properties.putAll(KafkaProperties.read(Path.of(value)));
        case "--group" -> group = value;
        case "--writer" -> writer = value;
        case "--begin" -> begin = place(option, value);
        case "--until-end" -> untilEnd = JobWords.yesOrNo(option, value);
        case "--packed" -> packed = JobWords.yesOrNo(option, value);
        case "--accept-gap" -> gaps.add(value);
        case "--delivery" -> atLeastOnce = isAtLeastOnce(option, value);
        case "--transaction-timeout" -> transactionTimeout = JobWords.duration(option, value);
        case "--out-of-orderness" -> outOfOrderness = JobWords.duration(option, value);
        case "--idle-after" -> idleAfter = JobWords.duration(option, value);
        case "--drift-max" -> driftMax = JobWords.aboveZero(option, value);
        case "--set" -> takeSetting(option, value);
        case "--checkpoint-every" -> checkpointEvery = JobWords.duration(option, value);
        case "--parallelism" -> parallelism = JobWords.number(option, value);
        case "--one-part" -> onePart = JobWords.yesOrNo(option, value);
        case "--read-state" -> readState = value;
        case "--write-state" -> writeState = value;
        default -> throw new IllegalArgumentException("there is no option " + option);
      }
    }

    private void takeSetting(String option, String value) {
      int equals = value.indexOf('=');
      if (equals <= 0) {
        throw new IllegalArgumentException(option + " is NAME=VALUE, as in ahead_max=1h, not " + value);
      }
      settings.put(value.substring(0, equals), value.substring(equals + 1));
    }

    private static boolean isAtLeastOnce(String option, String value) {
      if (!value.equals("exactly-once") && !value.equals("at-least-once")) {
        throw new IllegalArgumentException(
            option + " is exactly-once or at-least-once, not " + value);
      }
      return value.equals("at-least-once");
    }

    private static String place(String option, String value) {
      if (!value.equals("start") && !value.equals("end") && !value.equals("group")) {
        try {
          Instant.parse(value);
        } catch (DateTimeParseException e) {
          throw new IllegalArgumentException(
              option + " is start, end, group or a time as in 2026-03-02T12:00:00Z, not " + value, e);
        }
      }
      return value;
    }

    KafkaInput input() {
      KafkaInput input = KafkaInput.of(brokers, topics).group(group);
      switch (begin) {
        case "start" -> {}
        case "end" -> input.beginAtEnd();
        case "group" -> input.beginWhereGroupIs();
        default -> input.beginAt(Instant.parse(begin));
      }
      if (untilEnd) {
        input.untilEnd();
      }
      if (packed) {
        input.packed();
      }
      gaps.forEach(input::acceptGap);
      for (String name : properties.stringPropertyNames()) {
        if (KafkaProperties.isOfReaders(name)) {
          input.set(name, properties.getProperty(name));
        }
      }
      return input;
    }

    KafkaOutput output() {
      KafkaOutput output =
          KafkaOutput.to(brokers).writer(writer).transactionTimeout(transactionTimeout);
      if (atLeastOnce) {
        output.atLeastOnce();
      }
      for (String name : properties.stringPropertyNames()) {
        if (KafkaProperties.isOfWriters(name)) {
          output.set(name, properties.getProperty(name));
        }
      }
      return output;
    }
  }

  /** Submits the job, and waits for its end where the cluster's client does. */
  public static void main(String[] words) throws Exception {
    Arguments arguments;
    try {
      arguments = Arguments.of(words);
    } catch (IllegalArgumentException | IOException e) {
      throw refused(e.getMessage() + "\n" + USAGE, e);
    }
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    try {
      make(env, arguments);
    } catch (TocsinException | IllegalArgumentException e) {
      throw refused(e.getMessage(), e);
    }
    env.execute("tocsin");
  }

  private static IllegalArgumentException refused(String message, Exception why) {
    System.err.println("tocsin: " + message);
    return new IllegalArgumentException("the job was not submitted", why);
  }

  /** Makes the job. */
  static void make(StreamExecutionEnvironment env, Arguments arguments) throws IOException {
    if (arguments.parallelism > 0) {
      env.setParallelism(arguments.parallelism);
    }
    if (arguments.checkpointEvery != null) {
      env.enableCheckpointing(arguments.checkpointEvery.toMillis());
    }
    Rules rules = Rules.read(arguments.rules);
    Tocsin job = arguments.onePart ? Tocsin.jobInOnePart(env, rules) : Tocsin.job(env, rules);
    if (arguments.outOfOrderness != null) {
      job.outOfOrderness(arguments.outOfOrderness);
    }
    if (arguments.idleAfter != null) {
      job.idleAfter(arguments.idleAfter);
    }
    if (arguments.driftMax != null) {
      job.driftMax(arguments.driftMax);
    }
    arguments.settings.forEach(job::set);
    if (arguments.readState != null) {
      job.readState(arguments.readState);
    }
    if (arguments.writeState != null) {
      job.writeState(arguments.writeState);
    }
    if (arguments.changes != null) {
      JobChanges.take(env, job, rules, arguments.changes, arguments.room);
    }
    KafkaOutput output = arguments.output();
    output.alerts(job.fromKafka(arguments.input()).alerts(), arguments.alertsTopic);
    if (arguments.lateTopic != null) {
      output.late(job.late(), arguments.lateTopic);
    }
    if (arguments.deadTopic != null) {
      output.rejected(job.rejected(), arguments.deadTopic);
    }
    if (arguments.decisionsTopic != null) {
      output.decisions(job.decisions(), arguments.decisionsTopic);
    } else if (arguments.changes != null) {
      job.decisions().print("decision").setParallelism(1);
    }
  }
}
