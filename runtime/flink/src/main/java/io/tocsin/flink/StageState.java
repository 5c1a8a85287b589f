package io.tocsin.flink;

import java.io.ByteArrayOutputStream;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntConsumer;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;

/**
 * The entries of a stage in the state of Flink: for each key group a map, under the key that Flink
 * puts there.
 */
final class StageState {
  static final MapStateDescriptor<Bytes, byte[]> DESCRIPTOR =
      new MapStateDescriptor<>(
          "entries", Bytes.TYPE, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);

  private static final int CHUNK = 1 << 20;

  private final MapState<Bytes, byte[]> entries;
  private final IntConsumer toGroup;

  /** {@code toGroup} makes the entries those of a key group. */
  StageState(MapState<Bytes, byte[]> entries, IntConsumer toGroup) {
    this.entries = entries;
    this.toGroup = toGroup;
  }

  /** Writes what has changed since the cut before. */
  void write(Stage stage) throws Exception {
    stage.cut();
    do {
      Writer writer = new Writer();
      Entries.read(stage.takeCut(CHUNK), writer);
      writer.putAll();
    } while (!stage.wasLastOfCut());
  }

  /** Gives all entries of these groups, as they were written last. */
  void give(Iterable<Integer> groups, StateFolder.Sink sink) throws Exception {
    for (int group : groups) {
      toGroup.accept(group);
      for (Map.Entry<Bytes, byte[]> entry : entries.entries()) {
        sink.put(group, entry.getKey(), entry.getValue());
      }
    }
  }

  /** Puts go to a group together. */
  private final class Writer implements Entries.Sink {
    private final Map<Bytes, byte[]> puts = new HashMap<>();
    private int group = -1;

    @Override
    public void put(int of, Bytes key, byte[] value) throws Exception {
      moveTo(of);
      puts.put(key, value);
    }

    @Override
    public void remove(int of, Bytes key) throws Exception {
      moveTo(of);
      entries.remove(key);
    }

    @Override
    public void clear(int of) throws Exception {
      moveTo(of);
      puts.clear();
      entries.clear();
    }

    private void moveTo(int next) throws Exception {
      if (next != group) {
        putAll();
        group = next;
        toGroup.accept(group);
      }
    }

    void putAll() throws Exception {
      if (!puts.isEmpty()) {
        entries.putAll(puts);
        puts.clear();
      }
    }
  }

  /**
   * Lets a fresh stage go on from the entries of these groups; where there are none it begins.
   *
   * @return the library's report, null where the stage begins
   */
  String restore(Stage stage, Iterable<Integer> groups) throws Exception {
    ByteArrayOutputStream chunk = new ByteArrayOutputStream();
    for (int group : groups) {
      toGroup.accept(group);
      for (Bytes head : Entries.HEADS) {
        byte[] value = entries.get(head);
        if (value != null) {
          Entries.append(chunk, group, head, value);
        }
      }
    }
    if (chunk.size() == 0) {
      return null;
    }
    String report = stage.beginRestore(chunk.toByteArray());
    boolean isSame = report.contains("\"is_same\":true");
    chunk.reset();
    for (int group : groups) {
      toGroup.accept(group);
      for (Map.Entry<Bytes, byte[]> entry : entries.entries()) {
        if (Entries.isHead(entry.getKey())) {
          continue;
        }
        Entries.append(chunk, group, entry.getKey(), entry.getValue());
        if (chunk.size() >= CHUNK) {
          stage.restore(chunk.toByteArray());
          chunk.reset();
        }
      }
      if (!isSame) {
        entries.clear(); // the next cut has everything, as the rules read it
      }
    }
    stage.restore(chunk.toByteArray());
    stage.finishRestore(!isSame);
    return report;
  }
}
