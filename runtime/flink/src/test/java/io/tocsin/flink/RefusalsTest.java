package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a submission is refused for, and what the library refuses. */
class RefusalsTest {
  private static final String EVENT =
      "event payment { ts: time, id: string id, card: string, merchant: string, amount: int }\n";
  private static final String RULE =
      "rule large \"A large payment\" { by card when payment where amount > 9 alert \"large\" }\n";

  @TempDir Path folder;

  @AfterEach
  void nothingIsLeft() {
    assertEquals(0, Stage.open());
    assertEquals(0, Pack.loaded());
  }

  private static Rules rules(String text) {
    return Rules.of(Map.of("rules.tocsin", text));
  }

  private static StreamExecutionEnvironment env() {
    return StreamExecutionEnvironment.createLocalEnvironment(2);
  }

  private static String refusal(String text) {
    return assertThrows(TocsinException.class, () -> Tocsin.job(env(), rules(text))).getMessage();
  }

  @Test
  void rulesWithErrors() {
    TocsinException thrown =
        assertThrows(
            TocsinException.class,
            () -> Tocsin.job(env(), rules("event login { ts: time, user: strin }")));
    assertEquals("invalid_rules", thrown.status());
    assertEquals(
        "the rules have errors: there is no type `strin`\n"
            + "rules.tocsin:1:31: error[E0101]: there is no type `strin` (write `string`)",
        thrown.getMessage());
    assertTrue(thrown.diagnostics().startsWith("{\"code\":\"E0101\""));
  }

  @Test
  void rulesThatCannotBeSpread() {
    String text =
        refusal(
            EVENT
                + "feature level = avg(amount of payment unless alerted by outlier)"
                + " by merchant over previous 30d\n"
                + "rule outlier \"Far above\" { by card when payment where amount > 4 * level"
                + " alert \"far\" }\n");
    assertTrue(
        text.startsWith(
            "the rules cannot be spread over a job\n  rule `outlier` (by card) reads"),
        text);
  }

  @Test
  void settingsOfTheIntake() throws Exception {
    List<String> files = List.of(Files.createFile(folder.resolve("empty.jsonl")).toString());
    for (String[] wrong : new String[][] {{"jump_max", "soon"}, {"colour", "red"}}) {
      Tocsin job =
          Tocsin.job(env(), rules(EVENT + RULE)).fromFiles(files).set(wrong[0], wrong[1]);
      TocsinException thrown = assertThrows(TocsinException.class, job::alerts);
      assertEquals("invalid_argument", thrown.status());
      assertTrue(thrown.getMessage().contains(wrong[0]), thrown.getMessage());
    }
  }

  @Test
  void settingsThatWouldMakeAlertsWrong() throws Exception {
    List<String> files = List.of(Files.createFile(folder.resolve("empty.jsonl")).toString());
    StreamExecutionEnvironment unaligned = env();
    unaligned.enableCheckpointing(1000);
    unaligned.getCheckpointConfig().enableUnalignedCheckpoints();
    StreamExecutionEnvironment otherGroups = env();
    otherGroups.setMaxParallelism(128);
    StreamExecutionEnvironment batch = env();
    batch.setRuntimeMode(RuntimeExecutionMode.BATCH);
    for (StreamExecutionEnvironment env : List.of(unaligned, otherGroups, batch)) {
      Tocsin job = Tocsin.job(env, rules(EVENT + RULE)).fromFiles(files);
      assertThrows(IllegalStateException.class, job::alerts);
    }
    assertThrows(IllegalStateException.class, Tocsin.job(env(), rules(EVENT + RULE))::alerts);
  }

  @Test
  void damagedBlocksAndEntriesNameTheStage() {
    try (Stage stage = new Stage(rules(EVENT + RULE), new Edge(Edge.PASS, 0), 1, 3)) {
      TocsinException thrown =
          assertThrows(
              TocsinException.class, () -> stage.put(new Block(0, "none".getBytes(StandardCharsets.UTF_8))));
      assertEquals("corrupt", thrown.status());
      assertTrue(thrown.getMessage().startsWith("pass-0, part 2 of 3: "), thrown.getMessage());
      assertEquals(
          "wrong_state",
          assertThrows(TocsinException.class, () -> stage.advance(5, 10)).status());
    }
    assertThrows(
        TocsinException.class, () -> new Stage(rules(EVENT + RULE), new Edge(Edge.HOLD, 0), 0, 1));
  }

  @Test
  void rulesTakeTheFilesThatTheyName() throws Exception {
    Files.createDirectories(folder.resolve("data"));
    Files.writeString(folder.resolve("data/cards.txt"), "c1\n");
    Files.writeString(folder.resolve("data/other.txt"), "c2\n");
    Path file = folder.resolve("rules.tocsin");
    Files.writeString(
        file,
        "list cards: string from \"data/cards.txt\"\n"
            + EVENT
            + RULE.replace("amount > 9", "card in cards"));
    for (Rules rules : List.of(Rules.read(folder), Rules.read(file))) {
      assertEquals(2, rules.texts().length);
      JobPlan.of(rules, false);
    }
  }

  @Test
  void rulesOfAConfigMapAreThereOnce() throws Exception {
    Path real = Files.createDirectories(folder.resolve("..2026_03_02"));
    Files.writeString(real.resolve("rules.tocsin"), EVENT + RULE);
    Files.createSymbolicLink(folder.resolve("..data"), Path.of("..2026_03_02"));
    Files.createSymbolicLink(folder.resolve("rules.tocsin"), Path.of("..data/rules.tocsin"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), folder);
    for (Path path : List.of(folder, link)) {
      Rules rules = Rules.read(path);
      assertEquals(1, rules.texts().length);
      assertTrue(rules.hasFilesOf(Rules.of(Map.of("rules.tocsin", EVENT + RULE))));
      JobPlan.of(rules, false);
    }
    assertFalse(Rules.read(folder).hasFilesOf(Rules.of(Map.of("rules.tocsin", EVENT))));
  }
}
