/// Reads events into slices and forgets them, so that the instructions of reading, decoding and
/// intake can be counted (bench/instructions.py). Only what tocsin_counted() does is meant.
///
///   bench_front EVENTS.ndjson RULES.tocsin [RUNS]
///
/// Prints the number of lines, of which none gives an alert; with RUNS, that of rows and the CPU
/// time of a line, best of so many runs.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "bench/many_keys.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "rules/context/rules.h"
#include "runtime/event_time/slice_loop.h"

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

namespace {
using namespace tocsin;

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::kNotFound, "cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) bench::die("usage: bench_front EVENTS.ndjson RULES.tocsin [RUNS]");
  const rules::Loaded loaded = rules::load({argv[2]}, read_file);
  if (!loaded.rules) bench::die(rules::render(loaded.sources, loaded.diagnostics.front()));
  bench::Front front{bench::must(cep::compile(loaded.rules->plan)), argv[1], {}, {}, 0};
  const int runs = argc > 3 ? std::max(1, std::atoi(argv[3])) : 1;
  double least = 1e9;
  for (int run = 0; run < runs; ++run) {
    const double start = cpu_seconds();
    tocsin_counted(front);
    least = std::min(least, cpu_seconds() - start);
  }
  std::printf("%llu events, 0 alerts\n", static_cast<unsigned long long>(front.summary.lines));
  if (argc > 3) {
    std::printf("%llu rows, %.1f ns a line\n", static_cast<unsigned long long>(front.rows),
                1e9 * least / static_cast<double>(front.summary.lines));
  }
  return 0;
}
