package io.tocsin.flink;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * A line of events as JSON, and where it was read: the source's place among the job's sources, the
 * partition, and the offset there. Events of equal time are ordered by these three, so that alerts
 * do not depend on who reads what when.
 */
public final class Line {
  /** For operators that give lines: {@code stream.returns(Line.TYPE)}. */
  public static final TypeInformation<Line> TYPE =
      new PlainType<>(Line.class, new Serializer(), false);

  /** Sources are numbered from 0 to this. */
  public static final int SOURCE_MAX = (1 << 4) - 1;

  /** Partitions are numbered from 0 to this. */
  public static final int PARTITION_MAX = (1 << 12) - 1;

  /** Offsets are from 0 to this. */
  public static final long OFFSET_MAX = (1L << 44) - 1;

  private static final byte[] NOTHING = {};

  enum Kind {
    /** A line with text. */
    TEXT,
    /** A message with a line for each event. */
    MESSAGE,
    /** A partition has more lines, though none comes. */
    WAITS,
    /** Lines of a partition follow, which holds back the others until then. */
    BEGIN,
    /** Nothing follows of a partition. */
    END,
    /** This reader has no partition. */
    NONE
  }

  /** Of a message that has no time stamp: the clock is asked. */
  public static final long NO_TIME = Long.MIN_VALUE;

  private final Kind kind;
  private final int place; // source and partition, as in a record number
  private final long offset;
  private final int index;
  private final long takenAtMillis;
  private final byte[] text; // or the partition's name
  private transient long judgedMillis = Long.MIN_VALUE;

  private Line(Kind kind, int place, long offset, int index, long takenAtMillis, byte[] text) {
    this.kind = kind;
    this.place = place;
    this.offset = offset;
    this.index = index;
    this.takenAtMillis = takenAtMillis;
    this.text = text;
  }

  /**
   * A line with its text in UTF-8, without the line end. The text must not be changed afterwards.
   * Lines of a partition have ascending offsets.
   */
  public static Line of(int source, int partition, long offset, byte[] text) {
    return of(source, partition, offset, 0, NO_TIME, text);
  }

  /**
   * A line in a message of several: {@code index} counts them. An event that is too far ahead of
   * {@code takenAtMillis}, the message's own time stamp, is rejected; without one the clock is asked.
   */
  public static Line of(
      int source, int partition, long offset, int index, long takenAtMillis, byte[] text) {
    checkOffset(offset);
    return new Line(Kind.TEXT, place(source, partition), offset, index, takenAtMillis, text);
  }

  /**
   * A message of which each line is an event, with its own index from 0; blank ones are passed over.
   * It costs less than its lines one by one.
   */
  public static Line message(
      int source, int partition, long offset, long takenAtMillis, byte[] lines) {
    checkOffset(offset);
    return new Line(Kind.MESSAGE, place(source, partition), offset, 0, takenAtMillis, lines);
  }

  private static void checkOffset(long offset) {
    if (offset < 0 || offset > OFFSET_MAX) {
      throw new IllegalArgumentException("an offset is from 0 to " + OFFSET_MAX + ", not " + offset);
    }
  }

  /**
   * Says that lines of a partition follow. Until one has come, no event of another partition is
   * worked on. The partition is called {@code name} in late and rejected lines, and in the state;
   * one that is not announced is called as in {@code "0/3"}.
   */
  public static Line begin(int source, int partition, String name) {
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    return new Line(Kind.BEGIN, place(source, partition), 0, 0, NO_TIME, text);
  }

  /**
   * Says of a partition from which no line comes that it is not silent: it cannot be read now. Holds
   * for as long as a line of it.
   */
  public static Line waits(int source, int partition) {
    return new Line(Kind.WAITS, place(source, partition), 0, 0, NO_TIME, NOTHING);
  }

  /** Says that no line of a partition follows. */
  public static Line end(int source, int partition) {
    return new Line(Kind.END, place(source, partition), 0, 0, NO_TIME, NOTHING);
  }

  /** Says that this reader has no partition, and holds back nobody. */
  public static Line none() {
    return new Line(Kind.NONE, 0, 0, 0, NO_TIME, NOTHING);
  }

  private static int place(int source, int partition) {
    if (source < 0 || source > SOURCE_MAX) {
      throw new IllegalArgumentException("a source is from 0 to " + SOURCE_MAX + ", not " + source);
    }
    if (partition < 0 || partition > PARTITION_MAX) {
      throw new IllegalArgumentException(
          "a partition is from 0 to " + PARTITION_MAX + ", not " + partition);
    }
    return source << 12 | partition;
  }

  Kind kind() {
    return kind;
  }

  /** Source and partition. */
  int place() {
    return place;
  }

  /** Of the partition. */
  byte[] name() {
    String given = (place >> 12) + "/" + (place & PARTITION_MAX);
    return kind == Kind.BEGIN ? text : given.getBytes(StandardCharsets.UTF_8);
  }

  int index() {
    return index;
  }

  long takenAtMillis() {
    return takenAtMillis;
  }

  /** The record number of the library: 4 bits that are 0, the source, the partition, the offset. */
  long record() {
    return (long) place << 44 | offset;
  }

  byte[] bytes() {
    return text;
  }

  /** How far the partition's judge had come when it took the line; the least long if it did not say. */
  long judgedMillis() {
    return judgedMillis;
  }

  long offset() {
    return offset;
  }

  /** By the judge, in the thread of the source. */
  void setJudgedMillis(long millis) {
    judgedMillis = millis;
  }

  /** The line without its end, or the lines of a message. */
  public String text() {
    return new String(text, StandardCharsets.UTF_8);
  }

  static final class Serializer extends PlainSerializer<Line> {
    private static final long serialVersionUID = 1L;
    private static final Kind[] KINDS = Kind.values();

    @Override
    public Line createInstance() {
      return none();
    }

    @Override
    public void serialize(Line line, DataOutputView to) throws IOException {
      to.writeByte(line.kind.ordinal());
      to.writeInt(line.place);
      to.writeLong(line.offset);
      to.writeInt(line.index);
      to.writeLong(line.takenAtMillis);
      writeBytes(line.text, to);
    }

    @Override
    public Line deserialize(DataInputView from) throws IOException {
      return new Line(
          KINDS[from.readByte()],
          from.readInt(),
          from.readLong(),
          from.readInt(),
          from.readLong(),
          readBytes(from));
    }

    @Override
    public void copy(DataInputView from, DataOutputView to) throws IOException {
      to.write(from, 25);
      copyBytes(from, to);
    }

    @Override
    public TypeSerializerSnapshot<Line> snapshotConfiguration() {
      return new Snapshot();
    }
  }

  /** Flink makes it by its name. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<Line> {
    public Snapshot() {
      super(Serializer::new);
    }
  }
}
