package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Jobs from topics to topics: alerts are those of {@code tocsin run} over files of the same lines. */
@Timeout(60)
class KafkaJobTest {
  private static final int EVENTS = 6_000;

  @TempDir Path folder;

  private final Configuration configuration = new Configuration();

  @BeforeEach
  void isSmall() {
    Topics.brokers();
    for (String setting :
        List.of(
            "rest.bind-address=127.0.0.1", "rest.address=127.0.0.1", "rest.bind-port=0",
            "taskmanager.numberOfTaskSlots=4", "taskmanager.memory.network.min=32mb",
            "taskmanager.memory.network.max=32mb", "restart-strategy.type=none")) {
      String[] parts = setting.split("=");
      configuration.setString(parts[0], parts[1]);
    }
  }

  private StreamExecutionEnvironment make(Path rules, String... words) throws Exception {
    List<String> all = new ArrayList<>(List.of("--brokers", Topics.brokers()));
    all.addAll(List.of("--rules", rules.toString(), "--checkpoint-every", "200ms"));
    all.addAll(Arrays.asList(words));
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(2, configuration);
    KafkaJob.make(env, KafkaJob.Arguments.of(all.toArray(new String[0])));
    return env;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void alertsLateAndDeadAreThoseOfARun(int parallelism) throws Exception {
    List<Path> files = Program.divided(Program.roughEvents(EVENTS), 4);
    String first = Topics.create("first", 3);
    String second = Topics.create("second", 1);
    for (int i = 0; i < 4; ++i) {
      Topics.write(i < 3 ? first : second, i < 3 ? i : 0, files.get(i), 1);
    }
    String alerts = Topics.create("alerts", 1);
    String late = Topics.create("late", 2);
    String dead = Topics.create("dead", 2);
    make(
            Program.CONSTRUCTS, "--topics", first + "," + second, "--alerts-topic", alerts,
            "--late-topic", late, "--dead-topic", dead, "--until-end", "yes", "--parallelism",
            "" + parallelism)
        .execute();
    Program.Results expected = Program.results(Program.CONSTRUCTS, files);
    assertTrue(expected.alerts().size() > 20, "alerts: " + expected.alerts().size());
    assertEquals(String.join("\n", expected.alerts()), String.join("\n", Topics.values(alerts)));
    assertSide(expected.late(), late, "tocsin-late-us");
    assertSide(expected.rejected(), dead, "tocsin-reason");
    for (String side : List.of(late, dead)) {
      List<Topics.Message> messages = Topics.read(side);
      assertEquals(messages.size(), messages.stream().map(Topics.Message::key).distinct().count());
    }
  }

  // Each line is there once as it came, and says from where; those of one partition are in order.
  private static void assertSide(List<String> expected, String topic, String why) {
    assertTrue(expected.size() > 5, topic + ": " + expected.size());
    List<Topics.Message> messages = Topics.read(topic);
    assertEquals(
        expected.stream().map(line -> KafkaMessage.members(line, Set.of("text")).get("text"))
            .sorted().collect(Collectors.joining("\n")),
        messages.stream().map(Topics.Message::value).sorted().collect(Collectors.joining("\n")));
    for (Topics.Message message : messages) {
      assertTrue(message.headers().contains(why + "="), message.headers());
      assertTrue(message.headers().matches("(?s)tocsin-source=kafka:.+/[0-3]\ntocsin-offset=[0-9]+\n.*"), message.headers());
    }
  }

  @Test
  void packedMessages() throws Exception {
    List<Path> files = Program.divided(Program.roughEvents(EVENTS), 2);
    String topic = Topics.create("packed", 2);
    Topics.write(topic, 0, files.get(0), 7);
    Topics.write(topic, 1, files.get(1), 100);
    String alerts = Topics.create("alerts", 1);
    String late = Topics.create("late", 2);
    String dead = Topics.create("dead", 2);
    make(
            Program.CONSTRUCTS, "--topics", topic, "--alerts-topic", alerts, "--packed", "yes",
            "--late-topic", late, "--dead-topic", dead, "--until-end", "yes", "--delivery",
            "at-least-once")
        .execute();
    Program.Results expected = Program.results(Program.CONSTRUCTS, files);
    assertEquals(String.join("\n", expected.alerts()), String.join("\n", Topics.values(alerts)));
    assertSide(expected.late(), late, "tocsin-late-us");
    assertSide(expected.rejected(), dead, "tocsin-reason");
  }

  @Test
  void savepointAtTwoGoesOnAtThreeWithMorePartitions() throws Exception {
    List<Path> files = Program.divided(Program.roughEvents(EVENTS), 4);
    String topic = Topics.create("grows", 2);
    String alerts = Topics.create("alerts", 1);
    String[] words = {"--topics", topic, "--alerts-topic", alerts, "--parallelism", "2"};
    List<Path> halves = new ArrayList<>();
    for (int i = 0; i < 2; ++i) {
      List<String> lines = Files.readAllLines(files.get(i));
      halves.add(Files.write(folder.resolve("half-" + i), lines.subList(0, lines.size() / 2)));
      Topics.write(topic, i, halves.get(i), 1);
    }
    JobClient client = make(Program.CONSTRUCTS, words).executeAsync("first");
    waitForAlerts(alerts, 5);
    String savepoint =
        client
            .stopWithSavepoint(false, folder.toUri().toString(), SavepointFormatType.CANONICAL)
            .get();
    Topics.grow(topic, 4);
    List<Path> all = new ArrayList<>();
    for (int i = 0; i < 4; ++i) {
      List<String> lines = Files.readAllLines(files.get(i));
      // What new partitions have is not behind what the others have had.
      List<String> rest = lines.subList(i < 2 ? lines.size() / 2 : lines.size() * 3 / 4, lines.size());
      Topics.write(topic, i, Files.write(folder.resolve("rest"), rest), 1);
      all.add(i < 2 ? files.get(i) : Files.write(folder.resolve("new-" + i), rest));
    }
    configuration.setString("execution.savepoint.path", savepoint);
    words[5] = "3";
    List<String> more = new ArrayList<>(Arrays.asList(words));
    more.addAll(List.of("--until-end", "yes"));
    make(Program.CONSTRUCTS, more.toArray(new String[0])).execute();
    assertEquals(
        String.join("\n", Program.alerts(Program.CONSTRUCTS, all)),
        String.join("\n", Topics.values(alerts)));
  }

  @Test
  void partitionsThatComeWhileItRuns() throws Exception {
    Path events = Program.events(EVENTS);
    List<String> lines = Files.readAllLines(events);
    Path early = Files.write(folder.resolve("early"), lines.subList(0, lines.size() / 2));
    Path later = Files.write(folder.resolve("later"), lines.subList(lines.size() / 2, lines.size()));
    String topic = Topics.create("more", 1);
    String alerts = Topics.create("alerts", 1);
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(2, configuration);
    env.enableCheckpointing(200);
    Tocsin job = Tocsin.job(env, Rules.read(Program.CONSTRUCTS)).idleAfter(Duration.ofSeconds(1));
    job.fromKafka(
        KafkaInput.of(Topics.brokers(), List.of(topic)).discoverEvery(Duration.ofMillis(100)));
    KafkaOutput.to(Topics.brokers()).alerts(job.alerts(), alerts);
    JobClient client = env.executeAsync("grows");
    Topics.write(topic, 0, early, 1);
    waitForAlerts(alerts, 1);
    Topics.grow(topic, 2);
    Topics.write(topic, 1, later, 1);
    // At the end both partitions are silent: what time has not come to is not there.
    List<String> all = Program.alerts(Program.CONSTRUCTS, List.of(early, later));
    waitForAlerts(alerts, all.size() * 3 / 4);
    client.cancel().get();
    List<String> written = Topics.values(alerts);
    assertEquals(String.join("\n", all.subList(0, written.size())), String.join("\n", written));
  }

  // One partition's events all come after the other's. It is held back where that is said.
  @Test
  void partitionsAreReadAtOnePace() throws Exception {
    List<String> lines = Files.readAllLines(Program.events(EVENTS));
    Path later = Files.write(folder.resolve("later"), lines.subList(EVENTS / 2, EVENTS));
    Path early = Files.write(folder.resolve("early"), lines.subList(0, EVENTS / 2));
    String topic = Topics.create("paced", 2);
    Topics.write(topic, 0, later, 1);
    Topics.write(topic, 1, early, 1);
    List<String> all = Program.alerts(Program.CONSTRUCTS, List.of(later, early));
    String alerts = Topics.create("alerts", 1);
    TestReporter.addTo(configuration);
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(2, configuration);
    env.enableCheckpointing(200);
    Tocsin job =
        Tocsin.job(env, Rules.read(Program.CONSTRUCTS))
            .idleAfter(Duration.ofSeconds(1))
            .driftMax(Duration.ofSeconds(1));
    DataStream<Line> read = paced(KafkaInput.of(Topics.brokers(), List.of(topic)), env, job);
    job.from(read.map(new Slow(4)).returns(Line.TYPE).uid("slow"));
    KafkaOutput.to(Topics.brokers()).alerts(job.alerts(), alerts);
    JobClient client = env.executeAsync("paced");
    // At the end both partitions are silent: what time has not come to is not there.
    waitForAlerts(alerts, all.size() * 3 / 4);
    client.cancel().get();
    List<String> written = Topics.values(alerts);
    assertEquals(String.join("\n", all.subList(0, written.size())), String.join("\n", written));
    long waiting = TestReporter.sum(TestReporter.GREATEST, "tocsin-intake", "waiting");
    assertTrue(waiting < EVENTS / 3, "waiting: " + waiting); // else it comes to about a half
  }

  // Partitions are compared once each has a line: none is fetched whole before.
  private static DataStream<Line> paced(
      KafkaInput input, StreamExecutionEnvironment env, Tocsin job) {
    return input
        .set("max.poll.records", "20")
        .set("max.partition.fetch.bytes", "5000")
        .in(env, "lines", job.times());
  }

  // Partitions end while they are ahead of others: one that is far ahead, and ones that take turns.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void partitionsThatEndAreReadAtOnePace(boolean apart) throws Exception {
    int count = EVENTS / 2;
    List<String> lines = Files.readAllLines(Program.events(EVENTS)).subList(0, count);
    Path events = Files.write(folder.resolve("events"), lines);
    List<Path> files =
        apart
            ? List.of(
                Files.write(folder.resolve("later"), lines.subList(count / 2, count)),
                Files.write(folder.resolve("early"), lines.subList(0, count / 2)))
            : Program.divided(events, 4);
    String topic = Topics.create("ends", files.size());
    for (int i = 0; i < files.size(); ++i) {
      Topics.write(topic, i, files.get(i), 1);
    }
    String alerts = Topics.create("alerts", 1);
    TestReporter.addTo(configuration);
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(2, configuration);
    env.enableCheckpointing(200);
    Tocsin job =
        Tocsin.job(env, Rules.read(Program.CONSTRUCTS)).driftMax(Duration.ofSeconds(1));
    DataStream<Line> read =
        paced(KafkaInput.of(Topics.brokers(), List.of(topic)).untilEnd(), env, job);
    job.from(read.map(new Slow(2)).returns(Line.TYPE).uid("slow"));
    KafkaOutput.to(Topics.brokers()).alerts(job.alerts(), alerts);
    env.execute("ends");
    assertEquals(
        String.join("\n", Program.alerts(Program.CONSTRUCTS, files)),
        String.join("\n", Topics.values(alerts)));
    long waiting = TestReporter.sum(TestReporter.GREATEST, "tocsin-intake", "waiting");
    assertTrue(waiting < count * 2 / 5, "waiting: " + waiting); // else it comes to about a half
  }

