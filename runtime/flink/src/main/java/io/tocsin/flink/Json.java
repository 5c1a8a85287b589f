package io.tocsin.flink;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.TextNode;

/** Pieces of JSON that is written. */
final class Json {
  private Json() {}

  /** A text with its quotes. */
  static String text(String text) {
    return TextNode.valueOf(text == null ? "" : text).toString();
  }
}
