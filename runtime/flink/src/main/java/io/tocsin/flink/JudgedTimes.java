package io.tocsin.flink;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;

/**
 * The time of a partition, as a source sees it: what the judge behind the source has written onto
 * the partition's lines. The source needs it to stop reading partitions that are far ahead.
 */
final class JudgedTimes implements WatermarkGenerator<Line> {
  /** How often sources tell each other how far they are. */
  private static final Duration EVERY = Duration.ofMillis(100);

  private long last = Long.MIN_VALUE;

  /**
   * Partitions of the group that are further ahead of the last one than {@code driftMax} are not
   * read on. They do not wait for one that is silent for {@code idleAfter}; 0: they always do.
   */
  static WatermarkStrategy<Line> aligned(String group, Duration driftMax, Duration idleAfter) {
    WatermarkStrategy<Line> times =
        WatermarkStrategy.<Line>forGenerator(context -> new JudgedTimes())
            .withWatermarkAlignment(group, driftMax, EVERY);
    return idleAfter.isZero() ? times : times.withIdleness(idleAfter);
  }

  // The line has been through the judge, which is chained to the source.
  @Override
  public void onEvent(Line line, long time, WatermarkOutput output) {
    if (line.judgedMillis() > last) {
      last = line.judgedMillis();
      output.emitWatermark(new Watermark(last));
    }
  }

  @Override
  public void onPeriodicEmit(WatermarkOutput output) {}
}
