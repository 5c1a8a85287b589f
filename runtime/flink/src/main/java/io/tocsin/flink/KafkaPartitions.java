package io.tocsin.flink;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.connector.kafka.source.enumerator.KafkaSourceEnumState;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives partitions to readers as the connector does, and tells each reader once it has all that
 * there are: of one that is still to come, time would not wait for the first event. Readers end
 * together, once all have read everything: a checkpoint is not possible while only some have ended.
 */
final class KafkaPartitions implements SplitEnumerator<KafkaPartitionSplit, KafkaLines.State> {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaPartitions.class);

  private final SplitEnumeratorContext<KafkaPartitionSplit> context;
  private final List<String> topics;
  private final SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> inner;
  private final Set<Integer> haveRead = new TreeSet<>();
  private int asked; // of the brokers, without an answer yet
  private boolean isFound; // what partitions there are at first

  /** To a reader: it has all its partitions. */
  static final class Assigned implements SourceEvent {
    private static final long serialVersionUID = 1L;
  }

  /** From a reader: it has read all its partitions to their ends. */
  static final class Read implements SourceEvent {
    private static final long serialVersionUID = 1L;
  }

  /** Makes the enumerator of the connector. */
  interface Maker {
    SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> make(
        SplitEnumeratorContext<KafkaPartitionSplit> context) throws Exception;
  }

  KafkaPartitions(
      SplitEnumeratorContext<KafkaPartitionSplit> context, List<String> topics, Maker maker)
      throws Exception {
    this.context = context;
    this.topics = topics;
    this.inner = maker.make(watched());
  }

  // The context, whose questions to brokers are counted. What readers end by is said here alone.
  @SuppressWarnings("unchecked")
  private SplitEnumeratorContext<KafkaPartitionSplit> watched() {
    return (SplitEnumeratorContext<KafkaPartitionSplit>)
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {SplitEnumeratorContext.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("signalNoMoreSplits")) {
                return null;
              }
              if (method.getName().equals("callAsync")) {
                arguments[1] =
                    watched((BiConsumer<Object, Throwable>) arguments[1], arguments.length == 4);
              }
              return call(method, arguments);
            });
  }

  private Object call(Method method, Object[] arguments) throws Throwable {
    try {
      return method.invoke(context, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private BiConsumer<Object, Throwable> watched(
      BiConsumer<Object, Throwable> answer, boolean isRepeated) {
    if (!isRepeated || !isFound) {
      ++asked;
    }
    boolean[] isFirst = {true};
    return (value, failure) -> {
      if (isRepeated && isFound && failure != null && mayPass(failure)) {
        LOG.warn("no broker says what partitions there are; it is asked again", failure);
        return;
      }
      answer.accept(value, failure);
      if (isFirst[0]) {
        isFirst[0] = false;
        --asked;
      }
      if (asked == 0 && !isFound) {
        isFound = true;
        context.registeredReaders().keySet().forEach(this::tell);
      }
    };
  }

  private static boolean mayPass(Throwable failure) {
    boolean isRetriable = false;
    for (Throwable at = failure; at != null; at = at.getCause()) {
      if (at instanceof UnknownTopicOrPartitionException) {
        return false;
      }
      isRetriable = isRetriable || at instanceof RetriableException;
    }
    return isRetriable;
  }

  private void tell(int reader) {
    context.sendEventToSourceReader(reader, new Assigned());
  }

  @Override
  public void start() {
    inner.start();
  }

  @Override
  public void handleSplitRequest(int reader, String host) {
    inner.handleSplitRequest(reader, host);
  }

  @Override
  public void addSplitsBack(List<KafkaPartitionSplit> partitions, int reader) {
    inner.addSplitsBack(partitions, reader);
  }

  @Override
  public void addReader(int reader) {
    haveRead.remove(reader);
    inner.addReader(reader);
    if (isFound) {
      tell(reader);
    }
  }

  @Override
  public void handleSourceEvent(int reader, SourceEvent event) {
    haveRead.add(reader);
    if (haveRead.size() == context.currentParallelism()) {
      haveRead.forEach(context::signalNoMoreSplits);
    }
  }

  @Override
  public KafkaLines.State snapshotState(long checkpoint) throws Exception {
    return new KafkaLines.State(topics, inner.snapshotState(checkpoint));
  }

  @Override
  public void notifyCheckpointComplete(long checkpoint) throws Exception {
    inner.notifyCheckpointComplete(checkpoint);
  }

  @Override
  public void close() throws IOException {
    inner.close();
  }
}
