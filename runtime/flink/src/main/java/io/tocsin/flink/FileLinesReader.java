package io.tocsin.flink;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.io.InputStatus;

/** Reads files line by line, in turn. */
final class FileLinesReader implements SourceReader<Line, FileLines.Part> {
  /** Lines of one file before the next one's. */
  private static final int TURN = 64;

  private final SourceReaderContext context;
  private final int turn;
  private final Deque<OpenFile> files = new ArrayDeque<>(); // the first one's turn it is
  private final Deque<Line> notices = new ArrayDeque<>();
  private final Set<String> paused = new HashSet<>(); // of split ids
  private boolean hasAll;
  private boolean hasSaidRead;
  private boolean isEnded;
  private CompletableFuture<Void> available = new CompletableFuture<>();

  FileLinesReader(SourceReaderContext context) {
    this(context, TURN);
  }

  FileLinesReader(SourceReaderContext context, int turn) {
    this.context = context;
    this.turn = turn;
  }

  @Override
  public void start() {}

  @Override
  public void addSplits(List<FileLines.Part> parts) {
    for (FileLines.Part part : parts) {
      files.add(new OpenFile(part));
      notices.add(Line.begin(0, part.file(), part.name()));
    }
    available.complete(null);
  }

  @Override
  public void handleSourceEvents(SourceEvent event) {
    hasAll = true;
    available.complete(null);
  }

  @Override
  public void notifyNoMoreSplits() {
    isEnded = true;
    available.complete(null);
  }

  @Override
  public InputStatus pollNext(ReaderOutput<Line> output) throws IOException {
    if (!hasAll) { // of a file that is still to come, time would not wait for the first event
      return waitForNotice();
    }
    while (!notices.isEmpty()) {
      output.collect(notices.remove());
    }
    if (files.isEmpty()) {
      return end(output);
    }
    for (int left = files.size(); left > 0; --left) {
      OpenFile file = files.remove();
      if (paused.contains(file.part.splitId())) {
        files.add(file);
        continue;
      }
      SourceOutput<Line> ofFile = output.createOutputForSplit(file.part.splitId());
      if (readTurn(file, ofFile)) {
        files.add(file);
      } else {
        ofFile.markIdle(); // Flink goes on to count the last output that was released, as it was
        output.releaseOutputForSplit(file.part.splitId());
      }
      return InputStatus.MORE_AVAILABLE;
    }
    return waitForNotice(); // all are paused
  }

  // False at the file's end.
  private boolean readTurn(OpenFile file, SourceOutput<Line> output) throws IOException {
    for (int left = turn; left > 0; --left) {
      if (!file.read(output)) {
        file.close();
        output.collect(Line.end(0, file.part.file()));
        return false;
      }
    }
    return true;
  }

  @Override
  public void pauseOrResumeSplits(Collection<String> toPause, Collection<String> toResume) {
    paused.addAll(toPause);
    paused.removeAll(toResume);
    available.complete(null);
  }

  // Nothing is left: says so once, and waits until all readers have said it.
  private InputStatus end(ReaderOutput<Line> output) {
    if (isEnded) {
      output.markActive(); // Flink drops the end of time behind an idle source
      return InputStatus.END_OF_INPUT;
    }
    if (!hasSaidRead) {
      hasSaidRead = true;
      output.collect(Line.none());
      output.markIdle(); // readers that are held back no longer wait for this one
      context.sendSourceEventToCoordinator(new FileLines.Read());
    }
    return waitForNotice();
  }

  private InputStatus waitForNotice() {
    if (available.isDone()) {
      available = new CompletableFuture<>();
    }
    return InputStatus.NOTHING_AVAILABLE;
  }

  @Override
  public CompletableFuture<Void> isAvailable() {
    boolean isAnyOpen = files.stream().anyMatch(file -> !paused.contains(file.part.splitId()));
    boolean hasWork = hasAll && (isAnyOpen || !notices.isEmpty());
    return hasWork || isEnded ? CompletableFuture.completedFuture(null) : available;
  }

  @Override
  public List<FileLines.Part> snapshotState(long checkpoint) {
    List<FileLines.Part> parts = new ArrayList<>();
    files.forEach(file -> parts.add(file.now()));
    return parts;
  }

  @Override
  public void close() throws IOException {
    for (OpenFile file : files) {
      file.close();
    }
  }

  private static final class OpenFile {
    private final FileLines.Part part;
    private final byte[] buffer = new byte[1 << 16];
    private FSDataInputStream from;
    private int begin; // of what was not given, in the buffer
    private int end;
    private long position; // of `begin` in the file
    private long line;

    OpenFile(FileLines.Part part) {
      this.part = part;
      this.position = part.position();
      this.line = part.line();
    }

    FileLines.Part now() {
      return new FileLines.Part(part.file(), part.name(), part.path(), position, line);
    }

    /** Gives the next line that is not empty; false at the end. */
    boolean read(SourceOutput<Line> output) throws IOException {
      ByteArrayOutputStream text = null; // of a line whose beginning is no more in the buffer
      while (true) {
        int at = begin;
        while (at < end && buffer[at] != '\n') {
          ++at;
        }
        boolean isWhole = at < end;
        if (!isWhole && text == null) {
          text = new ByteArrayOutputStream();
        }
        if (text != null) {
          text.write(buffer, begin, at - begin);
        }
        byte[] bytes = isWhole ? lineOf(text, begin, at) : null;
        position += at - begin + (isWhole ? 1 : 0);
        begin = isWhole ? at + 1 : at;
        if (!isWhole) {
          if (fill()) {
            continue;
          }
          bytes = text.toByteArray();
          if (bytes.length == 0) {
            return false;
          }
        }
        text = null;
        long number = ++line;
        if (bytes.length > 0) {
          output.collect(Line.of(0, part.file(), number, bytes));
          return true;
        }
      }
    }

    private byte[] lineOf(ByteArrayOutputStream text, int from, int to) {
      if (text != null) {
        return text.toByteArray();
      }
      byte[] bytes = new byte[to - from];
      System.arraycopy(buffer, from, bytes, 0, bytes.length);
      return bytes;
    }

    private boolean fill() throws IOException {
      if (from == null) {
        Path path = new Path(part.path());
        from = path.getFileSystem().open(path);
        from.seek(position);
      }
      begin = 0;
      end = Math.max(0, from.read(buffer));
      return end > 0;
    }

    void close() throws IOException {
      if (from != null) {
        from.close();
      }
    }
  }
}
