/// Threads for a run of random events.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "runtime/event_time/run_options.h"
#include "runtime/io/worker_threads.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// So many that slices are matched beside the reading, which takes small blocks, and uses their
/// memory again.
inline std::unique_ptr<runtime::WorkerThreads> use_random_threads(Random& random,
                                                                  runtime::RunOptions& options) {
  auto workers =
      std::make_unique<runtime::WorkerThreads>(4 + static_cast<std::uint32_t>(random.below(3)), 1);
  options.workers = options.decode_by = workers.get();
  options.block_bytes = random.pick<std::size_t>({64, 500, 4'000, 1 << 18});
  return workers;
}
}  // namespace tocsin::tests