  /** A millisecond for so many lines. */
  private static final class Slow implements MapFunction<Line, Line> {
    private static final long serialVersionUID = 1L;
    private final int lines;
    private transient int read;

    Slow(int lines) {
      this.lines = lines;
    }

    @Override
    public Line map(Line line) throws Exception {
      if (++read % lines == 0) {
        Thread.sleep(1);
      }
      return line;
    }
  }

  // Other rules, and back, each from the time of an event on: what they are is a function of the events.
  private Path changes(Path events, TreeMap<Long, Path> taken) throws Exception {
    String text = Files.readString(Program.CONSTRUCTS.resolve("constructs.tocsin"));
    Path pack = Files.createDirectories(folder.resolve("stricter"));
    Files.writeString(
        pack.resolve("constructs.tocsin"), text.replace("at_merchant > 20", "at_merchant > 5"));
    List<String> lines = new ArrayList<>();
    Path[] packs = {pack, Program.CONSTRUCTS};
    for (int i = 0; i < packs.length; ++i) {
      long time = timeAt(events, 0.3 + 0.3 * i);
      taken.put(time, packs[i]);
      lines.add(
          "{\"rules\":"
              + Json.text(packs[i].toAbsolutePath().toString())
              + ",\"at\":\""
              + EventTimes.show(time)
              + "\",\"name\":\"change "
              + i
              + "\"}");
    }
    lines.add("{\"file\":\"watched.txt\",\"add\":[\"US\"]}");
    return Files.write(folder.resolve("changes.jsonl"), lines);
  }

