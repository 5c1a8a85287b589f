#include "runtime/io/memory_ahead.h"

#include <chrono>

#include "runtime/io/background_thread.h"

namespace tocsin::runtime {
namespace {
// In which tables take less than what is ready.
constexpr std::chrono::milliseconds kPause{1};
}  // namespace

MemoryAhead::MemoryAhead() : thread_([this] { work(); }) {}
MemoryAhead::~MemoryAhead() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void MemoryAhead::work() {
  begin_background_thread("memory-ahead");
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    lock.unlock();
    const bool is_more = pages_.prepare();
    lock.lock();
    if (!is_more) changed_.wait_for(lock, kPause, [&] { return is_over_; });
  }
}
}  // namespace tocsin::runtime
