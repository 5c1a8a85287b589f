package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rules and lists that change inside a running job, as those of one machine do at the same times. */
class ChangeTest {
  private static final int EVENTS = 20_000;
  private static final Pattern TIME = Pattern.compile("\"ts\":([0-9]+)");
  private static final Pattern FROM = Pattern.compile("\"from_us\":([0-9]+)");
  private static final String DEEP =
      "feature quiet = count(alert busy_merchant) by merchant over last 1h\n"
          + "rule deep \"deep\" { by card when payment as p where quiet > 1 alert \"deep\" }\n";
  private static final String WATCHED =
      "list watched: string from \"watched.txt\"\n"
          + "rule from_watched \"A payment from a country that is watched\" {\n"
          + "  by card when payment as p where p.country in watched and p.amount > 20\n"
          + "  alert \"{p.country}\" once per 10m\n}\n";

  @TempDir Path folder;
  private Path event;
  private Path stricter; // other bounds, a rule more, a rule less, and a list
  private Path listed; // the same with another list

  @BeforeEach
  void makeRules() throws Exception {
    event = Program.events(EVENTS);
    String text = Files.readString(Program.CONSTRUCTS.resolve("constructs.tocsin"));
    String next = text.replace("at_merchant > 20", "at_merchant > 10").replace("40 login", "30 login");
    assertNotEquals(text, next);
    stricter = pack("stricter", next + WATCHED, "DE\nFR\n");
    listed = pack("listed", next + WATCHED, "FR\nUS\n");
  }

  private Path pack(String name, String text, String watched) throws Exception {
    Path pack = Files.createDirectories(folder.resolve(name));
    Files.writeString(pack.resolve("constructs.tocsin"), text);
    Files.writeString(pack.resolve("watched.txt"), watched);
    return pack;
  }

  // The time of the event so far into the file, in whole milliseconds.
  private Instant timeAt(double share) throws Exception {
    List<String> lines = Files.readAllLines(event);
    Matcher time = TIME.matcher(lines.get((int) (lines.size() * share)));
    assertTrue(time.find());
    return Instant.EPOCH.plus(Long.parseLong(time.group(1)) / 1000 * 1000, ChronoUnit.MICROS);
  }

  private static long micros(Instant time) {
    return ChronoUnit.MICROS.between(Instant.EPOCH, time);
  }

  private List<Change> changes() throws Exception {
    return List.of(
        Change.rules(Rules.read(stricter)).at(timeAt(0.3)).named("stricter"),
        Change.lines("watched.txt", List.of("US"), List.of("DE")).at(timeAt(0.6)),
        Change.rules(Rules.read(Program.CONSTRUCTS)).at(timeAt(0.8)));
  }

  private List<String> expected(List<Path> files) throws Exception {
    TreeMap<Long, Path> changes = new TreeMap<>();
    changes.put(micros(timeAt(0.3)), stricter);
    changes.put(micros(timeAt(0.6)), listed);
    changes.put(micros(timeAt(0.8)), Program.CONSTRUCTS);
    List<String> alerts = Program.alertsOfChanges(Program.CONSTRUCTS, changes, files);
    assertTrue(alerts.stream().anyMatch(alert -> alert.contains("from_watched")));
    assertNotEquals(Program.alerts(Program.CONSTRUCTS, files), alerts);
    return alerts;
  }

