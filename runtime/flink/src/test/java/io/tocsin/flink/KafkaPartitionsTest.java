package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import org.apache.flink.api.connector.source.ReaderInfo;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.connector.kafka.source.enumerator.KafkaSourceEnumState;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** When readers of topics begin and end. */
class KafkaPartitionsTest {
  private interface Call {
    Object of(String method, Object[] arguments);
  }

  @SuppressWarnings("unchecked")
  private static <T> T made(Class<?> type, Call call) {
    return (T)
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> call.of(method.getName(), arguments));
  }

  private final List<String> said = new ArrayList<>(); // to readers
  private final List<BiConsumer<Object, Throwable>> asked = new ArrayList<>();
  private final Map<Integer, ReaderInfo> readers = new TreeMap<>();

  @SuppressWarnings("unchecked")
  private Object context(String method, Object[] arguments) {
    switch (method) {
      case "callAsync" -> asked.add((BiConsumer<Object, Throwable>) arguments[1]);
      case "signalNoMoreSplits" -> said.add("end " + arguments[0]);
      case "sendEventToSourceReader" -> said.add("assigned " + arguments[0]);
      default -> {}
    }
    return switch (method) {
      case "currentParallelism" -> 2;
      case "registeredReaders" -> readers;
      default -> null;
    };
  }

  // As the connector's: asks for the topics, then for offsets, and gives nothing to anybody.
  private SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> connector(
      SplitEnumeratorContext<KafkaPartitionSplit> context) {
    return made(
        SplitEnumerator.class,
        (method, arguments) -> {
          if (method.equals("start")) {
            context.callAsync(
                () -> null,
                (topics, failure) -> context.callAsync(() -> null, (offsets, none) -> {}),
                0,
                10_000);
          } else if (method.equals("addReader")) {
            context.signalNoMoreSplits((Integer) arguments[0]);
          }
          return null;
        });
  }

  @Test
  void readersBeginWithAllThatThereIsAndEndTogether() throws Exception {
    KafkaPartitions partitions =
        new KafkaPartitions(
            made(SplitEnumeratorContext.class, this::context), List.of("t"), this::connector);
    partitions.start();
    for (int reader = 0; reader < 2; ++reader) {
      readers.put(reader, new ReaderInfo(reader, "here"));
      partitions.addReader(reader);
    }
    asked.get(0).accept(null, null);
    assertEquals(List.of(), said); // offsets are still to come
    asked.get(1).accept(null, null);
    assertEquals(List.of("assigned 0", "assigned 1"), said);
    partitions.addReader(1);
    partitions.handleSourceEvent(1, new KafkaPartitions.Read());
    assertEquals(List.of("assigned 0", "assigned 1", "assigned 1"), said);
    partitions.handleSourceEvent(0, new KafkaPartitions.Read());
    assertEquals(List.of("end 0", "end 1"), said.subList(3, said.size()));
  }

  @Test
  void aReaderAnnouncesAllBeforeItsFirstLine() throws Exception {
    List<String> lines = new ArrayList<>();
    ReaderOutput<Line> output =
        made(ReaderOutput.class, (method, arguments) -> lines.add(((Line) arguments[0]).kind() + ""));
    SourceReader<Line, KafkaPartitionSplit> inner =
        made(
            SourceReader.class,
            (method, arguments) ->
                switch (method) {
                  case "pollNext" -> lines.add("read") ? InputStatus.NOTHING_AVAILABLE : null;
                  case "isAvailable" -> new CompletableFuture<Void>();
                  default -> null;
                });
    KafkaLines source = KafkaInput.of("127.0.0.1:1", List.of("t")).source();
    KafkaLinesReader reader = new KafkaLinesReader(source, inner, null, new KafkaPace(1));
    reader.addSplits(List.of(new KafkaPartitionSplit(new TopicPartition("t", 0), 0)));
    assertEquals(InputStatus.NOTHING_AVAILABLE, reader.pollNext(output));
    assertFalse(reader.isAvailable().isDone());
    reader.addSplits(List.of(new KafkaPartitionSplit(new TopicPartition("t", 1), 0)));
    reader.handleSourceEvents(new KafkaPartitions.Assigned());
    assertTrue(reader.isAvailable().isDone());
    reader.pollNext(output);
    assertEquals(List.of("BEGIN", "BEGIN", "read"), lines);
    assertFalse(reader.isAvailable().isDone());
    reader.addSplits(List.of(new KafkaPartitionSplit(new TopicPartition("t", 2), 0)));
    assertTrue(reader.isAvailable().isDone()); // one that came while it runs
  }
}