  // In whole milliseconds.
  private static long timeAt(Path events, double share) throws Exception {
    List<String> lines = Files.readAllLines(events);
    Matcher time =
        Pattern.compile("\"ts\":([0-9]+)").matcher(lines.get((int) (lines.size() * share)));
    assertTrue(time.find());
    return Long.parseLong(time.group(1)) / 1000 * 1000;
  }

  private static void assertDecisions(String topic) {
    List<Topics.Message> messages = Topics.read(topic);
    assertEquals(3, messages.size(), messages.toString());
    for (int i = 0; i < 3; ++i) {
      Topics.Message message = messages.get(i);
      String what = i < 2 ? "accepted" : "refused";
      assertEquals(
          "tocsin-decision=" + what + "\n" + (i < 2 ? "tocsin-change=change " + i + "\n" : "")
              + "tocsin-writer=tocsin.decisions." + topic + "\n",
          message.headers());
      assertTrue(message.key().endsWith("-" + (i + 1)), message.key());
      assertTrue(message.value().contains("\"id\":\"" + message.key() + "\""), message.value());
      assertEquals(
          i < 2, message.value().contains("\"started\":[{\"rule\":\"busy_merchant\"}]"), message.value());
    }
    assertEquals(1, messages.stream().map(Topics.Message::partition).distinct().count());
  }

