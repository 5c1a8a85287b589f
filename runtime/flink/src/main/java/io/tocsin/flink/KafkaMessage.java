package io.tocsin.flink;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.kafka.clients.producer.ProducerRecord;

/** A line of JSON as a message, with the key, value and headers that {@code tocsin serve} gives it. */
abstract class KafkaMessage implements KafkaRecordSerializationSchema<String> {
  private static final long serialVersionUID = 1L;
  private static final JsonFactory JSON = new JsonFactory();

  private final String topic;
  private final String writer;

  KafkaMessage(String topic, String writer) {
    this.topic = topic;
    this.writer = writer;
  }

  /**
   * A message without its writer.
   *
   * @param spread messages of one number, which is 0 or more, are in one partition
   */
  record Made(String key, byte[] value, int spread, List<Header> headers) {}

  record Header(String name, String value) {}

  abstract Made make(String line);

  @Override
  public ProducerRecord<byte[], byte[]> serialize(
      String line, KafkaSinkContext context, Long timestamp) {
    Made made = make(line);
    int partition = made.spread() % context.getPartitionsForTopic(topic).length;
    ProducerRecord<byte[], byte[]> record =
        new ProducerRecord<>(topic, partition, utf8(made.key()), made.value());
    for (Header header : made.headers()) {
      record.headers().add(header.name(), utf8(header.value()));
    }
    record.headers().add("tocsin-writer", utf8(writer));
    return record;
  }

  /** Texts of these members of a line; of an object all that is in it. */
  static Map<String, String> members(String line, Set<String> wanted) {
    Map<String, String> texts = new HashMap<>();
    try (JsonParser from = JSON.createParser(line)) {
      from.nextToken();
      while (texts.size() < wanted.size() && from.nextToken() == JsonToken.FIELD_NAME) {
        String name = from.currentName();
        JsonToken value = from.nextToken();
        if (!wanted.contains(name)) {
          from.skipChildren();
        } else if (value.isStructStart()) {
          texts.put(name, allOf(from));
        } else {
          texts.put(name, from.getText());
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException("the library gave what is no JSON: " + line, e);
    }
    return texts;
  }

  private static String allOf(JsonParser from) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int depth = 1; depth > 0; ) {
      JsonToken token = from.nextToken();
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
      text.append(from.getText()).append('\0');
    }
    return text.toString();
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
