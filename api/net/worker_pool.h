/// Threads for what may wait, behind a bounded queue.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tocsin::api {
/// Threads are made when they are needed, at most so many, and are kept. Threading: any.
class WorkerPool {
 public:
  struct Limits {
    std::size_t threads_max = 64;
    std::size_t queue_max = 1024;  // tasks that wait for a thread
  };
  /// `is_dropped`: the pool ends, and the task is only to say so. It must not throw.
  using Task = std::function<void(bool is_dropped)>;
  explicit WorkerPool(const Limits& limits) : limits_(limits) {}
  /// As end().
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  /// False, and `task` is not called: as many wait as may, or the pool has ended.
  bool submit(Task task);
  /// Drops the tasks that wait, and takes no more.
  void drop();
  /// drop(), then waits for the tasks that run.
  void end();
  std::size_t threads() const;

 private:
  bool add_thread();
  void work();

  Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ends_ = false;
};
}  // namespace tocsin::api
