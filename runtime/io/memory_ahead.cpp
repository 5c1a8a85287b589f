#include "runtime/io/memory_ahead.h"

#include "runtime/io/background_thread.h"

namespace tocsin::runtime {
MemoryAhead::MemoryAhead() : thread_([this] { work(); }) {}
MemoryAhead::~MemoryAhead() {
  pages_.stop();
  thread_.join();
}

void MemoryAhead::work() {
  begin_background_thread("memory-ahead");
  do {
    while (pages_.prepare()) {
    }
  } while (pages_.wait());
}
}  // namespace tocsin::runtime
