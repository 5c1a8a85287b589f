package io.tocsin.flink;

import java.io.IOException;
import java.io.Serializable;

/**
 * A change of rules that was accepted, on its way from control to all stages: it goes to all parts
 * of the stages behind, before anything that is of the next rules.
 *
 * @param number changes of one submission have ascending ones
 * @param fromUs the time from which on the rules hold, in microseconds
 */
record RuleChange(long number, long fromUs, Rules rules) implements Serializable {
  /** No block of the library begins with it. */
  private static final byte MARK = (byte) 0xff;

  static boolean isIn(Block block) {
    return block.bytes.length > 0 && block.bytes[0] == MARK;
  }

  byte[] toBytes() throws IOException {
    byte[] object = Kept.bytes(this);
    byte[] bytes = new byte[object.length + 1];
    bytes[0] = MARK;
    System.arraycopy(object, 0, bytes, 1, object.length);
    return bytes;
  }

  static RuleChange of(Block block) throws IOException {
    return Kept.of(block.bytes, 1, RuleChange.class);
  }
}
