package io.tocsin.flink;

import java.util.HashMap;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Messages as lines: each is one, or has one for each event. */
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
    long line = message.offset() + 1; // messages are numbered from 0, lines from 1
    int partition = message.partition();
    if (isBlank(value)) {
      lines.collect(Line.of(source, partition, line, 0, takenAt, BLANK));
    } else if (isPacked) {
      lines.collect(Line.message(source, partition, line, takenAt, value));
    } else {
      lines.collect(Line.of(source, partition, line, 0, takenAt, asOneLine(value)));
    }
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

  private static boolean isBlank(byte[] text) {
    int at = 0;
    if (text.length >= 3 && text[0] == (byte) 0xef && text[1] == (byte) 0xbb && text[2] == (byte) 0xbf) {
      at = 3; // a byte order mark
    }
    while (at < text.length && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) {
      ++at;
    }
    return at == text.length;
  }
}
