package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a job reads and writes is what {@code tocsin serve} reads and writes. */
@Timeout(120)
class KafkaMessagesTest {
  @TempDir Path folder;

  private static final String RULES =
      """
      event payment { ts: time, id: string id, card: string, amount: decimal(2) }
      rule large "A large payment" {
        by card
        when payment as p where amount > 100
        severity high
        alert "{p.amount} on card {card}"
      }
      rule many "Payments of all" {
        when 3 payment as all within 1d
        alert "three"
        once per 1d
      }
      """;

  private static String payment(int second, String card, String amount) {
    return ("{\"type\": \"payment\", \"ts\": \"2026-03-02T12:00:%02dZ\", \"id\": \"p%d\","
            + " \"card\": \"%s\", \"amount\": %s}")
        .formatted(second, second, card, amount);
  }

  private static List<byte[]> messages() {
    List<byte[]> all = new ArrayList<>();
    for (String text :
        new String[] {
          payment(1, "c1", "200.00"),
          null,
          "",
          " \n ",
          "\ufeff",
          payment(2, "c2", "300.00").replace(", ", ",\n "),
          payment(3, "c1", "20") + "\n",
          payment(4, "ö\\u00e4", "4000"),
          "no event",
          "{\"type\": \"payment\"}",
          payment(5, "c1", "500"),
          payment(6, "c2", "5") + "\n" + payment(7, "c2", "700"),
          payment(2, "c3", "900"),
          payment(1, "c3", "901"),
          payment(30, "c3", "1000")
        }) {
      all.add(text == null ? null : text.getBytes(StandardCharsets.UTF_8));
    }
    all.add(2, new byte[] {(byte) 0xff, 0, '{'});
    all.add(payment(50, "c4", "1").getBytes(StandardCharsets.UTF_8));
    return all;
  }

  // Who wrote, and the place in a server's journal, are each one's own.
  private static String comparable(String topic) {
    return Topics.read(topic).stream()
        .map(of -> of.partition() + " " + of.key() + " " + of.value() + "\n" + of.headers())
        .map(text -> text.replaceAll("(?m)^tocsin-(writer|arrival)=.*\n", ""))
        .sorted()
        .collect(Collectors.joining("\n"));
  }

  private static List<String> keys(String topic) {
    return Topics.read(topic).stream().map(Topics.Message::key).toList();
  }

  @Test
  void areThoseOfAServer() throws Exception {
    String topic = Topics.create("mixed", 1);
    Topics.write(topic, 0, messages());
    Topics.abort(topic, 0, payment(40, "c9", "5000").getBytes(StandardCharsets.UTF_8));
    Path rules = Files.writeString(folder.resolve("rules.tocsin"), RULES);
    List<String> ofServer = new ArrayList<>();
    List<String> ofJob = new ArrayList<>();
    for (String stream : List.of("alerts", "late", "dead")) {
      ofServer.add(Topics.create("server-" + stream, 1));
      ofJob.add(Topics.create("job-" + stream, 1));
    }
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(1, new Configuration());
    KafkaJob.make(
        env,
        KafkaJob.Arguments.of(
            "--rules", rules.toString(), "--brokers", Topics.brokers(), "--topics", topic,
            "--alerts-topic", ofJob.get(0), "--late-topic", ofJob.get(1), "--dead-topic",
            ofJob.get(2), "--until-end", "yes", "--checkpoint-every", "200ms", "--writer", "job"));
    env.execute();
    serve(rules, topic, ofServer, Topics.read(ofJob.get(0)).size());
    for (int i = 0; i < 3; ++i) {
      String written = comparable(ofJob.get(i));
      assertFalse(written.isEmpty(), ofJob.get(i));
      assertEquals(comparable(ofServer.get(i)), written);
    }
    assertEquals(keys(ofServer.get(0)), keys(ofJob.get(0)));
    assertTrue(Topics.read(ofJob.get(0)).get(0).headers().endsWith("tocsin-writer=job.alerts." + ofJob.get(0) + "\n"));
  }

  private static KafkaMessage.Made alert(String id, int revision, String rule, String key) {
    String line =
        "{\"format\":1,\"id\":\"%s\",\"revision\":%d,\"rule\":\"%s\",\"key\":{%s},\"severity\":\"low\"}";
    return new KafkaAlert("alerts", "job").make(line.formatted(id, revision, rule, key));
  }

  @Test
  void alertsWithOneKeyAreInOnePartition() {
    KafkaMessage.Made first = alert("a", 0, "r", "\"card\":\"c1\",\"day\":7");
    assertEquals(first.spread(), alert("b", 1, "other", "\"card\":\"c1\",\"day\":7").spread());
    assertEquals("b", alert("b", 1, "other", "\"card\":\"c1\"").key());
    for (String other : List.of("\"card\":\"c2\",\"day\":7", "\"card\":\"c1\",\"day\":8", "")) {
      assertFalse(first.spread() == alert("a", 0, "r", other).spread(), other);
    }
    assertTrue(
        alert("b", 1, "r", "").headers().contains(new KafkaMessage.Header("tocsin-revision", "1")));
  }

  // Runs a server until it has written so many alerts.
  private void serve(Path rules, String topic, List<String> to, int alerts) throws Exception {
    Path configuration =
        Files.writeString(
            folder.resolve("tocsin.toml"),
            """
            [kafka]
            brokers = "%s"
            topics = ["%s"]
            alerts_topic = "%s"
            late_topic = "%s"
            dead_topic = "%s"
            idle_after = "1s"
            [time]
            heartbeat = "1s"
            late_policy = "side"
            """
                .formatted(Topics.brokers(), topic, to.get(0), to.get(1), to.get(2)));
    Path log = folder.resolve("server.log");
    Process server =
        new ProcessBuilder(
                System.getenv("TOCSIN_BINARY"), "serve", rules.toString(), "--config",
                configuration.toString(), "--data", folder.resolve("data").toString(), "--listen",
                "127.0.0.1:0")
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      while (Topics.read(to.get(0)).size() < alerts) {
        assertTrue(server.isAlive(), Files.readString(log));
        Thread.sleep(50);
      }
    } finally {
      server.destroy(); // it writes what it owes
      server.waitFor();
    }
  }
}
