package io.tocsin.flink;

import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.apache.flink.api.common.state.BroadcastState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;

/**
 * The rules that a part of a stage runs, and those that it will: state that all parts of a stage have
 * alike. A job that fails goes on with them; one that is submitted again runs what it is submitted
 * with.
 */
final class StageRules {
  private static final String KEY = "rules";

  private final BroadcastState<String, byte[]> kept;
  private final String submission;
  private Rules now;
  private long nowNumber; // of the change that they came with; 0 before the first
  private long number = -1; // of the change that came last
  private final Deque<RuleChange> waiting = new ArrayDeque<>();

  private record Content(
      String submission, Rules now, long nowNumber, long number, List<RuleChange> waiting)
      implements Serializable {}

  /** {@code submission} is another one each time that a job is submitted. */
  StageRules(OperatorStateStore store, String submission, Rules submitted) throws Exception {
    this.submission = submission;
    kept =
        store.getBroadcastState(
            new MapStateDescriptor<>(
                "rules", Types.STRING, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
    now = submitted;
    byte[] bytes = kept.get(KEY);
    Content content = bytes == null ? null : Kept.of(bytes, Content.class);
    if (content == null) {
      return;
    }
    if (content.submission().equals(submission)) {
      number = content.number();
    } else if (content.waiting().isEmpty()) {
      return;
    } else if (!isOneOf(content, submitted)) {
      throw waits();
    }
    now = content.now();
    nowNumber = content.nowNumber();
    waiting.addAll(content.waiting());
  }

  // Those before what waits, or those behind it: with both it takes place.
  private static boolean isOneOf(Content content, Rules submitted) {
    RuleChange last = content.waiting().get(content.waiting().size() - 1);
    return content.now().hasFilesOf(submitted) || last.rules().hasFilesOf(submitted);
  }

  static IllegalStateException waits() {
    return new IllegalStateException(
        "a change of rules waited for its time when the savepoint was made: submit the job with the"
            + " rules that it ran then, with those that it was to change to, or stop it while no"
            + " change waits");
  }

  void write() throws Exception {
    kept.put(
        KEY,
        Kept.bytes(new Content(submission, now, nowNumber, number, new ArrayList<>(waiting))));
  }

  /** Before all that waits. */
  Rules now() {
    return now;
  }

  /** False: this change came already, from another sender. */
  boolean add(RuleChange change) throws IOException {
    if (change.number() <= number) {
      return false;
    }
    number = change.number();
    waiting.add(change);
    return true;
  }

  /** The next change, or null. */
  RuleChange next() {
    return waiting.peek();
  }

  /** The rules are those of the next change. */
  void goOver() {
    RuleChange change = waiting.remove();
    now = change.rules();
    nowNumber = change.number();
  }

  /** Of the change that these rules came with; 0 before the first. */
  long nowNumber() {
    return nowNumber;
  }

  /** Whether a block is of rules behind the next change, of which the stage is not told yet. */
  boolean isEarly(Block block) {
    return !waiting.isEmpty() && block.rules > waiting.peek().number();
  }
}
