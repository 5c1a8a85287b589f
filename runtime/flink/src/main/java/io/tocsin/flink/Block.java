package io.tocsin.flink;

import java.io.IOException;
import org.apache.flink.api.common.functions.Partitioner;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Rows, values and alerts from one part of a stage to one part of another, as the library writes and
 * reads them. Only the bytes travel.
 */
final class Block {
  static final TypeInformation<Block> TYPE =
      new PlainType<>(Block.class, new Serializer(), false);

  private static final byte[] NOTHING = {};

  /** The receiving part; for who sends. */
  final int part;

  final byte[] bytes;

  /** The change of rules that its sender went over to last; 0 before the first. */
  final long rules;

  /** How many parts there are, once the partitioner has seen it; for who sends. */
  private int parts;

  Block(int part, byte[] bytes) {
    this(part, bytes, 0);
  }

  Block(int part, byte[] bytes, long rules) {
    this.part = part;
    this.bytes = bytes;
    this.rules = rules;
  }

  /** An empty block, by which a sender learns how many parts the receiver has. */
  static Block probe() {
    return new Block(0, NOTHING);
  }

  boolean isProbe() {
    return bytes.length == 0;
  }

  /** 0 until it was sent. */
  int parts() {
    return parts;
  }

  /** Sends a block where the library says, and tells the block how many parts there are. */
  static final class ToPart implements Partitioner<Block> {
    private static final long serialVersionUID = 1L;

    @Override
    public int partition(Block block, int parts) {
      block.parts = parts;
      return block.part;
    }
  }

  static final class Serializer extends PlainSerializer<Block> {
    private static final long serialVersionUID = 1L;

    @Override
    public Block createInstance() {
      return probe();
    }

    @Override
    public void serialize(Block block, DataOutputView to) throws IOException {
      to.writeLong(block.rules);
      writeBytes(block.bytes, to);
    }

    @Override
    public Block deserialize(DataInputView from) throws IOException {
      long rules = from.readLong();
      return new Block(0, readBytes(from), rules);
    }

    @Override
    public void copy(DataInputView from, DataOutputView to) throws IOException {
      to.writeLong(from.readLong());
      copyBytes(from, to);
    }

    @Override
    public TypeSerializerSnapshot<Block> snapshotConfiguration() {
      return new Snapshot();
    }
  }

  /** Flink makes it by its name. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<Block> {
    public Snapshot() {
      super(Serializer::new);
    }
  }
}
