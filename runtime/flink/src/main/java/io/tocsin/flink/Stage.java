package io.tocsin.flink;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A part of a stage, in the library's memory. One thread at a time. Failures are a {@link
 * TocsinException} that names the stage.
 */
final class Stage implements AutoCloseable {
  /** What became of a line, in the order of its numbers in tocsin.h. */
  static final String[] OUTCOMES = {"sent", "unused", "unknown", "rejected", "late", "held"};

  private static final int LATE = 1;
  private static final int REJECTED = 2;
  private static final AtomicInteger OPEN = new AtomicInteger();

  private Pack pack;
  private Pack next; // of a change that waits
  private final int[] to = new int[3];
  private final boolean[] isLast = new boolean[1];
  private long handle;

  /** A stage without options of its own. */
  Stage(Rules rules, Edge edge, int part, int parts) {
    this(rules, edge, part, parts, "");
  }

  /**
   * A part of {@code parts}. A source keeps no state, all others do. {@code options} are members of
   * JSON, as in {@code "jump_max":"1h"}, or empty.
   */
  Stage(Rules rules, Edge edge, int part, int parts, String options) {
    pack = Pack.load(rules);
    boolean isByGroup = edge.kind() != Edge.SOURCE && edge.kind() != Edge.JUDGE;
    String all = isByGroup ? "\"part\":" + part + ",\"parts\":" + parts + "," : "";
    // Whether rules may run in one part was asked when the job was made.
    all += "\"one_part\":true,\"keeps_state\":" + (edge.kind() != Edge.SOURCE) + (options.isEmpty() ? "" : ",");
    String name = edge.label() + ", part " + (part + 1) + " of " + parts;
    byte[] json = utf8("{" + all + options + "}");
    try {
      handle = Native.stageOpen(pack.handle(), edge.kind(), edge.pass(), json, utf8(name));
      OPEN.incrementAndGet();
    } finally {
      if (handle == 0) {
        pack.close();
      }
    }
  }

  /** How many stages are in memory. */
  static int open() {
    return OPEN.get();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  void setParts(Edge edge, int parts) {
    Native.stageSetParts(handle, edge.kind(), edge.pass(), parts);
  }

  /** Gives a judge a line of a source; gives its outcome. */
  int putLine(byte[] source, byte[] line, long takenAtUs, long record, int index) {
    return Native.stagePutLine(handle, source, line, takenAtUs, record, index);
  }

  /** The same of each line of a message; counts their outcomes. */
  void putLines(byte[] source, byte[] lines, long takenAtUs, long record, int[] outcomes) {
    Native.stagePutLines(handle, source, lines, takenAtUs, record, outcomes);
  }

  /** In microseconds; the least long while there is none, the greatest once it has ended. */
  long sourceWatermark(byte[] source) {
    return Native.stageSourceWatermark(handle, source);
  }

  void endSource(byte[] source) {
    Native.stageEndSource(handle, source);
  }

  /** Late events that were set aside, each with a line end. */
  byte[] takeLate() {
    return Native.stageTakeLines(handle, LATE);
  }

  byte[] takeRejected() {
    return Native.stageTakeLines(handle, REJECTED);
  }

  /** Gives a source an event at its own time; gives its outcome. */
  int putEvent(byte[] line, long record) {
    return Native.stagePutEvent(handle, line, Long.MIN_VALUE, record, 0, 0);
  }

  void put(Block block) {
    Native.stagePut(handle, block.bytes);
  }

  /** False: there is more to do up to this watermark, in microseconds. */
  boolean advance(long watermark, long workMax) {
    return Native.stageAdvance(handle, watermark, workMax);
  }

  /** The next block to send, null for none; {@link #receiver()} says where to. */
  Block take() {
    return take(0);
  }

  /** The same, of the rules of this change. */
  Block take(long rules) {
    byte[] bytes = Native.stageTake(handle, to);
    return bytes == null ? null : new Block(to[2], bytes, rules);
  }

  /** Of the block that was taken last. */
  Edge receiver() {
    return new Edge(to[0], to[1]);
  }

  /** Alerts up to the watermark, each with a line end. */
  byte[] takeAlerts() {
    return Native.stageTakeAlerts(handle);
  }

  /**
   * From this time on, in microseconds, the stage is of these rules. A {@link TocsinException} says
   * why that cannot be; nothing has changed then.
   */
  void prepare(Rules rules, long fromUs) {
    Pack loaded = Pack.load(rules);
    try {
      Native.stagePrepare(handle, loaded.handle(), fromUs);
    } catch (RuntimeException e) {
      loaded.close();
      throw e;
    }
    next = loaded;
  }

  /** The change took place: the rules before are not needed any more. Gives the JSON report. */
  String wentOver() {
    pack.close();
    pack = next;
    next = null;
    return new String(Native.stageTakeReport(handle), StandardCharsets.UTF_8);
  }

  void cut() {
    Native.stageCut(handle);
  }

  /** The cut's next entries; {@link #wasLastOfCut()} says whether there are more. */
  byte[] takeCut(long bytesMax) {
    return Native.stageTakeCut(handle, bytesMax, isLast);
  }

  boolean wasLastOfCut() {
    return isLast[0];
  }

  /** Takes the entries of all groups whose key says how to read the others; gives a JSON report. */
  String beginRestore(byte[] heads) {
    return new String(Native.stageBeginRestore(handle, heads), StandardCharsets.UTF_8);
  }

  void restore(byte[] entries) {
    Native.stageRestore(handle, entries);
  }

  void finishRestore(boolean writesAll) {
    Native.stageFinishRestore(handle, writesAll);
  }

  /** In microseconds; the least long while there is none. */
  long watermark() {
    return Native.stageWatermark(handle);
  }

  /** In the order of {@link StageMetrics.Count}. */
  long[] counters() {
    return Native.stageCount(handle);
  }

  /** What waits and what is remembered may take so much; beyond it calls fail with "limit". */
  void limitMemory(long maxBytes) {
    Native.stageMemory(handle, maxBytes);
  }

  /** Counts and the memory in use, as JSON. */
  String statistics() {
    return new String(Native.stageStatistics(handle), StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    if (handle != 0) {
      Native.stageFree(handle);
      handle = 0;
      pack.close();
      if (next != null) {
        next.close();
      }
      OPEN.decrementAndGet();
    }
  }
}
