package io.tocsin.flink;

import java.util.List;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** Sends what a stage has to send to the stages behind it. */
final class BlockSender {
  private final Stage stage;
  private final Output<?> output;
  private final List<Edge> edges;
  private boolean knowsParts;

  BlockSender(Stage stage, Output<?> output, List<Edge> edges) {
    this.stage = stage;
    this.output = output;
    this.edges = edges;
  }

  /**
   * Learns how many parts the stages behind have, from blocks that are empty: Flink may change that
   * with each restart, and tells it only to who chooses the receiver. Before anything is put.
   */
  void learnParts() {
    if (knowsParts) {
      return;
    }
    for (Edge edge : edges) {
      Block probe = Block.probe();
      output.collect(edge.tag(), new StreamRecord<>(probe));
      if (probe.parts() == 0) {
        throw new IllegalStateException("nothing takes blocks for " + edge.label());
      }
      stage.setParts(edge, probe.parts());
    }
    knowsParts = true;
  }

  /** Sends all blocks, full or not. */
  void send() {
    for (Block block = stage.take(); block != null; block = stage.take()) {
      output.collect(stage.receiver().tag(), new StreamRecord<>(block));
    }
  }
}
