package io.tocsin.flink;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Of a type that does not change, whose parts are bytes with their length. */
abstract class PlainSerializer<T> extends TypeSerializerSingleton<T> {
  private static final long serialVersionUID = 1L;

  @Override
  public boolean isImmutableType() {
    return true;
  }

  @Override
  public T copy(T from) {
    return from;
  }

  @Override
  public T copy(T from, T reuse) {
    return from;
  }

  @Override
  public int getLength() {
    return -1;
  }

  @Override
  public T deserialize(T reuse, DataInputView from) throws IOException {
    return deserialize(from);
  }

  static void writeBytes(byte[] bytes, DataOutputView to) throws IOException {
    to.writeInt(bytes.length);
    to.write(bytes);
  }

  static byte[] readBytes(DataInputView from) throws IOException {
    byte[] bytes = new byte[from.readInt()];
    from.readFully(bytes);
    return bytes;
  }

  static void copyBytes(DataInputView from, DataOutputView to) throws IOException {
    int size = from.readInt();
    to.writeInt(size);
    to.write(from, size);
  }
}
