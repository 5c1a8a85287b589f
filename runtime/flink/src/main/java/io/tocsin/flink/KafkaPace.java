package io.tocsin.flink;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which of a reader's partitions are held back while others are behind them in event time. Where a
 * partition is read to an end, the connector may have come there although its last messages are not
 * given yet; it no longer has the partition then, and fails when it is to hold it back or to read it
 * on. So a partition whose end is no further away than what may be on its way is not held back:
 * these messages are read ahead of the others.
 */
final class KafkaPace {
  /** Gaps in offsets that are on their way may be so much larger than in those before. */
  private static final long SPARSER = 2;

  private final long onTheWay;
  private final Map<String, Partition> partitions = new HashMap<>();
  private final Set<String> held = new HashSet<>();

  /** {@code onTheWay}: messages that the connector may have read and not given yet, at most. */
  KafkaPace(long onTheWay) {
    this.onTheWay = onTheWay;
  }

  /** How far a partition was given. Offsets have gaps, where messages are no lines or were removed. */
  final class Partition {
    private final long end;
    private long next;
    // Two places of before: so many messages were given from each of them on.
    private long early;
    private long late;
    private long fromEarly;
    private long fromLate;

    private Partition(long next, long end) {
      this.next = next;
      this.early = next;
      this.late = next;
      this.end = end;
    }

    /** A message was given: {@code after} is the offset behind it. */
    void gave(long after) {
      if (next < 0) { // it began with what there was
        early = after - 1;
        late = after - 1;
      }
      next = after;
      ++fromEarly;
      if (++fromLate == onTheWay) {
        early = late;
        fromEarly = fromLate;
        late = next;
        fromLate = 0;
      }
    }

    private boolean mayBeAtEnd() {
      if (end == Long.MAX_VALUE) {
        return false;
      }
      double offsetsOfMessage = fromEarly == 0 ? 1 : (double) (next - early) / fromEarly;
      return end - next <= SPARSER * onTheWay * Math.max(offsetsOfMessage, 1);
    }
  }

  /**
   * The partition is read from {@code next}, where it begins if that is negative, to before {@code
   * end}; Long.MAX_VALUE: for ever.
   */
  void begin(String split, long next, long end) {
    partitions.put(split, new Partition(next, end));
  }

  Partition of(String split) {
    return partitions.get(split);
  }

  void ended(String split) {
    partitions.remove(split);
    held.remove(split);
  }

  /** Those of them that the connector is to hold back. */
  List<String> toPause(Collection<String> splits) {
    List<String> all = new ArrayList<>();
    for (String split : splits) {
      Partition partition = partitions.get(split);
      if (partition != null && !partition.mayBeAtEnd() && held.add(split)) {
        all.add(split);
      }
    }
    return all;
  }

  /** Those of them that the connector holds back. */
  List<String> toResume(Collection<String> splits) {
    List<String> all = new ArrayList<>();
    for (String split : splits) {
      if (held.remove(split)) {
        all.add(split);
      }
    }
    return all;
  }
}
