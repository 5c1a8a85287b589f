package io.tocsin.flink;

import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The texts of a pack: rule files, and the lists and tables that they name. They travel with the
 * job, so that its machines need no files.
 */
public final class Rules implements Serializable {
  private static final long serialVersionUID = 1L;

  private static final Pattern LITERAL = Pattern.compile("\"([^\"\\n]+)\"");

  private final String[] names;
  private final byte[][] texts;

  private Rules(Map<String, byte[]> files) {
    this(files.keySet().toArray(new String[0]), files.values().toArray(new byte[0][]));
  }

  private Rules(String[] names, byte[][] texts) {
    this.names = names;
    this.texts = texts;
  }

  /** Texts by name. A name that ends in {@code .tocsin} is a rule file, any other one is data. */
  public static Rules of(Map<String, String> texts) {
    Map<String, byte[]> files = new TreeMap<>();
    texts.forEach((name, text) -> files.put(name, text.getBytes(StandardCharsets.UTF_8)));
    return new Rules(files);
  }

  /**
   * Reads rule files, those in folders and below them, and the data files that these name, on the
   * machine that submits the job. Files and folders whose names begin with a dot are passed over.
   */
  public static Rules read(Path... paths) throws IOException {
    return read(List.of(paths));
  }

  /** As {@link #read(Path...)}. */
  public static Rules read(List<Path> paths) throws IOException {
    Map<String, byte[]> files = new TreeMap<>();
    for (Path path : paths) {
      if (!Files.isDirectory(path)) {
        add(path, files);
        continue;
      }
      Path root = path.toRealPath(); // it may be a link, and files have the name that it has
      try (Stream<Path> found = Files.walk(root)) {
        for (Path file : (Iterable<Path>) found.filter(Rules::isRuleFile)::iterator) {
          Path name = root.relativize(file);
          if (!isHidden(name)) {
            add(path.resolve(name), files);
          }
        }
      }
    }
    return new Rules(files);
  }

  // What begins with a dot is not of the pack: a config map of Kubernetes has its files a second time
  // in such a folder.
  private static boolean isHidden(Path name) {
    for (Path part : name) {
      if (part.toString().startsWith(".")) {
        return true;
      }
    }
    return false;
  }

  private static boolean isRuleFile(Path path) {
    return path.toString().endsWith(".tocsin") && Files.isRegularFile(path);
  }

  // A rule file, and what it names: each text in it that is the path of a file.
  private static void add(Path ruleFile, Map<String, byte[]> files) throws IOException {
    byte[] text = Files.readAllBytes(ruleFile);
    files.put(ruleFile.toString(), text);
    Matcher literal = LITERAL.matcher(new String(text, StandardCharsets.UTF_8));
    while (literal.find()) {
      Path path;
      try {
        path = ruleFile.resolveSibling(literal.group(1)).normalize();
      } catch (InvalidPathException e) {
        continue;
      }
      if (Files.isRegularFile(path)) {
        files.put(path.toString(), Files.readAllBytes(path));
      }
    }
  }

  /** The same with other contents of a data file, which is known by its name or the end of it. */
  Rules withData(String file, String text) {
    byte[][] changed = texts.clone();
    changed[placeOf(file)] = text.getBytes(StandardCharsets.UTF_8);
    return new Rules(names, changed);
  }

  /** The same with some lines of a data file removed, and others behind the rest. */
  Rules withLines(String file, List<String> add, List<String> remove) {
    String text = new String(texts[placeOf(file)], StandardCharsets.UTF_8);
    Set<String> lines = new LinkedHashSet<>(List.of(text.split("\\R")));
    lines.removeAll(remove);
    lines.addAll(add);
    return withData(file, String.join("\n", lines) + "\n");
  }

  private int placeOf(String file) {
    int found = -1;
    for (int i = 0; i < names.length; ++i) {
      if (names[i].endsWith(".tocsin") || !(names[i].equals(file) || names[i].endsWith("/" + file))) {
        continue;
      }
      if (found >= 0) {
        throw new IllegalArgumentException(
            "two data files of the rules end in " + file + ": " + names[found] + ", " + names[i]);
      }
      found = i;
    }
    if (found < 0) {
      String data =
          Arrays.stream(names)
              .filter(name -> !name.endsWith(".tocsin"))
              .collect(Collectors.joining(", "));
      throw new IllegalArgumentException(
          "the rules name no data file "
              + file
              + (data.isEmpty() ? ", and no other one" : "; they name " + data)
              + ": a list that stands in a rule file changes with the rules");
    }
    return found;
  }

  /** Whether both have the same files, in whatever folders. */
  boolean hasFilesOf(Rules other) {
    return files().equals(other.files());
  }

  private List<String> files() {
    List<String> files = new ArrayList<>();
    for (int i = 0; i < names.length; ++i) {
      String name = names[i].substring(names[i].lastIndexOf('/') + 1);
      files.add(name + '\0' + new String(texts[i], StandardCharsets.ISO_8859_1));
    }
    Collections.sort(files);
    return files;
  }

  byte[][] names() {
    return Arrays.stream(names)
        .map(name -> name.getBytes(StandardCharsets.UTF_8))
        .toArray(byte[][]::new);
  }

  byte[][] texts() {
    return texts;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Rules that
        && Arrays.equals(names, that.names)
        && Arrays.deepEquals(texts, that.texts);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(names) + Arrays.deepHashCode(texts);
  }
}
