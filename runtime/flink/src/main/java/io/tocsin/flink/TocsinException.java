package io.tocsin.flink;

import java.nio.charset.StandardCharsets;

/** A call of the library that failed. The message names the stage, its part, and the reason. */
public final class TocsinException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String status;
  private final String diagnostics;

  /** As the library makes it: texts in UTF-8. */
  TocsinException(byte[] status, byte[] message, byte[] diagnostics) {
    this(
        new String(status, StandardCharsets.UTF_8),
        new String(message, StandardCharsets.UTF_8),
        new String(diagnostics, StandardCharsets.UTF_8));
  }

  TocsinException(String status, String message, String diagnostics) {
    super(message);
    this.status = status;
    this.diagnostics = diagnostics;
  }

  /** What kind of failure it is, as tocsin_status_name() calls it: {@code "invalid_rules"}, …. */
  public String status() {
    return status;
  }

  /**
   * What {@code tocsin check --format json} says of rules that have errors: one JSON object a line.
   * Empty for any other failure.
   */
  public String diagnostics() {
    return diagnostics;
  }
}
