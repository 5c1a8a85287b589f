/// The port to other threads: work that nobody waits for.
#pragma once
#include <functional>

namespace tocsin::runtime {
/// Runs tasks one after the other, in the order given. Threading: any.
class Executor {
 public:
  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() = default;
  virtual void post(std::function<void()> task) = 0;
};
/// Runs each task at once, in the caller's thread.
class InlineExecutor : public Executor {
 public:
  void post(std::function<void()> task) override { task(); }
};
}  // namespace tocsin::runtime
