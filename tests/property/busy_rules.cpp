/// Random rules over one busy key: those that take longest for an event. What is found this way is
/// looked into with a profiler; what became of it has tests that count.
///
///   busy_rules [--seconds N] [--from SEED] [--rules N] [--events N] [--closer N] [--over US]
///
/// Runs one random set of rules after the other, from the seed on, until the time is up or there
/// were so many, each over `events` events of one key whose times are `closer` times as close
/// together as those of random tests. Prints the sets of which an event takes more than `over`
/// microseconds of the processor, in some quarter of the events or once all deadlines have passed.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/batch.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "tests/support/busy_events.h"
#include "tests/support/engine_run.h"
#include "tests/support/random.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
constexpr std::size_t kQuarters = 4;

struct Options {
  std::uint64_t seconds = 60;
  std::uint64_t from = 0;
  std::uint64_t rules = UINT64_MAX;
  std::uint64_t events = 13'000;
  std::uint64_t closer = 500;
  std::uint64_t over = 1'000;
};

double processor_us() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

struct Cost {
  std::array<double, kQuarters> quarters{};  // microseconds an event
  double end = 0;                            // of the deadlines after the last event, by event
  std::uint64_t alerts = 0;
  cep::EngineStats stats;  // after the last event
  double most() const { return std::max(*std::ranges::max_element(quarters), end); }
};

Cost cost_of(const cep::Program& program, const std::vector<oracle::PlacedEvent>& events) {
  constexpr std::size_t kRows = 100;  // of a slice
  const cep::Duration later{40 * cep::kDayUs};
  Cost cost;
  cep::Engine engine(program, 1);
  std::vector<cep::Alert> alerts;
  const double count = static_cast<double>(events.size());
  const cep::EventTime last = events.back().engine_time;
  for (const EngineStep& step : steps_of(events, last, {kRows, 1, false})) {
    const double begin = processor_us();
    take_step(program, engine, events, step, alerts);
    const std::size_t quarter = std::min(step.begin * kQuarters / events.size(), kQuarters - 1);
    cost.quarters[quarter] += (processor_us() - begin) * kQuarters / count;
    cost.alerts += alerts.size();
    alerts.clear();
  }
  cost.stats = engine.stats();
  const double begin = processor_us();
  engine.advance(cep::Batch(program.plan()), last + later, alerts);
  cost.end = (processor_us() - begin) / count;
  cost.alerts += alerts.size();
  return cost;
}

void print(std::uint64_t seed, const cep::Plan& plan, const Cost& cost) {
  const cep::EngineStats& stats = cost.stats;
  fmt::print(
      "seed {}: {:.0f} us an event, by quarter, and {:.0f} at the end; {} alerts, {} partial "
      "matches, {} lost, {} timers, {} places counted, {} bytes\n{}\n",
      seed, fmt::join(cost.quarters, ", "), cost.end, cost.alerts, stats.runs, stats.runs_lost,
      stats.timers, stats.budget_work, stats.state_bytes, cep::describe(plan));
  std::fflush(stdout);
}

int run(const Options& options) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  std::uint64_t ran = 0;
  std::uint64_t slow = 0;
  std::pair<double, std::uint64_t> slowest;
  for (; ran < options.rules && std::chrono::steady_clock::now() < until; ++ran) {
    const std::uint64_t seed = options.from + ran;
    Random random(seed);
    const auto plan = std::make_shared<const cep::Plan>(random_language_plan(random));
    const auto program = cep::compile(plan);
    if (!program) continue;
    const auto events = busy_events(random, *plan, static_cast<std::size_t>(options.events),
                                    static_cast<std::int64_t>(options.closer));
    const Cost cost = cost_of(*program, events);
    slowest = std::max(slowest, {cost.most(), seed});
    if (cost.most() <= static_cast<double>(options.over)) continue;
    ++slow;
    print(seed, *plan, cost);
  }
  fmt::print(
      "{} sets of rules, {} over {} us an event; the slowest is that of seed {}: {:.0f} us\n", ran,
      slow, options.over, slowest.second, slowest.first);
  return EXIT_SUCCESS;
}
}  // namespace
}  // namespace tocsin::tests

int main(int argc, char** argv) {
  tocsin::tests::Options options;
  const std::pair<std::string_view, std::uint64_t*> known[] = {
      {"--seconds", &options.seconds}, {"--from", &options.from},     {"--rules", &options.rules},
      {"--events", &options.events},   {"--closer", &options.closer}, {"--over", &options.over}};
  for (int i = 1; i < argc; i += 2) {
    const auto* const option = std::ranges::find(known, std::string_view(argv[i]),
                                                 [](const auto& one) { return one.first; });
    char* end = nullptr;
    if (option != std::end(known) && i + 1 < argc)
      *option->second = std::strtoull(argv[i + 1], &end, 10);
    if (end == nullptr || *end != '\0' || options.events < 4 || options.closer == 0) {
      fmt::print(
          stderr,
          "usage: busy_rules [--seconds N] [--from SEED] [--rules N] [--events N] [--closer N] "
          "[--over MICROSECONDS]\n");
      return 2;
    }
  }
  return tocsin::tests::run(options);
}
