package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.junit.jupiter.api.Test;

/** Parts and key groups of the library are those of Flink. */
class KeyGroupsTest {
  @Test
  void partsAreFlinksForEachParallelism() {
    int count = KeyGroups.COUNT;
    for (int parts = 1; parts <= count; ++parts) {
      for (int group = 0; group < count; ++group) {
        int part = group * parts / count;
        assertEquals(
            KeyGroupRangeAssignment.computeOperatorIndexForKeyGroup(count, parts, group), part);
        KeyGroupRange own =
            KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex(count, parts, part);
        assertTrue(own.contains(group));
      }
    }
  }

  @Test
  void eachGroupHasTheLeastKeyThatFlinkPutsThere() {
    int largest = 0;
    for (int group = 0; group < KeyGroups.COUNT; ++group) {
      int key = KeyGroups.keyOf(group);
      assertEquals(group, KeyGroupRangeAssignment.assignToKeyGroup(key, KeyGroups.COUNT));
      for (int less = 0; less < Math.min(key, 2000); ++less) {
        assertTrue(KeyGroupRangeAssignment.assignToKeyGroup(less, KeyGroups.COUNT) != group);
      }
      largest = Math.max(largest, key);
    }
    assertEquals(6448, largest); // another number: Flink hashes otherwise, and state would not be found
  }
}
