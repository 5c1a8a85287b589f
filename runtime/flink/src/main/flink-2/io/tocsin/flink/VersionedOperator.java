package io.tocsin.flink;

import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** What Flink 1.20 and 2.x want differently of an operator that a factory makes. */
abstract class VersionedOperator<T> extends AbstractStreamOperator<T> {
  private static final long serialVersionUID = 1L;

  VersionedOperator(StreamOperatorParameters<T> parameters) {
    super(parameters);
  }
}
