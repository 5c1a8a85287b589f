#include "runtime/memory_ahead.h"

#include "runtime/background_thread.h"

namespace tocsin::runtime {
MemoryAhead::MemoryAhead()
    : thread_([this] {
        begin_background_thread("memory-ahead");
        pages_.run();
      }) {}
MemoryAhead::~MemoryAhead() {
  pages_.stop();
  thread_.join();
}
}  // namespace tocsin::runtime
