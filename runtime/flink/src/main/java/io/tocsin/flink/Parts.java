package io.tocsin.flink;

import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.functions.RuntimeContext;

/** Which part of an operator a subtask is. */
record Parts(int part, int parts) {
  /** Refuses another number of key groups than Tocsin's. */
  static Parts of(RuntimeContext context) {
    TaskInfo task = context.getTaskInfo();
    if (task.getMaxNumberOfParallelSubtasks() != KeyGroups.COUNT) {
      throw new IllegalStateException(
          "the max parallelism of "
              + task.getTaskName()
              + " is "
              + task.getMaxNumberOfParallelSubtasks()
              + ", and must be "
              + KeyGroups.COUNT
              + ": key groups are Tocsin's");
    }
    return new Parts(task.getIndexOfThisSubtask(), task.getNumberOfParallelSubtasks());
  }
}