  @Test
  void rulesChangeAndATopicHasTheDecisions() throws Exception {
    Path events = Program.events(EVENTS);
    List<Path> files = Program.divided(events, 2);
    String topic = Topics.create("changing", 2);
    for (int i = 0; i < 2; ++i) {
      Topics.write(topic, i, files.get(i), 1);
    }
    String alerts = Topics.create("alerts", 1);
    String decisions = Topics.create("decisions", 2);
    TreeMap<Long, Path> taken = new TreeMap<>();
    make(
            Program.CONSTRUCTS, "--topics", topic, "--alerts-topic", alerts, "--until-end", "yes",
            "--decisions-topic", decisions, "--changes", changes(events, taken).toString())
        .execute();
    List<String> expected = Program.alertsOfChanges(Program.CONSTRUCTS, taken, files);
    assertNotEquals(Program.alerts(Program.CONSTRUCTS, files), expected);
    assertEquals(String.join("\n", expected), String.join("\n", Topics.values(alerts)));
    assertDecisions(decisions);
  }

  @Test
  void eachDecisionIsThereOnceThoughTheJobFails() throws Exception {
    configuration.setString("restart-strategy.type", "fixed-delay");
    configuration.setString("restart-strategy.fixed-delay.attempts", "2");
    configuration.setString("restart-strategy.fixed-delay.delay", "10 ms");
    Path events = Program.events(EVENTS);
    String topic = Topics.create("failing", 1);
    Topics.write(topic, 0, events, 1);
    String alerts = Topics.create("alerts", 1);
    String decisions = Topics.create("decisions", 2);
    TreeMap<Long, Path> taken = new TreeMap<>();
    Path changes = changes(events, taken);
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(2, configuration);
    env.enableCheckpointing(200);
    Rules rules = Rules.read(Program.CONSTRUCTS);
    Tocsin job = Tocsin.job(env, rules);
    JobChanges.take(env, job, rules, changes, 0);
    DataStream<Line> lines =
        KafkaInput.of(Topics.brokers(), List.of(topic)).untilEnd().in(env, "lines", job.times());
    FailsTwice.begin();
    job.from(lines.map(new FailsTwice()).returns(Line.TYPE).uid("fails"));
    KafkaOutput output = KafkaOutput.to(Topics.brokers());
    output.alerts(job.alerts(), alerts);
    output.decisions(
        job.decisions().map(FailsTwice::seen).returns(Types.STRING).setParallelism(1).uid("seen"), decisions);
    env.execute("fails");
    assertEquals(2, FailsTwice.FAILURES.get());
    assertTrue(FailsTwice.SEEN.get() > 3, "decisions: " + FailsTwice.SEEN.get());
    List<String> expected = Program.alertsOfChanges(Program.CONSTRUCTS, taken, List.of(events));
    assertEquals(String.join("\n", expected), String.join("\n", Topics.values(alerts)));
    assertDecisions(decisions);
  }

