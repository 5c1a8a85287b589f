/// An executor with a thread of its own.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "runtime/io/executor.h"

namespace tocsin::runtime {
class ThreadExecutor : public Executor {
 public:
  /// `name`: the thread's, of at most 15 bytes.
  explicit ThreadExecutor(const char* name = "checkpoint");
  /// Runs what was posted first.
  ~ThreadExecutor() override;
  void post(std::function<void()> task) override;

 private:
  void work(const char* name);
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool is_ending_ = false;
  std::thread thread_;
};
}  // namespace tocsin::runtime
