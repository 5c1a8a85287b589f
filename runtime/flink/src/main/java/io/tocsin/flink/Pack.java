package io.tocsin.flink;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** Rules that were compiled. All stages of one class loader share one pack of the same rules. */
final class Pack implements AutoCloseable {
  private static final Map<Rules, Pack> LOADED = new HashMap<>();

  private final Rules rules;
  private final long handle;
  private int uses = 1;

  private Pack(Rules rules) {
    this.rules = rules;
    this.handle = Native.packLoad(rules.names(), rules.texts());
  }

  /** Each caller closes it once. */
  static Pack load(Rules rules) {
    synchronized (LOADED) {
      Pack pack = LOADED.get(rules);
      if (pack == null) {
        pack = new Pack(rules);
        LOADED.put(rules, pack);
      } else {
        ++pack.uses;
      }
      return pack;
    }
  }

  /** How many packs are in memory. */
  static int loaded() {
    synchronized (LOADED) {
      return LOADED.size();
    }
  }

  long handle() {
    return handle;
  }

  /** What stages the rules need, as JSON. */
  String describeJob() {
    return new String(Native.packDescribeJob(handle), StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    synchronized (LOADED) {
      if (--uses == 0) {
        LOADED.remove(rules);
        Native.packFree(handle);
      }
    }
  }
}