  /** Fails once two decisions were sent, which no checkpoint has; and once more, behind a checkpoint. */
  private static final class FailsTwice implements MapFunction<Line, Line>, CheckpointListener {
    private static final long serialVersionUID = 1L;
    static final AtomicInteger SEEN = new AtomicInteger();
    static final AtomicInteger FAILURES = new AtomicInteger();
    private static final AtomicInteger READ = new AtomicInteger();
    private static volatile boolean mustFail;

    static void begin() {
      SEEN.set(0);
      FAILURES.set(0);
      READ.set(0);
      mustFail = false;
    }

    static String seen(String decision) {
      SEEN.incrementAndGet();
      return decision;
    }

    @Override
    public Line map(Line line) throws Exception {
      int read = READ.incrementAndGet();
      if (read > 100 && FAILURES.get() == 0) {
        while (SEEN.get() < 2) {
          Thread.sleep(5);
        }
        fail();
      }
      if (read > EVENTS / 2 && FAILURES.get() == 1) {
        Thread.sleep(1);
      }
      if (mustFail) {
        fail();
      }
      return line;
    }

    private static void fail() {
      mustFail = false;
      FAILURES.incrementAndGet();
      throw new IllegalStateException("a failure that the test wants");
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) {
      mustFail = FAILURES.get() == 1 && READ.get() > EVENTS / 2;
    }
  }

  private static void waitForAlerts(String topic, int count) throws Exception {
    while (Topics.read(topic).size() < count) {
      Thread.sleep(50);
    }
  }

  @Test
  void missingMessagesStopTheJobUntilTheyAreAccepted() throws Exception {
    Path events = Program.events(EVENTS);
    String topic = Topics.create("trimmed", 1);
    Topics.write(topic, 0, events, 1);
    String alerts = Topics.create("alerts", 1);
    String[] words = {"--topics", topic, "--alerts-topic", alerts};
    JobClient client = make(Program.CONSTRUCTS, words).executeAsync("first");
    waitForAlerts(alerts, 5);
    String savepoint =
        client
            .stopWithSavepoint(false, folder.toUri().toString(), SavepointFormatType.CANONICAL)
            .get();
    Topics.write(topic, 0, events, 1);
    Topics.trim(topic, 0, EVENTS + 100);
    configuration.setString("execution.savepoint.path", savepoint);
    ExecutionException thrown =
        assertThrows(
            ExecutionException.class,
            () -> make(Program.CONSTRUCTS, words).executeAsync("gap").getJobExecutionResult().get());
    String gap = topic + "/0=" + EVENTS + ".." + (EVENTS + 100);
    String said = messages(thrown);
    assertTrue(said.contains("offset " + EVENTS + " is next, and the first that the broker has is " + (EVENTS + 100)), said);
    assertTrue(said.contains("accept the gap " + gap), said);
    make(
            Program.CONSTRUCTS, "--topics", topic, "--alerts-topic", alerts, "--until-end", "yes",
            "--accept-gap", gap)
        .execute();
  }

  private static String messages(Throwable thrown) {
    StringBuilder all = new StringBuilder();
    for (Throwable at = thrown; at != null; at = at.getCause()) {
      all.append(at.getMessage()).append('\n');
    }
    return all.toString();
  }
}
