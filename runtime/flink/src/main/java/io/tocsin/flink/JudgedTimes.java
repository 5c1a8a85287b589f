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

  /** Partitions of the group that are further ahead of the last one than this are not read on. */
  static WatermarkStrategy<Line> aligned(String group, Duration driftMax) {
    return WatermarkStrategy.<Line>forGenerator(context -> new JudgedTimes())
        .withWatermarkAlignment(group, driftMax, EVERY);
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
