package io.tocsin.flink;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Entries of a stage's state as the library writes them: u8 (1 put, 2 remove, 3 clear) | u32 group |
 * u32 size and bytes of the key | put alone: u32 size and bytes of the value; little endian.
 */
final class Entries {
  /** The keys of what is given first: how far a group has come, and how to read the others. */
  static final Bytes[] HEADS = {new Bytes(new byte[] {0}), new Bytes(new byte[] {1})};

  private static final byte PUT = 1;
  private static final byte REMOVE = 2;
  private static final byte CLEAR = 3;

  private Entries() {}

  /** Takes entries, one after the other. */
  interface Sink {
    void put(int group, Bytes key, byte[] value) throws Exception;

    void remove(int group, Bytes key) throws Exception;

    /** Forgets all that was put to the group. */
    void clear(int group) throws Exception;
  }

  static void read(byte[] entries, Sink sink) throws Exception {
    ByteBuffer from = ByteBuffer.wrap(entries).order(ByteOrder.LITTLE_ENDIAN);
    while (from.hasRemaining()) {
      byte what = from.get();
      int group = from.getInt();
      Bytes key = new Bytes(sized(from));
      if (what == PUT) {
        sink.put(group, key, sized(from));
      } else if (what == REMOVE) {
        sink.remove(group, key);
      } else if (what == CLEAR) {
        sink.clear(group);
      } else {
        throw new IllegalStateException("an entry that is neither put, removed nor cleared: " + what);
      }
    }
  }

  private static byte[] sized(ByteBuffer from) {
    byte[] bytes = new byte[from.getInt()];
    from.get(bytes);
    return bytes;
  }

  static boolean isHead(Bytes key) {
    return key.equals(HEADS[0]) || key.equals(HEADS[1]);
  }

  static void append(ByteArrayOutputStream to, int group, Bytes key, byte[] value) {
    ByteBuffer entry =
        ByteBuffer.allocate(13 + key.bytes.length + value.length).order(ByteOrder.LITTLE_ENDIAN);
    entry.put(PUT).putInt(group).putInt(key.bytes.length).put(key.bytes);
    entry.putInt(value.length).put(value);
    to.writeBytes(entry.array());
  }
}
