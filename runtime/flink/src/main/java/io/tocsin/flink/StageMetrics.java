package io.tocsin.flink;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;

/**
 * What a stage counts, as metrics of its subtask. Reporters have threads of their own, and a stage
 * is used by one: they are shown what the operator asked for last, once a second.
 */
final class StageMetrics {
  /** In the order of the members of tocsin_counters in tocsin.h; true: it only grows. */
  enum Count {
    ROWS(true),
    ALERTS(true),
    LATE(true),
    CLAMPED(true),
    REJECTED(true),
    REPEATS(true),
    WAITING(false),
    WAITING_BYTES(false),
    KEYS(false),
    STATE_BYTES(false),
    MEMORY_MAX(false),
    CUTS(true),
    CUT_ENTRIES(true),
    CUT_BYTES(true),
    NATIVE_NS(true),
    WATERMARK_US(false);

    final boolean grows;

    Count(boolean grows) {
      this.grows = grows;
    }

    String metric() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /** Below it metrics have the names of {@link Count}. */
  static final String GROUP = "tocsin";

  static final String LAG = "watermark_lag_ms";

  /** How long counters are shown before the library is asked again. */
  static volatile long everyNs = 1_000_000_000L;

  private final Stage stage;
  private volatile long[] counts;
  private long asked;

  StageMetrics(Stage stage, MetricGroup operator) {
    this.stage = stage;
    ask();
    MetricGroup group = operator.addGroup(GROUP);
    for (Count count : Count.values()) {
      if (count.grows) {
        group.counter(count.metric(), new Shown(count));
      } else {
        group.gauge(count.metric(), (Gauge<Long>) () -> of(count));
      }
    }
    group.gauge(LAG, (Gauge<Long>) this::lagMillis);
  }

  private long of(Count count) {
    return counts[count.ordinal()];
  }

  /** How far event time is behind the clock; 0 before the first event and at the end of time. */
  private long lagMillis() {
    long watermark = of(Count.WATERMARK_US);
    return watermark == Long.MIN_VALUE || watermark == Long.MAX_VALUE
        ? 0
        : System.currentTimeMillis() - Math.floorDiv(watermark, 1000L);
  }

  /** To be called as often as one likes, by the thread of the operator. */
  void update() {
    if (System.nanoTime() - asked >= everyNs) {
      ask();
    }
  }

  /** Asks the library now. */
  void ask() {
    asked = System.nanoTime();
    counts = stage.counters();
  }

  private final class Shown implements Counter {
    private final Count count;

    Shown(Count count) {
      this.count = count;
    }

    @Override
    public long getCount() {
      return of(count);
    }

    @Override
    public void inc() {
      throw new UnsupportedOperationException("the library counts");
    }

    @Override
    public void inc(long by) {
      inc();
    }

    @Override
    public void dec() {
      inc();
    }

    @Override
    public void dec(long by) {
      inc();
    }
  }
}
