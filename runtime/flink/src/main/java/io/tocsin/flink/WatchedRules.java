package io.tocsin.flink;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;

/**
 * A folder of rules that one machine looks at: what is in it is a change each time that it is
 * another, and two looks have seen the same. Whoever writes there puts a whole pack in place at once (a
 * folder that is renamed, or a link), else what is half written may be a change too, and mostly is
 * refused.
 */
final class WatchedRules extends RichFlatMapFunction<Long, Change> implements CheckpointedFunction {
  private static final long serialVersionUID = 1L;

  private static final long LOOK_EVERY = 200; // milliseconds; a barrier waits no longer

  private final String folder;
  private final Rules submitted;
  private transient ListState<byte[]> kept;
  private transient Rules last; // that was given on
  private transient Rules seen; // by the look before

  private WatchedRules(Path folder, Rules submitted) {
    this.folder = folder.toString();
    this.submitted = submitted;
  }

  /** {@code submitted}: the rules that the job begins with. The stream has no end. */
  static DataStream<Change> of(
      StreamExecutionEnvironment env, Path folder, Rules submitted, String name) {
    return env.fromSource(
            new NumberSequenceSource(0, Long.MAX_VALUE - 1),
            WatermarkStrategy.noWatermarks(),
            name + "-looks")
        .setParallelism(1)
        .uid(name + "-looks")
        .flatMap(new WatchedRules(folder, submitted))
        .returns(Change.TYPE)
        .setParallelism(1)
        .uid(name + "-rules");
  }

  @Override
  public void initializeState(FunctionInitializationContext context) throws Exception {
    kept =
        context
            .getOperatorStateStore()
            .getListState(
                new ListStateDescriptor<>(
                    "last", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
    last = submitted;
    for (byte[] bytes : kept.get()) {
      last = Kept.of(bytes, Rules.class);
    }
  }

  @Override
  public void snapshotState(FunctionSnapshotContext context) throws Exception {
    kept.update(List.of(Kept.bytes(last)));
  }

  @Override
  public void flatMap(Long look, Collector<Change> output) throws Exception {
    Thread.sleep(LOOK_EVERY);
    Rules found;
    try {
      found = Rules.read(Path.of(folder));
    } catch (IOException | UncheckedIOException e) {
      return; // it is being replaced
    }
    boolean isWhole = seen != null && found.hasFilesOf(seen);
    seen = found;
    if (isWhole && found.texts().length > 0 && !found.hasFilesOf(last)) {
      last = found;
      output.collect(Change.rules(found).named(folder));
    }
  }
}
