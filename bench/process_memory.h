/// What the system gave this process.
#pragma once
#include <unistd.h>

#include <cstddef>
#include <fstream>

#include "bench/many_keys.h"

namespace tocsin::bench {
/// Bytes of memory that the process has now.
inline std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  if (!(file >> total >> resident)) die("cannot read /proc/self/statm");
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}
}  // namespace tocsin::bench
