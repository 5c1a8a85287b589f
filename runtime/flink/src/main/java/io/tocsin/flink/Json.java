package io.tocsin.flink;

import java.util.List;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.TextNode;

/** Pieces of JSON that is written. */
final class Json {
  private Json() {}

  /** A text with its quotes. */
  static String text(String text) {
    return TextNode.valueOf(text == null ? "" : text).toString();
  }

  /** An array of these values; of more than {@code most} the first, and how many there are besides. */
  static String some(List<String> values, int most) {
    if (values.size() <= most) {
      return "[" + String.join(",", values) + "]";
    }
    String more = "{\"more\":" + (values.size() - most) + "}";
    return "[" + String.join(",", values.subList(0, most)) + "," + more + "]";
  }
}
