package io.tocsin.flink;

import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Times of Flink, in milliseconds, and of the library, in microseconds. */
final class EventTimes {
  /** The library's end of time, at which every deadline passes. */
  static final long END = Long.MAX_VALUE;

  /** The library's times are within this, up and down. */
  private static final long MOST = 1L << 62;

  private EventTimes() {}

  /** A watermark of Flink lets everything of its millisecond go. */
  static long watermarkOfMillis(long millis) {
    if (millis == Long.MAX_VALUE) {
      return END;
    }
    if (millis >= MOST / 1000 - 1) {
      return MOST - 1;
    }
    return millis <= -(MOST / 1000) + 1 ? -MOST : millis * 1000 + 999;
  }

  /** As people read it, of microseconds. */
  static String show(long us) {
    return Instant.EPOCH.plus(us, ChronoUnit.MICROS).toString();
  }

  /** Flink's watermark where nothing before {@code us} comes any more, and something at it may. */
  static long millisBefore(long us) {
    return Math.floorDiv(us, 1000L) - 1;
  }
}
