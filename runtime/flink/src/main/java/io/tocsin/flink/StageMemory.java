package io.tocsin.flink;

import org.apache.flink.core.memory.ManagedMemoryUseCase;
import org.apache.flink.runtime.execution.Environment;
import org.apache.flink.runtime.memory.MemoryManager;
import org.apache.flink.runtime.memory.MemoryReservationException;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.graph.StreamConfig;

/**
 * What a stage may take of its slot's managed memory. The library allocates it itself; here it is
 * reserved, so that nothing else of the slot counts on it.
 */
final class StageMemory implements AutoCloseable {
  private final MemoryManager manager;
  private final long bytes;

  private StageMemory(MemoryManager manager, long bytes) {
    this.manager = manager;
    this.bytes = bytes;
  }

  /** By how much of a slot a stage's share is larger than another's. */
  static int weight(Edge edge) {
    return switch (edge.kind()) {
      case Edge.PASS -> 70;
      case Edge.INTAKE, Edge.HOLD -> 20;
      default -> 10;
    };
  }

  static void declare(SingleOutputStreamOperator<?> operator, Edge edge) {
    operator
        .getTransformation()
        .declareManagedMemoryUseCaseAtOperatorScope(ManagedMemoryUseCase.OPERATOR, weight(edge));
  }

  /** Reserves the share of the operator that this is the configuration of. */
  static StageMemory reserve(Edge edge, Environment task, StreamConfig operator) {
    MemoryManager manager = task.getMemoryManager();
    double fraction =
        operator.getManagedMemoryFractionOperatorUseCaseOfSlot(
            ManagedMemoryUseCase.OPERATOR,
            task.getJobConfiguration(),
            task.getTaskManagerInfo().getConfiguration(),
            task.getUserCodeClassLoader().asClassLoader());
    long bytes = fraction > 0 ? manager.computeMemorySize(fraction) : 0;
    if (bytes <= 0) {
      throw new IllegalStateException(
          edge.label()
              + " has no managed memory: set taskmanager.memory.managed.size, and leave OPERATOR a"
              + " weight in taskmanager.memory.managed.consumer-weights");
    }
    StageMemory reserved = new StageMemory(manager, bytes);
    try {
      manager.reserveMemory(reserved, bytes);
    } catch (MemoryReservationException e) {
      throw new IllegalStateException(edge.label() + ": its managed memory is not free", e);
    }
    return reserved;
  }

  long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    manager.releaseMemory(this, bytes);
  }
}
