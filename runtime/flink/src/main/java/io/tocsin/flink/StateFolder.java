package io.tocsin.flink;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * The state of a job in a folder, which {@code tocsin savepoint} converts to and from that of one
 * machine. Each part of a stage writes
 * a file of entries and what is known of it; the head, which comes last, has all of these.
 */
final class StateFolder {
  static final String JUDGES = "judges";

  private static final String HEAD = "HEAD";
  private static final String ABOUT = ".about";
  private static final int FORMAT = 1;
  private static final int CHUNK = 1 << 20;

  private final Path folder;

  StateFolder(String folder) {
    this.folder = new Path(folder);
  }

  /** Refuses a folder that is there. */
  void checkIsNew() {
    try {
      if (fileSystem().exists(folder)) {
        throw new IllegalArgumentException(
            folder + " is there already: name a folder that does not exist yet");
      }
    } catch (IOException e) {
      throw new IllegalStateException("the state cannot be written to " + folder, e);
    }
  }

  private FileSystem fileSystem() throws IOException {
    return folder.getFileSystem();
  }

  // ---- writing

  /** Gives entries to a file, which may be many. */
  interface Source {
    void writeTo(Sink sink) throws Exception;
  }

  /** Takes an entry. */
  interface Sink {
    void put(int group, Bytes key, byte[] value) throws IOException;
  }

  /**
   * Writes the file of a part. {@code label} is that of the operator: judges have one for each
   * input.
   */
  void writePart(String label, String stage, Parts parts, Source source) throws Exception {
    fileSystem().mkdirs(folder);
    String name = label + "." + parts.part();
    CRC32C sum = new CRC32C();
    long[] counts = new long[2];
    try (OutputStream to = new BufferedOutputStream(create(name), CHUNK)) {
      source.writeTo(
          (group, key, value) -> {
            ByteArrayOutputStream entry = new ByteArrayOutputStream();
            Entries.append(entry, group, key, value);
            byte[] bytes = entry.toByteArray();
            sum.update(bytes, 0, bytes.length);
            counts[0] += bytes.length;
            ++counts[1];
            to.write(bytes);
          });
    }
    String about =
        String.format(
            "{\"name\":\"%s\",\"stage\":\"%s\",\"bytes\":%d,\"crc32c\":%d,\"entries\":%d,\"parts\":%d}",
            name, stage, counts[0], sum.getValue(), counts[1], parts.parts());
    try (OutputStream to = create(name + ABOUT)) {
      to.write(about.getBytes(StandardCharsets.UTF_8));
    }
  }

  private OutputStream create(String name) throws IOException {
    return fileSystem().create(new Path(folder, name), FileSystem.WriteMode.OVERWRITE);
  }

  /** Writes the head: all parts of the operators with these labels have written theirs. */
  void writeHead(List<String> labels, int semantics) throws IOException {
    Map<String, List<String>> byLabel = new TreeMap<>();
    for (FileStatus file : fileSystem().listStatus(folder)) {
      String name = file.getPath().getName();
      if (name.endsWith(ABOUT)) {
        String label = name.substring(0, name.length() - ABOUT.length()).replaceFirst("\\.\\d+$", "");
        byLabel.computeIfAbsent(label, of -> new ArrayList<>()).add(readWhole(name));
      }
    }
    List<String> files = new ArrayList<>();
    for (String label : labels) {
      List<String> parts = byLabel.getOrDefault(label, List.of());
      for (String about : parts) {
        if (json(about).get("parts").asInt() != parts.size()) {
          throw new IllegalStateException(
              folder + " has files of jobs with other numbers of parts: remove it, and stop again");
        }
      }
      if (parts.isEmpty()) {
        throw new IllegalStateException("no part of " + label + " has written its state");
      }
      files.addAll(parts);
    }
    files.sort(Comparator.naturalOrder());
    String head =
        "{\"format\":" + FORMAT + ",\"semantics\":" + semantics + ",\"files\":[\n"
            + String.join(",\n", files) + "\n]}\n";
    try (OutputStream to = create(HEAD)) {
      to.write(head.getBytes(StandardCharsets.UTF_8));
    }
    for (String label : byLabel.keySet()) {
      for (String about : byLabel.get(label)) {
        fileSystem().delete(new Path(folder, json(about).get("name").asText() + ABOUT), false);
      }
    }
  }

  /** The semantics number that a layout says. */
  static int semanticsOf(byte[] layout) {
    return ByteBuffer.wrap(layout).order(ByteOrder.LITTLE_ENDIAN).getInt(1);
  }

  // ---- reading

  private static JsonNode json(String text) throws IOException {
    return new ObjectMapper().readTree(text);
  }

