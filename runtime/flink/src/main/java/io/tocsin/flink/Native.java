package io.tocsin.flink;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Properties;

/**
 * The library, loaded when this class is. A file may be loaded by one class loader alone, and each
 * job of a session cluster has its own: so each copy of this class loads a copy of the library. With
 * the jar in the cluster's lib/ there is one.
 *
 * <p>Methods are those of tocsin.h, one to one. Texts are UTF-8. A failure is a {@link
 * TocsinException}; handles are not checked.
 */
final class Native {
  /** As that of the native side: raised when the methods change. */
  private static final String INTERFACE = "+java.5";

  /** Names a file to load instead of the library in the jar. */
  private static final String LIBRARY_PROPERTY = "tocsin.flink.library";

  static {
    load();
    String expected = expectedVersion();
    String found = new String(version(), StandardCharsets.UTF_8);
    if (!found.equals(expected)) {
      throw new UnsatisfiedLinkError(otherVersion(expected, found));
    }
  }

  private Native() {}

  static String otherVersion(String expected, String found) {
    return "the library libtocsin_flink.so is version "
        + found
        + ", the jar is version "
        + expected
        + ": use both of one release";
  }

  static String expectedVersion() {
    Properties properties = new Properties();
    try (InputStream from = Native.class.getResourceAsStream("version.properties")) {
      properties.load(from);
    } catch (IOException | NullPointerException e) {
      throw new IllegalStateException("the jar of Tocsin has no version.properties", e);
    }
    return properties.getProperty("version") + INTERFACE;
  }

  private static void load() {
    String named = System.getProperty(LIBRARY_PROPERTY);
    String resource = "native/linux-" + architecture() + "/libtocsin_flink.so";
    try {
      Path copy = Files.createTempFile("libtocsin_flink", ".so");
      try {
        copy(named, resource, copy);
        System.load(copy.toString());
      } finally {
        Files.delete(copy);
      }
    } catch (IOException | UnsatisfiedLinkError e) {
      UnsatisfiedLinkError error =
          new UnsatisfiedLinkError(
              "the library of Tocsin cannot be loaded: "
                  + e.getMessage()
                  + "; it is copied into java.io.tmpdir, where programs must be allowed to run, and"
                  + " -D"
                  + LIBRARY_PROPERTY
                  + "=FILE names another one than the jar has");
      error.initCause(e);
      throw error;
    }
  }

  private static void copy(String named, String resource, Path to) throws IOException {
    if (named != null) {
      Files.copy(Path.of(named), to, StandardCopyOption.REPLACE_EXISTING);
      return;
    }
    try (InputStream from = Native.class.getResourceAsStream(resource)) {
      if (from == null) {
        throw new IOException("the jar has no " + resource);
      }
      Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static String architecture() {
    String name = System.getProperty("os.arch");
    return switch (name) {
      case "amd64", "x86_64" -> "x86_64";
      case "aarch64", "arm64" -> "aarch64";
      default -> name;
    };
  }

  static native byte[] version();

  static native long packLoad(byte[][] names, byte[][] texts);

  static native byte[] packDescribeJob(long pack);

  static native void packFree(long pack);

  /** {@code name} begins the message of each failure of the stage. */
  static native long stageOpen(long pack, int kind, int pass, byte[] options, byte[] name);

  static native void stageFree(long stage);

  static native void stageSetParts(long stage, int kind, int pass, int parts);

  static native int stagePutLine(
      long stage, byte[] source, byte[] line, long takenAt, long record, int index);

  /** Of a message; {@code outcomes} counts what became of its lines. */
  static native void stagePutLines(
      long stage, byte[] source, byte[] lines, long takenAt, long record, int[] outcomes);

  static native long stageSourceWatermark(long stage, byte[] source);

  static native void stageEndSource(long stage, byte[] source);

  static native byte[] stageTakeLines(long stage, int which);

  static native int stagePutEvent(
      long stage, byte[] line, long engineTime, long record, int index, int equalNumber);

  static native void stagePut(long stage, byte[] block);

  static native boolean stageAdvance(long stage, long watermark, long workMax);

  /** {@code to} becomes the kind, pass and part of the receiver. Null: there is no more. */
  static native byte[] stageTake(long stage, int[] to);

  static native byte[] stageTakeAlerts(long stage);

  /** From this time on, in microseconds, the stage is of the rules of this pack. */
  static native void stagePrepare(long stage, long pack, long from);

  /** What became of the state at a change that took place, a JSON object. */
  static native byte[] stageTakeReport(long stage);

  static native void stageCut(long stage);

  /** {@code done[0]} becomes true when these were the last entries. */
  static native byte[] stageTakeCut(long stage, long bytesMax, boolean[] done);

  /** Gives the report, a JSON object. */
  static native byte[] stageBeginRestore(long stage, byte[] entries);

  static native void stageRestore(long stage, byte[] entries);

  static native void stageFinishRestore(long stage, boolean writesAll);

  static native long stageWatermark(long stage);

  static native byte[] stageStatistics(long stage);

  /** The members of tocsin_counters, in their order. */
  static native long[] stageCount(long stage);

  static native void stageMemory(long stage, long maxBytes);
}
