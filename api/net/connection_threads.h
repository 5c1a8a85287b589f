/// The threads of a server's connections.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tocsin::api {
/// A thread for each task, made when one is needed, at most so many; tasks beyond them wait.
/// Threading: any.
class ConnectionThreads {
 public:
  explicit ConnectionThreads(std::size_t threads_max) : threads_max_(threads_max) {}
  void enqueue(std::function<void()> task);
  /// Waits until every task is done. Must come before the destruction, once.
  void shutdown();

 private:
  void work();

  std::size_t threads_max_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ends_ = false;
};
}  // namespace tocsin::api
