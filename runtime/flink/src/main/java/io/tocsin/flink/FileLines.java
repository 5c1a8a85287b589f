package io.tocsin.flink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.SplitsAssignment;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Files of lines, each a partition of source 0 with its place among the files; the offset is the
 * line's number. Each reader reads its files at the same time, a few lines of each in turn, so that
 * time moves on in all.
 */
final class FileLines implements Source<Line, FileLines.Part, List<FileLines.Part>> {
  private static final long serialVersionUID = 1L;

  private final ArrayList<String> names = new ArrayList<>();

  private final String folder;

  /** Paths, those without a beginning below the current folder, and URIs of Flink's file systems. */
  FileLines(List<String> files) {
    if (files.isEmpty() || files.size() > Line.PARTITION_MAX + 1) {
      throw new IllegalArgumentException("1 to " + (Line.PARTITION_MAX + 1) + " files can be read");
    }
    names.addAll(files);
    folder = Path.of("").toAbsolutePath().toString();
  }

  /** A file, and where it is read on: the byte, and the number of lines before it. */
  record Part(int file, String name, String path, long position, long line)
      implements SourceSplit {
    @Override
    public String splitId() {
      return file + ":" + path;
    }
  }

  /** To a reader: it has all its files. */
  static final class Assigned implements SourceEvent {
    private static final long serialVersionUID = 1L;
  }

  /** From a reader: it has read all its files. */
  static final class Read implements SourceEvent {
    private static final long serialVersionUID = 1L;
  }

  @Override
  public Boundedness getBoundedness() {
    return Boundedness.BOUNDED;
  }

  @Override
  public SourceReader<Line, Part> createReader(SourceReaderContext context) {
    return new FileLinesReader(context);
  }

  @Override
  public SplitEnumerator<Part, List<Part>> createEnumerator(SplitEnumeratorContext<Part> context) {
    List<Part> files = new ArrayList<>();
    for (int file = 0; file < names.size(); ++file) {
      String name = names.get(file);
      String path = name.contains("://") ? name : Path.of(folder).resolve(name).toString();
      files.add(new Part(file, name, path, 0, 0));
    }
    return new Enumerator(context, files);
  }

  @Override
  public SplitEnumerator<Part, List<Part>> restoreEnumerator(
      SplitEnumeratorContext<Part> context, List<Part> files) {
    return new Enumerator(context, files);
  }

  @Override
  public SimpleVersionedSerializer<Part> getSplitSerializer() {
    return new PartSerializer();
  }

  @Override
  public SimpleVersionedSerializer<List<Part>> getEnumeratorCheckpointSerializer() {
    return new PartsSerializer();
  }

  /**
   * Gives each file to a reader by its place. Readers end together, once all have read everything:
   * a checkpoint is not possible while only some have ended.
   */
  private static final class Enumerator implements SplitEnumerator<Part, List<Part>> {
    private final SplitEnumeratorContext<Part> context;
    private final List<Part> files; // that no reader has
    private final boolean[] hasRead;

    Enumerator(SplitEnumeratorContext<Part> context, List<Part> files) {
      this.context = context;
      this.files = new ArrayList<>(files);
      this.hasRead = new boolean[context.currentParallelism()];
    }

    @Override
    public void start() {}

    @Override
    public void handleSplitRequest(int reader, String host) {}

    @Override
    public void addSplitsBack(List<Part> parts, int reader) {
      hasRead[reader] = false; // of one that failed, and will be added again
      files.addAll(parts);
    }

    @Override
    public void addReader(int reader) {
      hasRead[reader] = false;
      List<Part> own = new ArrayList<>(files);
      own.removeIf(part -> part.file() % context.currentParallelism() != reader);
      files.removeAll(own);
      if (!own.isEmpty()) {
        context.assignSplits(new SplitsAssignment<>(Map.of(reader, own)));
      }
      context.sendEventToSourceReader(reader, new Assigned());
    }

    @Override
    public void handleSourceEvent(int reader, SourceEvent event) {
      hasRead[reader] = true;
      for (boolean has : hasRead) {
        if (!has) {
          return;
        }
      }
      for (int each = 0; each < hasRead.length; ++each) {
        context.signalNoMoreSplits(each);
      }
    }

    @Override
    public List<Part> snapshotState(long checkpoint) {
      return List.copyOf(files);
    }

    @Override
    public void close() {}
  }

  private static void write(Part part, DataOutputStream to) throws IOException {
    to.writeInt(part.file());
    to.writeUTF(part.name());
    to.writeUTF(part.path());
    to.writeLong(part.position());
    to.writeLong(part.line());
  }

  private static Part read(DataInputStream from) throws IOException {
    return new Part(
        from.readInt(), from.readUTF(), from.readUTF(), from.readLong(), from.readLong());
  }

  private static final class PartSerializer implements SimpleVersionedSerializer<Part> {
    @Override
    public int getVersion() {
      return 1;
    }

    @Override
    public byte[] serialize(Part part) throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      write(part, new DataOutputStream(bytes));
      return bytes.toByteArray();
    }

    @Override
    public Part deserialize(int version, byte[] bytes) throws IOException {
      return read(new DataInputStream(new ByteArrayInputStream(bytes)));
    }
  }

  private static final class PartsSerializer implements SimpleVersionedSerializer<List<Part>> {
    @Override
    public int getVersion() {
      return 1;
    }

    @Override
    public byte[] serialize(List<Part> parts) throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      DataOutputStream to = new DataOutputStream(bytes);
      to.writeInt(parts.size());
      for (Part part : parts) {
        write(part, to);
      }
      return bytes.toByteArray();
    }

    @Override
    public List<Part> deserialize(int version, byte[] bytes) throws IOException {
      DataInputStream from = new DataInputStream(new ByteArrayInputStream(bytes));
      List<Part> parts = new ArrayList<>();
      for (int left = from.readInt(); left > 0; --left) {
        parts.add(read(from));
      }
      return parts;
    }
  }
}
