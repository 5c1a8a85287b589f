package io.tocsin.flink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
import java.io.Serializable;

/** Objects of this package as bytes, for state and for blocks. */
final class Kept {
  private Kept() {}

  static byte[] bytes(Serializable object) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream to = new ObjectOutputStream(bytes)) {
      to.writeObject(object);
    }
    return bytes.toByteArray();
  }

  static <T> T of(byte[] bytes, Class<T> type) throws IOException {
    return of(bytes, 0, type);
  }

  static <T> T of(byte[] bytes, int begin, Class<T> type) throws IOException {
    ByteArrayInputStream from = new ByteArrayInputStream(bytes, begin, bytes.length - begin);
    try (ObjectInputStream objects = new OfThisPackage(from)) {
      return type.cast(objects.readObject());
    } catch (ClassNotFoundException e) {
      throw new IOException("what was kept is of another version of Tocsin", e);
    }
  }

  /** Classes are those of the loader that has this one: each job of a session has its own. */
  private static final class OfThisPackage extends ObjectInputStream {
    OfThisPackage(ByteArrayInputStream from) throws IOException {
      super(from);
    }

    @Override
    protected Class<?> resolveClass(ObjectStreamClass of) throws IOException, ClassNotFoundException {
      return Class.forName(of.getName(), false, Kept.class.getClassLoader());
    }
  }
}
