package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Which partitions are held back: none whose end the connector may have come to. */
class KafkaPaceTest {
  private static final int ON_THE_WAY = 10;

  private final KafkaPace pace = new KafkaPace(ON_THE_WAY);

  // Messages of these offsets, `gap` apart.
  private void give(String split, long from, long to, long gap) {
    for (long offset = from; offset < to; offset += gap) {
      pace.of(split).gave(offset + 1);
    }
  }

  private boolean isHeld(String split) {
    boolean is = pace.toPause(List.of(split)).equals(List.of(split));
    pace.toResume(List.of(split));
    return is;
  }

  @Test
  void notNearItsEnd() {
    pace.begin("a", 0, 100);
    give("a", 0, 75, 1);
    assertEquals(true, isHeld("a")); // 25 are left, and 20 may be on their way
    give("a", 75, 80, 1);
    assertEquals(false, isHeld("a"));
    give("a", 80, 100, 1);
    assertEquals(false, isHeld("a"));
  }

  @Test
  void offsetsHaveGaps() {
    pace.begin("a", 0, 10_000);
    give("a", 0, 7_900, 100);
    assertEquals(true, isHeld("a"));
    give("a", 7_900, 8_000, 100);
    assertEquals(true, isHeld("a")); // ten messages are 1,000 offsets, and may be 2,000
    give("a", 8_000, 8_100, 100);
    assertEquals(false, isHeld("a"));
  }

  @Test
  void beginsWithWhatThereIs() {
    pace.begin("a", -2, 1_000_100); // the first offset that the broker has
    give("a", 1_000_000, 1_000_005, 1);
    assertEquals(true, isHeld("a"));
  }

  @Test
  void readForEver() {
    pace.begin("a", 0, Long.MAX_VALUE);
    assertEquals(true, isHeld("a"));
    give("a", 0, 50, 1);
    assertEquals(true, isHeld("a"));
  }

  @Test
  void pollsMayGiveAllThereIs() {
    KafkaPace large = new KafkaPace(5 * 999_999_999L);
    large.begin("a", 0, 1_000);
    large.of("a").gave(1);
    assertEquals(List.of(), large.toPause(List.of("a")));
  }

  @Test
  void messagesOfAPollAreANumber() {
    KafkaInput input = KafkaInput.of("127.0.0.1:1", List.of("t")).set("max.poll.records", "0");
    String said = assertThrows(IllegalArgumentException.class, input::source).getMessage();
    assertEquals("max.poll.records is a number from 1 on, not 0", said);
  }

  // Where it was not held back, and where it has ended, the connector must not be told to read it on.
  @Test
  void isReadOnWhereItWasHeldBack() {
    pace.begin("a", 0, 100);
    pace.begin("b", 0, 10);
    assertEquals(List.of("a"), pace.toPause(List.of("a", "b", "of another reader")));
    assertEquals(List.of(), pace.toPause(List.of("a")));
    assertEquals(List.of("a"), pace.toResume(List.of("b", "a")));
    assertEquals(List.of(), pace.toResume(List.of("a")));
    assertEquals(List.of("a"), pace.toPause(List.of("a")));
    pace.ended("a");
    assertEquals(List.of(), pace.toResume(List.of("a")));
  }
}