  private static void assertSame(List<String> expected, List<String> alerts) {
    assertTrue(expected.size() > 50, "alerts: " + expected.size());
    assertEquals(String.join("\n", expected), String.join("\n", alerts));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void rulesAndListsChange(int parallelism) throws Exception {
    List<Path> files = Program.divided(event, 3);
    List<String> alerts =
        new TestJob(Program.CONSTRUCTS, files).changes(changes()).run(parallelism);
    assertEquals(3, TestJob.DECISIONS.size(), TestJob.DECISIONS.toString());
    String first = TestJob.DECISIONS.get(0);
    assertTrue(
        first.matches(
            "\\{\"decision\":\"accepted\",\"id\":\"[0-9a-f-]{36}-1\",\"name\":\"stricter\",\"from\":\".*"
                + ",\"kept\":9,\"started\":\\[\\{\"rule\":\"many_logins\"},\\{\"rule\":\"from_watched\"},"
                + "\\{\"rule\":\"busy_merchant\"}],\"lost\":\\[\\{\"rule\":\"many_logins\"},"
                + "\\{\"rule\":\"busy_merchant\"}],\"suppression_lost\":\\[]}"),
        first);
    // A list is another one, and all go on.
    assertTrue(
        TestJob.DECISIONS.get(1).contains("\"kept\":12,\"started\":[],\"lost\":[],"),
        TestJob.DECISIONS.get(1));
    assertSame(expected(files), alerts);
  }

  @Test
  void roomForMorePasses() throws Exception {
    List<Path> files = Program.divided(event, 2);
    String text = Files.readString(Program.CONSTRUCTS.resolve("constructs.tocsin")) + DEEP;
    Path deep = pack("deep", text, "");
    int passes = JobPlan.of(Rules.read(deep), false).holds().size();
    assertTrue(passes > JobPlan.of(Rules.read(Program.CONSTRUCTS), false).holds().size());
    List<String> alerts =
        new TestJob(Program.CONSTRUCTS, files)
            .room(passes)
            .changes(List.of(Change.rules(Rules.read(deep)).at(timeAt(0.4))))
            .run(2);
    TreeMap<Long, Path> taken = new TreeMap<>(Map.of(micros(timeAt(0.4)), deep));
    List<String> expected = Program.alertsOfChanges(Program.CONSTRUCTS, taken, files);
    assertTrue(expected.stream().anyMatch(alert -> alert.contains("\"deep\"")));
    assertSame(expected, alerts);
  }

  @Test
  void aFolderIsWatched() throws Exception {
    List<Path> files = Program.divided(event, 2);
    Path link = folder.resolve("link");
    TestJob.pointTo(link, Program.CONSTRUCTS);
    List<String> expected = new ArrayList<>();
    List<String> alerts =
        new TestJob(Program.CONSTRUCTS, files)
            .runWatched(
                link,
                stricter,
                EVENTS,
                decision -> {
                  Matcher from = FROM.matcher(decision);
                  assertTrue(from.find(), decision);
                  TreeMap<Long, Path> taken =
                      new TreeMap<>(Map.of(Long.parseLong(from.group(1)), stricter));
                  expected.addAll(Program.alertsOfChanges(Program.CONSTRUCTS, taken, files));
                  return expected;
                });
    assertSame(expected, alerts);
  }

  @Test
  void soTheyDoWithAFailure() throws Exception {
    List<Path> files = Program.divided(event, 2);
    TestJob job = new TestJob(Program.CONSTRUCTS, files).changes(changes());
    List<String> alerts = job.runWithFailure(2, EVENTS, folder);
    assertTrue(job.hasFailed());
    assertSame(expected(files), alerts);
  }

  @Test
  void aStopAtATimeGoesOnUnderOtherRules() throws Exception {
    List<Path> files = Program.divided(event, 4);
    Instant at = timeAt(0.4);
    List<String> alerts =
        new TestJob(Program.CONSTRUCTS, files)
            .runToStop(2, 3, EVENTS, Change.stopAt(at), stricter, folder);
    TreeMap<Long, Path> changes = new TreeMap<>(Map.of(micros(at), stricter));
    assertSame(Program.alertsOfChanges(Program.CONSTRUCTS, changes, files), alerts);
  }

  @ParameterizedTest
  @ValueSource(strings = {"those before", "those behind", "others"})
  void aChangeThatWaitsInASavepointTakesPlace(String submitted) throws Exception {
    List<Path> files = Program.divided(event, 2);
    Path rules =
        switch (submitted) {
          case "those before" -> Program.CONSTRUCTS;
          case "those behind" -> stricter;
          default -> listed;
        };
    TestJob job =
        new TestJob(Program.CONSTRUCTS, files)
            .changes(List.of(Change.rules(Rules.read(stricter)).at(timeAt(0.9))));
    if (rules.equals(listed)) {
      Exception thrown =
          assertThrows(
              ExecutionException.class, () -> job.runInTwo(2, 3, EVENTS, rules, folder));
      Throwable cause = thrown;
      while (cause.getCause() != null) {
        cause = cause.getCause();
      }
      assertEquals(StageRules.waits().getMessage(), cause.getMessage());
      return;
    }
    List<String> alerts = job.runInTwo(2, 3, EVENTS, rules, folder);
    TreeMap<Long, Path> taken = new TreeMap<>(Map.of(micros(timeAt(0.9)), stricter));
    assertSame(Program.alertsOfChanges(Program.CONSTRUCTS, taken, files), alerts);
  }

  @Test
  void aChangeThatCannotBeIsRefused() throws Exception {
    List<Path> files = List.of(event);
    String text = Files.readString(Program.CONSTRUCTS.resolve("constructs.tocsin"));
    String[][] refused = {
      {"rule", "\"diagnostics\":[{"},
      {text + "event refund { ts: time, id: string id, card: string }\n", "event type `refund` is new"},
      {text.replace("up to 2s late", "up to 3s late"), "out_of_orderness"},
      {text, "these are the rules"},
      {text + DEEP, "room"},
    };
    List<Change> changes = new ArrayList<>();
    double share = 0.2;
    for (String[] one : refused) {
      changes.add(Change.rules(Rules.of(Map.of("constructs.tocsin", one[0]))).at(timeAt(share)));
      share += 0.1;
    }
    changes.add(Change.lines("watched.txt", List.of("US"), List.of()).at(timeAt(share)));
    changes.add(Change.rules(Rules.read(stricter)).at(timeAt(0.75)));
    changes.add(Change.rules(Rules.read(Program.CONSTRUCTS)).at(timeAt(0.1)));
    List<String> alerts = new TestJob(Program.CONSTRUCTS, files).changes(changes).run(2);
    assertEquals(changes.size(), TestJob.DECISIONS.size(), TestJob.DECISIONS.toString());
    for (int i = 0; i < refused.length; ++i) {
      String decision = TestJob.DECISIONS.get(i);
      assertTrue(
          decision.matches("\\{\"decision\":\"refused\",\"id\":\"[0-9a-f-]+-" + (i + 1) + "\",\"reason\":\".*"),
          decision);
      assertTrue(decision.contains(refused[i][1]), decision);
    }
    assertTrue(
        TestJob.DECISIONS.get(refused.length).contains("name no data file watched.txt"),
        TestJob.DECISIONS.toString());
    // Which of the two reasons it is depends on how far time is by then.
    String last = TestJob.DECISIONS.get(refused.length + 2);
    assertTrue(
        last.contains("an earlier change, or a stop, is at") || last.contains("the job has come to"),
        last);
    TreeMap<Long, Path> taken = new TreeMap<>(Map.of(micros(timeAt(0.75)), stricter));
    assertSame(Program.alertsOfChanges(Program.CONSTRUCTS, taken, files), alerts);
  }

  @Test
  void changesOfAStreamTakeTheNextTime() throws Exception {
    List<Path> files = Program.divided(event, 2);
    TestJob job = new TestJob(Program.CONSTRUCTS, files);
    List<String> alerts =
        job.runWithStream(2, EVENTS, Change.rules(Rules.read(stricter)).named("now"));
    Matcher from = FROM.matcher(TestJob.DECISIONS.get(0));
    assertTrue(from.find(), TestJob.DECISIONS.toString());
    TreeMap<Long, Path> taken = new TreeMap<>(Map.of(Long.parseLong(from.group(1)), stricter));
    assertSame(Program.alertsOfChanges(Program.CONSTRUCTS, taken, files), alerts);
    assertTrue(TestJob.DECISIONS.get(1).contains("the job has come to"), TestJob.DECISIONS.get(1));
  }

  @Test
  void whatIsTooMuchIsCounted() {
    assertEquals("[]", Json.some(List.of(), 2));
    assertEquals("[1,2]", Json.some(List.of("1", "2"), 2));
    assertEquals("[1,2,{\"more\":3}]", Json.some(List.of("1", "2", "3", "4", "5"), 2));
  }

  @Test
  void changesAreRead() {
    Change lines = Change.parse("{\"file\":\"a.txt\",\"add\":[\"x\"],\"at\":\"1970-01-01T00:00:01Z\"}");
    assertEquals(1_000_000L, lines.at());
    Rules rules = Rules.of(Map.of("r.tocsin", "", "lists/a.txt", "y\n"));
    assertEquals(
        Rules.of(Map.of("r.tocsin", "", "lists/a.txt", "y\nx\n")), lines.applyTo(rules));
    assertTrue(Change.parse("{\"stop\":true,\"at\":\"2026-03-02T12:00:00Z\"}").isStop());
    for (String wrong :
        new String[] {
          "", "[]", "{}", "{\"stop\":true}", "{\"file\":\"a\"}", "{\"rules\":\"path\"}",
          "{\"rules\":{},\"colour\":1}", "{\"stop\":true,\"at\":\"noon\"}"
        }) {
      assertThrows(IllegalArgumentException.class, () -> Change.parse(wrong), wrong);
    }
  }
}
