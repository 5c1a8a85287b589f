/// Threads for what may wait, behind a bounded queue.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tocsin::api {
/// Threads are made when they are needed, at most so many, and are kept. Threading: any.
class WorkerPool {
 public:
  struct Limits {
    std::size_t threads_max = 64;
    std::size_t queue_max = 1024;           // tasks that wait for a thread
    std::size_t queue_each_max = SIZE_MAX;  // of them, of one asker
    const char* name = "http-worker";       // of the threads
  };
  /// `is_dropped`: the pool ends, and the task is only to say so. It must not throw.
  using Task = std::function<void(bool is_dropped)>;
  explicit WorkerPool(const Limits& limits) : limits_(limits) {}
  /// As end().
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  /// False, and `task` is not called: as many wait as may, or the pool has ended. `asker`: whose it
  /// is; empty: nobody's, who may have all places.
  bool submit(Task task, const std::string& asker = {});
  /// Drops the tasks that wait, and takes no more.
  void drop();
  /// drop(), then waits for the tasks that run.
  void end();
  std::size_t threads() const;

 private:
  struct Waiting {
    Task task;
    std::string asker;
  };
  bool add_thread();
  bool has_place(const std::string& asker) const;
  Waiting take_first();
  void work();

  Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> tasks_;
  std::map<std::string, std::size_t> waiting_by_;  // of tasks_, by those who have some
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ends_ = false;
};
}  // namespace tocsin::api
