/// What an event costs of a key that stays at its budget of events or bytes, against the same key
/// with a budget that it does not reach: nanoseconds an event, and their ratio in this run.
///
///   bench_budget [EVENTS]
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/many_keys.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "rules/context/rules.h"

namespace {
using namespace tocsin;

std::shared_ptr<const cep::Plan> plan_of(const std::string& clauses) {
  const std::string text =
      "event pay { ts: time, id: string id, card: string }\n"
      "event out { ts: time, id: string id, card: string }\n"
      "rule r \"A rule\" { by card\n" +
      clauses + "\nalert \"x\" }\n";
  const rules::Loaded loaded =
      rules::load({"a.tocsin"}, [&](const std::string&) -> Result<std::string> { return text; });
  if (!loaded.rules) bench::die("the rule loads");
  return loaded.rules->plan;
}

struct Cost {
  double ns = 0;  // an event
  std::uint64_t places = 0;
};
Cost measure(const std::shared_ptr<const cep::Plan>& plan, const cep::Limits& limits,
             std::int64_t events) {
  const auto program = cep::compile(plan, limits);
  if (!program) bench::die("the rule compiles");
  cep::Engine engine(*program, 1);
  std::vector<cep::Alert> alerts;
  constexpr std::int64_t kRows = 1'000;
  cep::Batch batch(*plan);
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < events;) {
    batch.clear();
    const std::int64_t end = std::min(events, i + kRows);
    for (; i < end; ++i) {
      const cep::EventTime ts{i * 1'000};
      batch.append(*plan, cep::EventTypeIndex(0), ts, ts, {static_cast<std::uint64_t>(i) + 1, 0},
                   {cep::Value::time(ts), cep::Value::string("p"), cep::Value::string("c1")});
    }
    engine.advance(batch, {(end - 1) * 1'000}, alerts);
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return {took.count() / static_cast<double>(events), engine.stats().budget_work};
}
}  // namespace

int main(int argc, char** argv) {
  const std::int64_t events = argc > 1 ? std::atoll(argv[1]) : 100'000;
  struct Row {
    const char* name;
    const char* clauses;
  };
  const Row rows[] = {
      {"a loop", "when 1+ pay then out"},
      {"a loop, general", "when 1+ greedy pay then out"},
  };
  std::printf("%-32s %12s %12s %8s %14s\n", "rule", "far, ns", "near, ns", "ratio", "places/event");
  for (const Row& row : rows) {
    const auto plan = plan_of(row.clauses);
    cep::Limits far;
    far.events_per_key_max = far.bytes_per_key_max = std::uint64_t{1} << 50;
    cep::Limits near;
    near.events_per_key_max = 20'000;
    const Cost without = measure(plan, far, events);
    const Cost with = measure(plan, near, events);
    std::printf("%-32s %12.0f %12.0f %8.2f %14.2f\n", row.name, without.ns, with.ns,
                with.ns / without.ns,
                static_cast<double>(with.places) / static_cast<double>(events));
  }
  return 0;
}
