package io.tocsin.flink;

import java.util.Arrays;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;

/**
 * Key groups of Flink, which are those of Tocsin: there are always 1,024, and group G is of part G *
 * N / 1024 of N in both.
 */
final class KeyGroups {
  static final int COUNT = 1024;

  private static final int[] ROUTE = route();

  private KeyGroups() {}

  /** The least number from 0 on that Flink puts into the group, as a key of Flink. */
  static Integer keyOf(int group) {
    return ROUTE[group];
  }

  private static int[] route() {
    int[] route = new int[COUNT];
    Arrays.fill(route, -1);
    int found = 0;
    for (int key = 0; found < COUNT; ++key) {
      int group = KeyGroupRangeAssignment.assignToKeyGroup(key, COUNT);
      if (route[group] < 0) {
        route[group] = key;
        ++found;
      }
    }
    return route;
  }
}
