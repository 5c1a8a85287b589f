/// Reads events into slices and forgets them, so that the instructions of reading, decoding and
/// intake can be counted (bench/instructions.py). Only what tocsin_counted() does is meant.
///
///   bench_front EVENTS.ndjson RULES.tocsin [RUNS [THREADS]]
///
/// Prints the number of lines, of which none gives an alert; with RUNS, that of rows, and the CPU
/// time and the time of a line, best of so many runs, with so many threads that decode ahead.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "bench/many_keys.h"
#include "bench/measure.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/io/worker_threads.h"

namespace tocsin::bench {
struct Front {
  cep::Program program;
  std::string events;
  runtime::RunOptions options;
  runtime::RunSummary summary;
  std::uint64_t rows = 0;
};
}  // namespace tocsin::bench

/// What is counted, found by its name.
extern "C" [[gnu::noinline, gnu::noclone]] void tocsin_counted(tocsin::bench::Front& front) {
  using namespace tocsin;
  front.summary = {};
  front.rows = 0;
  bench::must(runtime::read_slices(front.program.plan(), front.program.used_fields(),
                                   front.program.used_types(), {{front.events, std::nullopt}},
                                   front.options, {}, front.summary,
                                   [&](cep::Batch& slice, cep::EventTime) -> Result<void> {
                                     front.rows += slice.rows.size();
                                     return {};
                                   }));
}

int main(int argc, char** argv) {
  using namespace tocsin;
  using bench::seconds_of;
  if (argc < 3) bench::die("usage: bench_front EVENTS.ndjson RULES.tocsin [RUNS [THREADS]]");
  bench::Front front{bench::must(cep::compile(bench::load_plan({argv[2]}))), argv[1], {}, {}, 0};
  const int runs = argc > 3 ? std::max(1, std::atoi(argv[3])) : 1;
  std::optional<runtime::WorkerThreads> workers;
  if (argc > 4) {
    workers.emplace(static_cast<std::uint32_t>(std::max(0, std::atoi(argv[4]))) + 1);
    front.options.decode_by = &*workers;
  }
  double cpu = 1e9;
  double wall = 1e9;
  for (int run = 0; run < runs; ++run) {
    const double cpu_start = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    const double start = seconds_of(CLOCK_MONOTONIC);
    tocsin_counted(front);
    cpu = std::min(cpu, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_start);
    wall = std::min(wall, seconds_of(CLOCK_MONOTONIC) - start);
  }
  const auto lines = static_cast<double>(front.summary.lines);
  std::printf("%llu events, 0 alerts\n", static_cast<unsigned long long>(front.summary.lines));
  if (argc > 3) {
    std::printf("%llu rows, %.1f ns a line of CPU time, %.1f ns of time\n",
                static_cast<unsigned long long>(front.rows), 1e9 * cpu / lines, 1e9 * wall / lines);
  }
  return 0;
}
