package io.tocsin.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The stream that all jobs read: messages of one line, or of many, in memory or in a topic. */
final class Messages {
  private static volatile List<byte[]> messages = List.of();

  private Messages() {}

  /** The messages of a topic's one partition, to its end, with nothing of time. */
  static DataStream<byte[]> ofTopic(StreamExecutionEnvironment env, String brokers, String topic) {
    KafkaSource<byte[]> source =
        KafkaSource.<byte[]>builder()
            .setBootstrapServers(brokers)
            .setTopics(topic)
            .setGroupId("bench")
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new Value())
            .build();
    return env.fromSource(source, WatermarkStrategy.noWatermarks(), "messages");
  }

  private static final class Value extends AbstractDeserializationSchema<byte[]> {
    private static final long serialVersionUID = 1L;

    @Override
    public byte[] deserialize(byte[] message) {
      return message;
    }
  }

  /** Reads the file; so many lines are a message. Gives the number of lines. */
  static int load(Path file, int packed) throws IOException {
    List<String> lines = Files.readAllLines(file);
    List<byte[]> made = new ArrayList<>();
    for (int i = 0; i < lines.size(); i += packed) {
      List<String> some = lines.subList(i, Math.min(i + packed, lines.size()));
      made.add(String.join("\n", some).getBytes(StandardCharsets.UTF_8));
    }
    messages = made;
    return lines.size();
  }

  /** The messages with nothing of time. */
  static DataStream<byte[]> stream(StreamExecutionEnvironment env) {
    DataGeneratorSource<byte[]> source =
        new DataGeneratorSource<>(
            i -> messages.get(i.intValue()),
            messages.size(),
            PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);
    return env.fromSource(source, WatermarkStrategy.noWatermarks(), "messages");
  }

  /** Takes the lines of a message. */
  interface LineTaker {
    void take(int number, byte[] message, int begin, int end) throws IOException;
  }

  /** Calls the taker with each line of the message, numbered from 0. */
  static void eachLine(byte[] message, LineTaker taker) throws IOException {
    int number = 0;
    for (int begin = 0; begin < message.length; ++number) {
      int end = begin;
      while (end < message.length && message[end] != '\n') {
        ++end;
      }
      taker.take(number, message, begin, end);
      begin = end + 1;
    }
  }
}
