/// A thread that has memory for state ready before it is needed.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>

#include "cep/base/pages_ahead.h"

namespace tocsin::runtime {
/// While it lives, beside whoever fills tables: a start from a checkpoint takes all of its memory
/// for the first time, which is a quarter of what it does.
class MemoryAhead {
 public:
  MemoryAhead();
  ~MemoryAhead();
  MemoryAhead(const MemoryAhead&) = delete;
  MemoryAhead& operator=(const MemoryAhead&) = delete;

 private:
  void work();
  PagesAhead pages_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_over_ = false;
  std::thread thread_;
};
}  // namespace tocsin::runtime
