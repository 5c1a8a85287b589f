package io.tocsin.flink;

import java.io.Serializable;
import org.apache.flink.util.OutputTag;

/** A stage: its kind, as tocsin.h numbers them, and its pass. Others send blocks to it. */
record Edge(int kind, int pass) implements Serializable {
  static final int SOURCE = 0;
  static final int PASS = 1;
  static final int HOLD = 2;
  static final int ALERTS = 3;
  static final int JUDGE = 4;
  static final int INTAKE = 5;

  static final Edge TO_ALERTS = new Edge(ALERTS, 0);
  static final Edge JUDGES = new Edge(JUDGE, 0);
  static final Edge TO_INTAKE = new Edge(INTAKE, 0);

  /** {@code "pass-1"}: what the operator is known by in a job and in its savepoints. */
  String label() {
    return switch (kind) {
      case SOURCE -> "source";
      case PASS -> "pass-" + pass;
      case HOLD -> "hold-" + pass;
      case JUDGE -> "judge";
      case INTAKE -> "intake";
      default -> "alerts";
    };
  }

  /** What is sent to it leaves the sender's operator as a side output. */
  OutputTag<Block> tag() {
    return new OutputTag<>(label(), Block.TYPE);
  }
}
