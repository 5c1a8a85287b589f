package io.tocsin.flink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Properties;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.connector.base.source.reader.SourceReaderOptions;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.KafkaSourceEnumState;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.kafka.common.TopicPartition;

/**
 * Flink's source of Kafka, whose readers say what partitions they have before the first line, and
 * which end together.
 */
final class KafkaLines implements Source<Line, KafkaPartitionSplit, KafkaLines.State> {
  private static final long serialVersionUID = 1L;

  private final KafkaSource<Line> kafka;
  private final ArrayList<String> topics;
  private final HashMap<String, Integer> sources; // by topic
  private final HashMap<TopicPartition, KafkaInput.Gap> gaps;
  private final Properties connection;
  private final int messagesOfPoll; // at most

  KafkaLines(
      KafkaSource<Line> kafka,
      ArrayList<String> topics,
      HashMap<String, Integer> sources,
      HashMap<TopicPartition, KafkaInput.Gap> gaps,
      Properties connection,
      int messagesOfPoll) {
    this.kafka = kafka;
    this.topics = topics;
    this.sources = sources;
    this.gaps = gaps;
    this.connection = connection;
    this.messagesOfPoll = messagesOfPoll;
  }

  /** What is known of partitions, and the topics, whose places are in the numbers of lines. */
  record State(List<String> topics, KafkaSourceEnumState partitions) {}

  boolean isBounded() {
    return kafka.getBoundedness() == Boundedness.BOUNDED;
  }

  int sourceOf(String topic) {
    Integer source = sources.get(topic);
    if (source == null) {
      throw new IllegalStateException(otherTopics(List.of(topic), topics));
    }
    return source;
  }

  KafkaInput.Gap gapOf(TopicPartition partition) {
    return gaps.get(partition);
  }

  Properties connection() {
    return connection;
  }

  // Messages: those of the poll that lines are given of, of the polls that wait, and of one that
  // finds no room to wait, and as many again that are read meanwhile.
  private long onTheWay(SourceReaderContext context) {
    long waiting = context.getConfiguration().get(SourceReaderOptions.ELEMENT_QUEUE_CAPACITY);
    return (waiting + 3) * messagesOfPoll;
  }

  @Override
  public Boundedness getBoundedness() {
    return kafka.getBoundedness();
  }

  @Override
  public SourceReader<Line, KafkaPartitionSplit> createReader(SourceReaderContext context)
      throws Exception {
    return new KafkaLinesReader(
        this, kafka.createReader(context), context, new KafkaPace(onTheWay(context)));
  }

  @Override
  public SplitEnumerator<KafkaPartitionSplit, State> createEnumerator(
      SplitEnumeratorContext<KafkaPartitionSplit> context) throws Exception {
    return new KafkaPartitions(context, topics, kafka::createEnumerator);
  }

  @Override
  public SplitEnumerator<KafkaPartitionSplit, State> restoreEnumerator(
      SplitEnumeratorContext<KafkaPartitionSplit> context, State state) throws Exception {
    List<String> before = state.topics();
    if (before.size() > topics.size() || !topics.subList(0, before.size()).equals(before)) {
      throw new IllegalStateException(otherTopics(before, topics));
    }
    return new KafkaPartitions(
        context, topics, all -> kafka.restoreEnumerator(all, state.partitions()));
  }

  static String otherTopics(List<String> before, List<String> now) {
    return "the state is of the topics "
        + String.join(", ", before)
        + ", and the job reads "
        + String.join(", ", now)
        + ": the places of topics are in the state, so name the same ones first and in their order,"
        + " or begin without the state";
  }

  @Override
  public SimpleVersionedSerializer<KafkaPartitionSplit> getSplitSerializer() {
    return kafka.getSplitSerializer();
  }

  @Override
  public SimpleVersionedSerializer<State> getEnumeratorCheckpointSerializer() {
    return new StateSerializer(kafka.getEnumeratorCheckpointSerializer());
  }

  // Topics, then the version of what the connector writes, and that.
  private record StateSerializer(SimpleVersionedSerializer<KafkaSourceEnumState> ofPartitions)
      implements SimpleVersionedSerializer<State> {
    @Override
    public int getVersion() {
      return 1;
    }

    @Override
    public byte[] serialize(State state) throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      DataOutputStream to = new DataOutputStream(bytes);
      to.writeInt(state.topics().size());
      for (String topic : state.topics()) {
        to.writeUTF(topic);
      }
      to.writeInt(ofPartitions.getVersion());
      to.write(ofPartitions.serialize(state.partitions()));
      return bytes.toByteArray();
    }

    @Override
    public State deserialize(int version, byte[] bytes) throws IOException {
      DataInputStream from = new DataInputStream(new ByteArrayInputStream(bytes));
      List<String> topics = new ArrayList<>();
      for (int left = from.readInt(); left > 0; --left) {
        topics.add(from.readUTF());
      }
      int written = from.readInt();
      return new State(topics, ofPartitions.deserialize(written, from.readAllBytes()));
    }
  }
}
