package io.tocsin.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** The library is found, is the jar's, and is loaded once by each class loader. */
class NativeTest {
  @Test
  void jarAndLibraryAreOfOneVersion() {
    assertEquals(
        Native.expectedVersion(), new String(Native.version(), StandardCharsets.UTF_8));
    assertTrue(Native.otherVersion("2", "1").contains("is version 1, the jar is version 2"));
  }

  @Test
  void eachClassLoaderHasItsCopy() throws Exception {
    URL classes = Native.class.getProtectionDomain().getCodeSource().getLocation();
    for (int job = 0; job < 3; ++job) {
      try (URLClassLoader loader =
          new URLClassLoader(new URL[] {classes}, ClassLoader.getPlatformClassLoader())) {
        Class<?> type = Class.forName("io.tocsin.flink.Native", true, loader);
        assertNotSame(Native.class, type);
      }
    }
  }
}
