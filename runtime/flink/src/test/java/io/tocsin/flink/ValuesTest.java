package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputViewStreamWrapper;
import org.apache.flink.core.memory.DataOutputViewStreamWrapper;
import org.junit.jupiter.api.Test;

/** What travels and what is stored: blocks, lines, keys of state, times. */
class ValuesTest {
  private static <T> TypeSerializer<T> serializer(TypeInformation<T> type) {
    return type.createSerializer(new SerializerConfigImpl());
  }

  /** Writes a value, copies what was written, and reads the copy. */
  private static <T> T carried(TypeInformation<T> type, T value) throws Exception {
    TypeSerializer<T> serializer = serializer(type);
    assertInstanceOf(PlainSerializer.class, serializer); // and no Kryo
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    serializer.serialize(value, new DataOutputViewStreamWrapper(bytes));
    ByteArrayOutputStream copy = new ByteArrayOutputStream();
    serializer.copy(input(bytes), new DataOutputViewStreamWrapper(copy));
    assertArrayEquals(bytes.toByteArray(), copy.toByteArray());
    return serializer.deserialize(input(copy));
  }

  private static DataInputViewStreamWrapper input(ByteArrayOutputStream bytes) {
    return new DataInputViewStreamWrapper(
        new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
  }

  @Test
  void blocks() throws Exception {
    byte[] bytes = {1, 2, 3};
    assertArrayEquals(bytes, carried(Block.TYPE, new Block(7, bytes)).bytes);
    assertTrue(carried(Block.TYPE, Block.probe()).isProbe());
    Block probe = Block.probe();
    assertEquals(0, new Block.ToPart().partition(probe, 5));
    assertEquals(5, probe.parts());
    assertEquals(3, new Block.ToPart().partition(new Block(3, bytes), 5));
    assertSame(probe, serializer(Block.TYPE).copy(probe));
  }

  @Test
  void keysOfState() throws Exception {
    Bytes key = new Bytes(new byte[] {1, -2});
    assertEquals(key, carried(Bytes.TYPE, key));
    assertEquals(key.hashCode(), new Bytes(new byte[] {1, -2}).hashCode());
    assertNotEquals(key, new Bytes(new byte[] {1, 2}));
  }

  @Test
  void lines() throws Exception {
    Line line = carried(Line.TYPE, Line.of(15, 4095, (1L << 44) - 1, 3, 77, "{}".getBytes()));
    assertEquals(3, line.index());
    assertEquals(77, line.takenAtMillis());
    assertEquals("{}", line.text());
    assertEquals((15L << 56) + (4095L << 44) + (1L << 44) - 1, line.record());
    assertEquals(Line.Kind.TEXT, line.kind());
    assertEquals(Line.Kind.BEGIN, carried(Line.TYPE, Line.begin(1, 2, "a")).kind());
    assertArrayEquals("a".getBytes(), carried(Line.TYPE, Line.begin(1, 2, "a")).name());
    assertArrayEquals("15/4095".getBytes(), line.name());
    assertEquals(line.place(), Line.end(15, 4095).place());
    byte[] text = {};
    assertThrows(IllegalArgumentException.class, () -> Line.of(16, 0, 0, text));
    assertThrows(IllegalArgumentException.class, () -> Line.of(0, 4096, 0, text));
    assertThrows(IllegalArgumentException.class, () -> Line.of(0, 0, 1L << 44, text));
  }

  @Test
  void savepointsReadTheSerializers() throws Exception {
    for (TypeInformation<?> type : new TypeInformation<?>[] {Block.TYPE, Bytes.TYPE, Line.TYPE}) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      TypeSerializerSnapshot.writeVersionedSnapshot(
          new DataOutputViewStreamWrapper(new DataOutputStream(bytes)),
          serializer(type).snapshotConfiguration());
      TypeSerializerSnapshot<?> read =
          TypeSerializerSnapshot.readVersionedSnapshot(
              input(bytes), ValuesTest.class.getClassLoader());
      assertEquals(serializer(type), read.restoreSerializer());
    }
  }

  @Test
  void times() {
    assertEquals(5_000_999, EventTimes.watermarkOfMillis(5_000));
    assertEquals(-1, EventTimes.watermarkOfMillis(-1));
    assertEquals(Long.MAX_VALUE, EventTimes.watermarkOfMillis(Long.MAX_VALUE));
    assertEquals((1L << 62) - 1, EventTimes.watermarkOfMillis(Long.MAX_VALUE - 1));
    assertEquals(-(1L << 62), EventTimes.watermarkOfMillis(Long.MIN_VALUE));
    for (long us : new long[] {-1001, -1000, -999, -1, 0, 1, 999, 1000, 1001, 123_456_789}) {
      long watermark = EventTimes.watermarkOfMillis(EventTimes.millisBefore(us));
      assertTrue(watermark < us, "what comes at " + us + " is not late");
      assertTrue(watermark >= us - 1000, "and it waits for less than 1 ms");
    }
  }
}
