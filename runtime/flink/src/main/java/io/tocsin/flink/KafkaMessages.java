package io.tocsin.flink;

import java.util.Arrays;
import java.util.HashMap;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Messages as lines: each is one, or has one or more. */
final class KafkaMessages implements KafkaRecordDeserializationSchema<Line> {
  private static final long serialVersionUID = 1L;

  /** A line that is rejected: what has no text is no event. */
  private static final byte[] BLANK = {'"', '"'};

  private final HashMap<String, Integer> sources; // by topic
  private final boolean isPacked;

  KafkaMessages(HashMap<String, Integer> sources, boolean isPacked) {
    this.sources = sources;
    this.isPacked = isPacked;
  }

  @Override
  public TypeInformation<Line> getProducedType() {
    return Line.TYPE;
  }

  @Override
  public void deserialize(ConsumerRecord<byte[], byte[]> message, Collector<Line> lines) {
    byte[] value = message.value();
    if (value == null) { // a tombstone
      return;
    }
    int source = sources.get(message.topic());
    long takenAt = message.timestamp() < 0 ? Line.NO_TIME : message.timestamp();
    if (isBlank(value, 0, value.length)) {
      lines.collect(line(message, source, 0, takenAt, BLANK));
    } else if (isPacked) {
      eachLine(message, source, takenAt, lines);
    } else {
      lines.collect(line(message, source, 0, takenAt, asOneLine(value)));
    }
  }

  private static void eachLine(
      ConsumerRecord<byte[], byte[]> message, int source, long takenAt, Collector<Line> lines) {
    byte[] value = message.value();
    int index = 0;
    for (int begin = 0; begin < value.length; ++index) {
      int end = begin;
      while (end < value.length && value[end] != '\n') {
        ++end;
      }
      if (!isBlank(value, begin, end)) {
        lines.collect(line(message, source, index, takenAt, Arrays.copyOfRange(value, begin, end)));
      }
      begin = end + 1;
    }
  }

  // Messages are numbered from 0, lines from 1.
  private static Line line(
      ConsumerRecord<byte[], byte[]> message, int source, int index, long takenAt, byte[] text) {
    return Line.of(source, message.partition(), message.offset() + 1, index, takenAt, text);
  }

  // Line ends in JSON are blanks, so others do as well.
  private static byte[] asOneLine(byte[] value) {
    for (int i = 0; i < value.length; ++i) {
      if (value[i] == '\n') {
        value[i] = '\r';
      }
    }
    return value;
  }

  private static boolean isBlank(byte[] text, int begin, int end) {
    int at = begin;
    if (end - at >= 3 && text[at] == (byte) 0xef && text[at + 1] == (byte) 0xbb && text[at + 2] == (byte) 0xbf) {
      at += 3; // a byte order mark
    }
    while (at < end && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) {
      ++at;
    }
    return at == end;
  }
}
