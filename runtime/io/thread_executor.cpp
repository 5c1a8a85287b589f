#include "runtime/io/thread_executor.h"

#include <utility>

#include "runtime/io/background_thread.h"

namespace tocsin::runtime {
ThreadExecutor::ThreadExecutor(const char* name) : thread_([this, name] { work(name); }) {}

ThreadExecutor::~ThreadExecutor() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ThreadExecutor::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_all();
}

void ThreadExecutor::work(const char* name) {
  begin_background_thread(name);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return is_ending_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}
}  // namespace tocsin::runtime
