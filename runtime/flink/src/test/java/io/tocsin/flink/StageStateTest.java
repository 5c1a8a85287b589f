package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.junit.jupiter.api.Test;

/** Entries of stages in maps: cuts of what changed, parts that go on from those of others. */
class StageStateTest {
  private static final String EVENT =
      "event payment { ts: time, id: string id, card: string, amount: int }\n";
  private static final String PAIR =
      "rule pair \"Two\" { by card when payment as a then payment as b within 1h"
          + " alert \"{a.amount} {b.amount}\" }\n";
  private static final Rules RULES = Rules.of(Map.of("a.tocsin", EVENT + PAIR));
  private static final Rules MORE =
      Rules.of(
          Map.of(
              "a.tocsin",
              EVENT + PAIR + PAIR.replace("pair", "triple").replace("within", "then payment within")));
  private static final int CARDS = 200;
  private static final long START_US = 1_772_452_800_000_000L; // 2026-03-02T12:00:00Z

  /** What a backend keeps of a stage. */
  private final Map<Integer, Map<Bytes, byte[]>> groups = new HashMap<>();

  private int group;
  private int changes;

  @Test
  void partsGoOnFromOthersEntries() throws Exception {
    for (int[] parts : new int[][] {{1, 1}, {2, 3}, {5, 2}}) {
      groups.clear();
      feed(RULES, parts[0], 1);
      int all = changes;
      assertTrue(all > CARDS, "entries: " + all);
      assertEquals(2L * CARDS - CARDS, feed(RULES, parts[1], 2));
    }
  }

  @Test
  void otherRulesWriteEverythingAgain() throws Exception {
    feed(RULES, 2, 1);
    assertEquals(CARDS, feed(MORE, 2, 2));
    feed(MORE, 1, 3);
  }

  @Test
  void aCutHasWhatChanged() throws Exception {
    try (Stage stage = new Stage(RULES, new Edge(Edge.PASS, 0), 0, 1)) {
      StageState state = state();
      assertNull(state.restore(stage, new KeyGroupRange(0, 1023)));
      put(List.of(stage), RULES, 1, CARDS);
      advance(stage, 1);
      changes = 0;
      state.write(stage);
      assertTrue(changes > CARDS);
      put(List.of(stage), RULES, 2, 3);
      advance(stage, 2);
      for (Block block = stage.take(); block != null; ) {
        block = stage.take();
      }
      changes = 0;
      state.write(stage);
      // Three keys, and how far each group has come.
      assertTrue(changes <= 1024 + 6, "changes: " + changes);
    }
  }

  // Parts that go on from the maps, take one event of each card, and write what changed. Gives the
  // number of alerts.
  private long feed(Rules rules, int parts, int second) throws Exception {
    List<Stage> stages = new ArrayList<>();
    long alerts = 0;
    try {
      for (int part = 0; part < parts; ++part) {
        Stage stage = new Stage(rules, new Edge(Edge.PASS, 0), part, parts);
        stages.add(stage);
        KeyGroupRange own =
            KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex(1024, parts, part);
        String report = state().restore(stage, own);
        assertEquals(second == 1, report == null);
      }
      put(stages, rules, second, CARDS);
      try (Stage merge = new Stage(rules, Edge.TO_ALERTS, 0, 1)) {
        changes = 0;
        for (Stage stage : stages) {
          advance(stage, second);
          for (Block block = stage.take(); block != null; block = stage.take()) {
            merge.put(block);
          }
          state().write(stage);
        }
        merge.advance(Long.MAX_VALUE, 1);
        String lines = new String(merge.takeAlerts(), StandardCharsets.UTF_8);
        alerts = lines.lines().filter(line -> line.contains("\"pair\"")).count();
      }
    } finally {
      stages.forEach(Stage::close);
    }
    return alerts;
  }

  private static void put(List<Stage> stages, Rules rules, int second, int cards) {
    try (Stage source = new Stage(rules, new Edge(Edge.SOURCE, 0), 0, 1)) {
      source.setParts(new Edge(Edge.PASS, 0), stages.size());
      for (int card = 0; card < cards; ++card) {
        String line =
            "{\"type\":\"payment\",\"ts\":" + at(second) + ",\"id\":\"" + second + "-"
                + card + "\",\"card\":\"c" + card + "\",\"amount\":" + card + "}";
        byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
        assertEquals(0, source.putEvent(bytes, (long) second << 20 | card));
      }
      for (Block block = source.take(); block != null; block = source.take()) {
        stages.get(block.part).put(block);
      }
    }
  }

  private static void advance(Stage stage, int second) {
    while (!stage.advance(at(second), 7)) {
      assertFalse(stage.watermark() == at(second));
    }
    assertEquals(at(second), stage.watermark());
  }

  private static long at(int second) {
    return START_US + second * 1_000_000L;
  }

  private StageState state() {
    return new StageState(new Entries(), to -> group = to);
  }

  /** The map of the group that was set. */
  private final class Entries implements MapState<Bytes, byte[]> {
    private Map<Bytes, byte[]> map() {
      return groups.computeIfAbsent(group, of -> new HashMap<>());
    }

    @Override
    public byte[] get(Bytes key) {
      return map().get(key);
    }

    @Override
    public void put(Bytes key, byte[] value) {
      map().put(key, value);
    }

    @Override
    public void putAll(Map<Bytes, byte[]> entries) {
      changes += entries.size();
      map().putAll(entries);
    }

    @Override
    public void remove(Bytes key) {
      ++changes;
      map().remove(key);
    }

    @Override
    public boolean contains(Bytes key) {
      return map().containsKey(key);
    }

    @Override
    public Iterable<Map.Entry<Bytes, byte[]>> entries() {
      return map().entrySet();
    }

    @Override
    public Iterable<Bytes> keys() {
      return map().keySet();
    }

    @Override
    public Iterable<byte[]> values() {
      return map().values();
    }

    @Override
    public Iterator<Map.Entry<Bytes, byte[]>> iterator() {
      return map().entrySet().iterator();
    }

    @Override
    public boolean isEmpty() {
      return map().isEmpty();
    }

    @Override
    public void clear() {
      map().clear();
    }
  }
}