  private String readWhole(String name) throws IOException {
    try (var from = fileSystem().open(new Path(folder, name))) {
      return new String(from.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private JsonNode readHead() throws IOException {
    JsonNode head;
    try {
      head = json(readWhole(HEAD));
    } catch (FileNotFoundException e) {
      throw new IllegalArgumentException(
          folder + " is not the whole state of a job: its file " + HEAD + " is missing", e);
    }
    if (!head.has("format") || !head.has("files")) {
      throw new IllegalArgumentException(new Path(folder, HEAD) + " is damaged: copy it again");
    }
    if (head.get("format").asInt() > FORMAT) {
      throw new IllegalArgumentException(
          new Path(folder, HEAD)
              + " has format " + head.get("format").asInt() + ", and this jar knows formats up to "
              + FORMAT + ": use the version of Tocsin that made it");
    }
    return head;
  }

  /** Refuses what a job with these stages cannot go on from. */
  void check(Rules rules, List<Edge> stages) {
    try {
      TreeSet<String> there = new TreeSet<>();
      for (JsonNode file : readHead().get("files")) {
        there.add(file.get("stage").asText());
        if (file.get("name").asText().startsWith(JUDGES + "-")) {
          throw new IllegalArgumentException(
              folder + " was written by a job, whose judges refuse lines that they have read: make a"
                  + " savepoint of it with tocsin savepoint import, and export that");
        }
      }
      TreeSet<String> wanted = new TreeSet<>(List.of(JUDGES, Edge.TO_INTAKE.label()));
      stages.forEach(stage -> wanted.add(stage.label()));
      if (!there.equals(wanted)) {
        throw new IllegalArgumentException(
            folder + " has the stages " + there + ", and a job of these rules has " + wanted
                + ": import it for one machine, and export that under these rules");
      }
      try (Stage alerts = new Stage(rules, Edge.TO_ALERTS, 0, 1)) {
        restore(alerts, Edge.TO_ALERTS.label(), group -> true);
      }
    } catch (IOException e) {
      throw new IllegalArgumentException("the state cannot be read from " + folder, e);
    }
  }

  /**
   * Lets a fresh stage go on from the entries of these groups; its next cut has all of them.
   *
   * @return the library's report
   */
  String restore(Stage stage, String name, IntPredicate isOwn) throws IOException {
    ByteArrayOutputStream heads = new ByteArrayOutputStream();
    read(
        name,
        (group, key, value) -> {
          if (isOwn.test(group) && Entries.isHead(key)) {
            Entries.append(heads, group, key, value);
          }
        });
    String report = stage.beginRestore(heads.toByteArray());
    ByteArrayOutputStream chunk = new ByteArrayOutputStream();
    read(
        name,
        (group, key, value) -> {
          if (!isOwn.test(group) || Entries.isHead(key)) {
            return;
          }
          Entries.append(chunk, group, key, value);
          if (chunk.size() >= CHUNK) {
            stage.restore(chunk.toByteArray());
            chunk.reset();
          }
        });
    stage.restore(chunk.toByteArray());
    stage.finishRestore(true);
    return report;
  }

  private void read(String stage, Sink sink) throws IOException {
    for (JsonNode file : readHead().get("files")) {
      if (file.get("stage").asText().equals(stage)) {
        readFile(file, sink);
      }
    }
  }

  private void readFile(JsonNode file, Sink sink) throws IOException {
    Path path = new Path(folder, file.get("name").asText());
    CRC32C sum = new CRC32C();
    long left = file.get("entries").asLong();
    try (var stored = fileSystem().open(path);
        var from =
            new DataInputStream(
                new CheckedInputStream(new java.io.BufferedInputStream(stored, CHUNK), sum))) {
      for (; left > 0; --left) {
        if (from.readByte() != 1) {
          throw damaged(path);
        }
        int group = Integer.reverseBytes(from.readInt());
        Bytes key = new Bytes(sized(from, path));
        sink.put(group, key, sized(from, path));
      }
      if (from.read() >= 0 || sum.getValue() != file.get("crc32c").asLong()) {
        throw damaged(path);
      }
    } catch (EOFException | FileNotFoundException e) {
      throw new IllegalArgumentException(path + " is missing or too short: copy the folder again", e);
    }
  }

  private static byte[] sized(DataInputStream from, Path path) throws IOException {
    int size = Integer.reverseBytes(from.readInt());
    if (size < 0 || size > 1 << 30) {
      throw damaged(path);
    }
    byte[] bytes = from.readNBytes(size);
    if (bytes.length < size) {
      throw new EOFException();
    }
    return bytes;
  }

  private static IllegalArgumentException damaged(Path path) {
    return new IllegalArgumentException(
        path + " is damaged: its bytes are not those that were written; copy the folder again");
  }
}
