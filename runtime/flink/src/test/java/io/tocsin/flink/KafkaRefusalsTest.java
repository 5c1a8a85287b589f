package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a job over topics is refused for. */
@Timeout(120)
class KafkaRefusalsTest {
  @TempDir Path folder;

  private static String[] words(String... more) {
    List<String> all = new ArrayList<>();
    all.addAll(List.of("--rules", Program.PAYMENTS.toString(), "--brokers", "127.0.0.1:1"));
    all.addAll(List.of("--topics", "in", "--alerts-topic", "out"));
    all.addAll(Arrays.asList(more));
    return all.toArray(new String[0]);
  }

  private static String refusal(String... words) {
    return assertThrows(
            IllegalArgumentException.class,
            () -> {
              KafkaJob.Arguments read = KafkaJob.Arguments.of(words);
              read.input();
              read.output();
            })
        .getMessage();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--begin soon | --begin is start, end, group or a time as in 2026-03-02T12:00:00Z, not soon",
        "--delivery twice | --delivery is exactly-once or at-least-once, not twice",
        "--until-end maybe | --until-end is yes or no, not maybe",
        "--idle-after soon | --idle-after is a time, as in 5s or 100ms, not soon",
        "--drift-max 0s | --drift-max is a time above 0, as in 10m, not 0s",
        "--set colour | --set is NAME=VALUE, as in ahead_max=1h, not colour",
        "--accept-gap in/0=7..7 | a gap is as in payments/0=4..1000: topic, partition, the offset that is next, and the one to go on at; not in/0=7..7",
        "--topics in,in | a topic is named twice: in, in",
        "--parallelism 1025 | --parallelism is a number from 1 to 1024",
        "--room 3 | --room is of use with --changes",
        "--changes no-such-file | --changes: there is no no-such-file",
        "--decisions-topic out | --decisions-topic is of use with --changes",
        "--colour red | there is no option --colour",
        "--group | --group needs a value",
        "colour | there is no option colour",
      })
  void commandLine(String options, String said) {
    assertEquals(said, refusal(words(options.split(" "))));
  }

  @Test
  void whatIsNeeded() {
    String[] all = words();
    for (int i = 0; i < all.length; i += 2) {
      List<String> some = new ArrayList<>(Arrays.asList(all));
      some.subList(i, i + 2).clear();
      String said = refusal(some.toArray(new String[0]));
      assertTrue(said.startsWith("a job needs " + all[i]), said);
    }
  }

  @Test
  void everyOptionIsInTheUsage() throws Exception {
    String source = Files.readString(Path.of("src/main/java/io/tocsin/flink/KafkaJob.java"));
    Matcher options = Pattern.compile("case \"(--[a-z-]+)\"").matcher(source);
    int count = 0;
    for (; options.find(); ++count) {
      assertTrue(KafkaJob.USAGE.contains("\n  " + options.group(1) + " "), options.group(1));
    }
    assertTrue(count > 15, "options: " + count);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "linger | a line is NAME = VALUE, as in security.protocol = SASL_SSL",
        "sasl.username = tocsin | Kafka's client for Java has no property sasl.username",
        "group.id = mine | group.id is not to be set here: the group is named otherwise",
        "acks = 1 | acks must be all, or alerts could be lost with one broker: leave it out",
        "isolation.level = read_uncommitted | isolation.level is not to be set here: what was aborted is not read",
        "transactional.id = mine | transactional.id is not to be set here: the writer is named otherwise",
        "retries = 0 | retries must be more than 0, or no broken connection would be survived: leave it out",
        "linger.ms = 7 | linger.ms was set before",
      })
  void clientFile(String line, String said) throws Exception {
    Path file = folder.resolve("client.properties");
    Files.writeString(file, "# of all clients\n\nlinger.ms = 5\n" + line + "\n");
    assertEquals(file + ":4: " + said, refusal(words("--client-file", file.toString())));
  }

  private static String refusalOfJob(String... words) {
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(1, new Configuration());
    return assertThrows(
            IllegalArgumentException.class, () -> KafkaJob.make(env, KafkaJob.Arguments.of(words)))
        .getMessage();
  }

  @Test
  void brokersThatDoNotAnswer() throws Exception {
    Path file = folder.resolve("client.properties");
    Files.writeString(file, "default.api.timeout.ms = 1000\nrequest.timeout.ms = 900\n");
    assertEquals(
        "no broker answers at 127.0.0.1:1: name brokers as HOST:PORT that can be reached from here,"
            + " and from the cluster",
        refusalOfJob(words("--client-file", file.toString())));
    String[] wrong = words();
    wrong[3] = "nowhere";
    assertTrue(refusalOfJob(wrong).startsWith("the brokers nowhere: "), refusalOfJob(wrong));
  }

  @Test
  void topicsAndTransactions() throws Exception {
    String topic = Topics.create("there", 1);
    String brokers = Topics.brokers();
    String[] words = {
      "--rules", Program.PAYMENTS.toString(), "--brokers", brokers, "--topics", topic,
      "--alerts-topic", topic, "--checkpoint-every", "1s", "--transaction-timeout", "20m"
    };
    assertEquals(
        "a transaction may take 1200000 ms, and the brokers " + brokers + " allow 900000 ms: raise"
            + " their transaction.max.timeout.ms, or set a shorter transaction timeout, which is"
            + " still to be longer than an outage of the job",
        refusalOfJob(words));
    words[11] = "1s";
    assertEquals(
        "a transaction may take 1000 ms, and is committed every 1000 ms: it must be allowed more,"
            + " or checkpoints made more often",
        refusalOfJob(words));
    words[7] = "no-such-topic";
    assertEquals(
        "the topic no-such-topic is not there, at the brokers " + brokers + ": create it first",
        refusalOfJob(words));
    words[5] = "none";
    assertEquals(
        "the topic none is not there, at the brokers " + brokers + ": create it first",
        refusalOfJob(words));
    String[] some = Arrays.copyOf(words, 8);
    some[5] = topic;
    some[7] = topic;
    assertEquals(
        "exactly once needs checkpoints, with which transactions are committed: enable them, as"
            + " with execution.checkpointing.interval, or deliver at least once",
        refusalOfJob(some));
  }

  @Test
  void whoDoesNotAnswerIsNotSilent() throws Exception {
    Set<TopicPartition> there = Set.of(new TopicPartition(Topics.create("there", 1), 0));
    for (boolean answers : new boolean[] {false, true}) {
      CountDownLatch asked = new CountDownLatch(1);
      Properties connection =
          KafkaBrokers.properties(answers ? Topics.brokers() : "127.0.0.1:1", new Properties());
      try (KafkaPulse pulse = new KafkaPulse(connection, asked::countDown)) {
        there.forEach(pulse::watch);
        pulse.start();
        assertEquals(!answers, asked.await(answers ? 3 : 30, TimeUnit.SECONDS));
        assertEquals(answers ? Set.of() : there, pulse.takeAway());
      }
    }
  }

  @Test
  void topicsOfOtherStates() {
    for (String now : List.of("b,a", "a", "a,c,b")) {
      ArrayList<String> topics = new ArrayList<>(Arrays.asList(now.split(",")));
      KafkaLines lines =
          new KafkaLines(null, topics, new HashMap<>(), new HashMap<>(), new Properties(), 500);
      KafkaLines.State state = new KafkaLines.State(List.of("a", "b"), null);
      assertEquals(
          "the state is of the topics a, b, and the job reads " + String.join(", ", topics)
              + ": the places of topics are in the state, so name the same ones first and in their"
              + " order, or begin without the state",
          assertThrows(IllegalStateException.class, () -> lines.restoreEnumerator(null, state))
              .getMessage());
    }
  }
}
