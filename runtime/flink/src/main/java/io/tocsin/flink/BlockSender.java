package io.tocsin.flink;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.OutputTag;

/** Sends what a stage has to send to the stages behind it, and what it has set aside. */
final class BlockSender {
  /** Lines that were no events, as JSON with the reason. */
  static final OutputTag<String> REJECTED = new OutputTag<>("rejected", Types.STRING);

  /** Events that came too late, as JSON. */
  static final OutputTag<String> LATE = new OutputTag<>("late", Types.STRING);

  private final Stage stage;
  private final Output<?> output;
  private final Edge from;
  private final List<Edge> to;
  private final Broadcast all;
  private boolean knowsParts;

  BlockSender(Stage stage, Output<?> output, Edge from, List<Edge> to) {
    this.stage = stage;
    this.output = output;
    this.from = from;
    this.to = to;
    this.all = new Broadcast(output, to);
  }

  /**
   * Learns how many parts the stages behind have, from blocks that are empty: Flink may change that
   * with each restart, and tells it only to who chooses the receiver. Before anything is put.
   */
  void learnParts() {
    if (knowsParts) {
      return;
    }
    for (Edge edge : to) {
      stage.setParts(edge, all.partsOf(edge));
    }
    knowsParts = true;
  }

  /** Sends a change of rules to all parts of all stages behind. */
  void send(RuleChange change) throws IOException {
    all.send(change.toBytes());
  }

  /** The same bytes for all parts of stages. */
  static final class Broadcast {
    private final Output<?> output;
    private final List<Edge> to;

    Broadcast(Output<?> output, List<Edge> to) {
      this.output = output;
      this.to = to;
    }

    int partsOf(Edge edge) {
      Block probe = Block.probe();
      output.collect(edge.tag(), new StreamRecord<>(probe));
      if (probe.parts() == 0) {
        throw new IllegalStateException("nothing takes blocks for " + edge.label());
      }
      return probe.parts();
    }

    void send(byte[] bytes) {
      for (Edge edge : to) {
        int parts = partsOf(edge);
        for (int part = 0; part < parts; ++part) {
          output.collect(edge.tag(), new StreamRecord<>(new Block(part, bytes)));
        }
      }
    }
  }

  /** Sends all blocks, full or not, and all lines that were set aside. */
  void send() {
    send(0);
  }

  /** The same, of the rules of this change. */
  void send(long rules) {
    if (!to.isEmpty()) {
      for (Block block = stage.take(rules); block != null; block = stage.take(rules)) {
        output.collect(stage.receiver().tag(), new StreamRecord<>(block));
      }
    }
    if (from.kind() == Edge.JUDGE || from.kind() == Edge.INTAKE) {
      eachLine(stage.takeLate(), line -> output.collect(LATE, new StreamRecord<>(line)));
    }
    if (from.kind() == Edge.JUDGE) {
      eachLine(stage.takeRejected(), line -> output.collect(REJECTED, new StreamRecord<>(line)));
    }
  }

  /** Calls {@code take} with each line, without its end. */
  static void eachLine(byte[] lines, Consumer<String> take) {
    for (int begin = 0; begin < lines.length; ) {
      int end = begin;
      while (lines[end] != '\n') {
        ++end;
      }
      take.accept(new String(lines, begin, end - begin, StandardCharsets.UTF_8));
      begin = end + 1;
    }
  }
}
