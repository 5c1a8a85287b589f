package io.tocsin.flink;

import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Bytes as the key of a map: Flink's state on the heap compares keys by {@code equals}. */
final class Bytes {
  static final TypeInformation<Bytes> TYPE = new PlainType<>(Bytes.class, new Serializer(), true);

  final byte[] bytes;
  private final int hash;

  Bytes(byte[] bytes) {
    this.bytes = bytes;
    this.hash = Arrays.hashCode(bytes);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Bytes that && hash == that.hash && Arrays.equals(bytes, that.bytes);
  }

  @Override
  public int hashCode() {
    return hash;
  }

  static final class Serializer extends PlainSerializer<Bytes> {
    private static final long serialVersionUID = 1L;

    @Override
    public Bytes createInstance() {
      return new Bytes(new byte[0]);
    }

    @Override
    public void serialize(Bytes value, DataOutputView to) throws IOException {
      writeBytes(value.bytes, to);
    }

    @Override
    public Bytes deserialize(DataInputView from) throws IOException {
      return new Bytes(readBytes(from));
    }

    @Override
    public void copy(DataInputView from, DataOutputView to) throws IOException {
      copyBytes(from, to);
    }

    @Override
    public TypeSerializerSnapshot<Bytes> snapshotConfiguration() {
      return new Snapshot();
    }
  }

  /** Flink makes it by its name. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<Bytes> {
    public Snapshot() {
      super(Serializer::new);
    }
  }
}
