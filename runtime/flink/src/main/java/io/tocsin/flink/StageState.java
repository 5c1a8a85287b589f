package io.tocsin.flink;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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

  /** The keys of what is given first: how far a group has come, and how to read the others. */
  private static final Bytes[] HEADS = {new Bytes(new byte[] {0}), new Bytes(new byte[] {1})};

  private static final int CHUNK = 1 << 20;
  private static final byte PUT = 1;
  private static final byte REMOVE = 2;

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
      write(stage.takeCut(CHUNK));
    } while (!stage.wasLastOfCut());
  }

  private void write(byte[] cut) throws Exception {
    ByteBuffer from = ByteBuffer.wrap(cut).order(ByteOrder.LITTLE_ENDIAN);
    Map<Bytes, byte[]> puts = new HashMap<>();
    int group = -1;
    while (from.hasRemaining()) {
      byte what = from.get();
      int next = from.getInt();
      if (next != group) {
        putAll(puts);
        group = next;
        toGroup.accept(group);
      }
      Bytes key = new Bytes(sized(from));
      if (what == PUT) {
        puts.put(key, sized(from));
      } else if (what == REMOVE) {
        entries.remove(key);
      } else {
        throw new IllegalStateException("an entry that is neither put nor removed: " + what);
      }
    }
    putAll(puts);
  }

  private void putAll(Map<Bytes, byte[]> puts) throws Exception {
    if (!puts.isEmpty()) {
      entries.putAll(puts);
      puts.clear();
    }
  }

  private static byte[] sized(ByteBuffer from) {
    byte[] bytes = new byte[from.getInt()];
    from.get(bytes);
    return bytes;
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
      for (Bytes head : HEADS) {
        byte[] value = entries.get(head);
        if (value != null) {
          append(chunk, group, head.bytes, value);
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
        if (isHead(entry.getKey())) {
          continue;
        }
        append(chunk, group, entry.getKey().bytes, entry.getValue());
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

  private static boolean isHead(Bytes key) {
    return key.equals(HEADS[0]) || key.equals(HEADS[1]);
  }

  private static void append(ByteArrayOutputStream to, int group, byte[] key, byte[] value) {
    ByteBuffer entry =
        ByteBuffer.allocate(13 + key.length + value.length).order(ByteOrder.LITTLE_ENDIAN);
    entry.put(PUT).putInt(group).putInt(key.length).put(key).putInt(value.length).put(value);
    to.writeBytes(entry.array());
  }
}
