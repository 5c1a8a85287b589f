package io.tocsin.flink;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Files of lines, of which one reader fails once: behind some turns of its own it waits for a
 * checkpoint, and behind that it fails.
 */
final class FailingLines implements Source<Line, FileLines.Part, List<FileLines.Part>> {
  private static final long serialVersionUID = 1L;

  /** Jobs whose failure is still to come, by number: done where the reader waits for it. */
  static final Map<Long, CompletableFuture<Void>> TO_FAIL = new ConcurrentHashMap<>();

  /** Jobs that have failed. */
  static final Set<Long> FAILED = ConcurrentHashMap.newKeySet();

  private final FileLines files;
  private final long job;
  private final int turns;

  FailingLines(FileLines files, long job, int turns) {
    this.files = files;
    this.job = job;
    this.turns = turns;
  }

  @Override
  public Boundedness getBoundedness() {
    return files.getBoundedness();
  }

  @Override
  public SourceReader<Line, FileLines.Part> createReader(SourceReaderContext context) {
    FileLinesReader reader = new FileLinesReader(context, 4);
    return context.getIndexOfSubtask() == 0 ? new Reader(reader) : reader;
  }

  @Override
  public SplitEnumerator<FileLines.Part, List<FileLines.Part>> createEnumerator(
      SplitEnumeratorContext<FileLines.Part> context) {
    return files.createEnumerator(context);
  }

  @Override
  public SplitEnumerator<FileLines.Part, List<FileLines.Part>> restoreEnumerator(
      SplitEnumeratorContext<FileLines.Part> context, List<FileLines.Part> parts) {
    return files.restoreEnumerator(context, parts);
  }

  @Override
  public SimpleVersionedSerializer<FileLines.Part> getSplitSerializer() {
    return files.getSplitSerializer();
  }

  @Override
  public SimpleVersionedSerializer<List<FileLines.Part>> getEnumeratorCheckpointSerializer() {
    return files.getEnumeratorCheckpointSerializer();
  }

  private final class Reader implements SourceReader<Line, FileLines.Part> {
    private final FileLinesReader reader;
    private final CompletableFuture<Void> checkpoint = new CompletableFuture<>();
    private int left = turns;
    private long waitsFrom = -1; // the checkpoint before

    Reader(FileLinesReader reader) {
      this.reader = reader;
    }

    private boolean isToFail() {
      return TO_FAIL.containsKey(job);
    }

    @Override
    public void start() {
      reader.start();
    }

    @Override
    public InputStatus pollNext(ReaderOutput<Line> output) throws Exception {
      if (!isToFail() || left > 0) {
        --left;
        return reader.pollNext(output);
      }
      if (checkpoint.isDone()) {
        TO_FAIL.remove(job);
        FAILED.add(job);
        throw new IllegalStateException("a failure that the test wants");
      }
      return InputStatus.NOTHING_AVAILABLE;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
      CompletableFuture<Void> failure = TO_FAIL.get(job);
      if (failure == null || left > 0) {
        return reader.isAvailable();
      }
      failure.complete(null);
      return checkpoint;
    }

    @Override
    public List<FileLines.Part> snapshotState(long number) {
      if (isToFail() && left <= 0 && waitsFrom < 0) {
        waitsFrom = number;
      }
      return reader.snapshotState(number);
    }

    @Override
    public void notifyCheckpointComplete(long number) {
      if (waitsFrom >= 0 && number >= waitsFrom) {
        checkpoint.complete(null);
      }
    }

    @Override
    public void addSplits(List<FileLines.Part> parts) {
      reader.addSplits(parts);
    }

    @Override
    public void notifyNoMoreSplits() {
      if (TO_FAIL.remove(job) != null) { // too late: other readers end
        checkpoint.complete(null);
      }
      reader.notifyNoMoreSplits();
    }

    @Override
    public void handleSourceEvents(SourceEvent event) {
      reader.handleSourceEvents(event);
    }

    @Override
    public void close() throws IOException {
      reader.close();
    }
  }
}
