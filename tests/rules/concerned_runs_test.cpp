// What an event costs where a key has many partial matches of the general matcher
// (cep/pattern/concerned_runs.h): how many of them are looked at, in numbers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "tests/rules/pay_rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
struct Work {
  std::uint64_t matches = 0;  // partial ones, at the end
  double visited = 0;         // of them, for each of the last events
  std::vector<std::string> alerts;
};
// `before` events that begin a match each, one a second; then 1,000 that do what the amounts say.
Work work_of(const PayRule& rule, int before, const std::vector<std::int64_t>& amounts,
             std::uint32_t ordered_runs_min) {
  constexpr int kEvents = 1'000;
  cep::Limits limits;
  limits.ordered_runs_min = ordered_runs_min;
  const cep::Program program = rule.compiled(limits);
  const cep::Plan& plan = program.plan();
  cep::Engine engine(program, 1);
  std::vector<cep::Alert> alerts;
  Work work;
  std::uint64_t visited = 0;
  for (int i = 0; i < before + kEvents; ++i) {
    if (i == before) visited = engine.stats().runs_visited;
    const auto at = static_cast<std::size_t>(i) % amounts.size();
    const std::int64_t amount = i < before ? i % 100 : amounts[at];
    give(engine, plan, static_cast<std::uint64_t>(i) + 1,
         {.ms = std::int64_t{i} * 1'000, .amount = amount}, alerts);
  }
  work.matches = engine.stats().runs;
  work.visited = static_cast<double>(engine.stats().runs_visited - visited) / kEvents;
  work.alerts = alert_lines(plan, alerts);
  return work;
}

struct Row {
  const char* name;
  const char* clauses;
  std::vector<std::int64_t> amounts;
};
}  // namespace

TEST_CASE("concerned runs: an event looks at the partial matches that it may concern alone" *
          doctest::skip(is_quick())) {
  const Row rows[] = {
      {"it begins one",
       "when pay where amount < 100 then pay where amount = 999 within 30d after match consume",
       {1}},
      {"it begins one, and one is over",
       "when pay where amount < 100 then pay where amount = 999 within 5000s after match consume",
       {1}},
      {"every match counts",
       "when pay where amount < 100 then pay where amount = 999 within 300d after match no skip "
       "except \"none\" where amount < 0",
       {1}},
      {"an absence that only others wait for",
       "when pay where amount < 100 then pay where amount = 999 then no pay where amount = 500 "
       "then pay where amount = 998 within 30d after match skip to next",
       {1, 500}},
      {"a step that only others wait for",
       "when pay as a where amount < 100 then pay where amount = 999 then pay where amount between "
       "500 and 600 within 30d without pay where amount = 777 and amount > a.amount",
       {550, 560, 2}},
      {"a step for the value of an earlier event: each begins one and waits for another",
       "when pay as a where amount < 100 then pay where amount >= 0 and id = a.id within 30d after "
       "match consume",
       {1}},
      {"every match counts, and none has the value",
       "when pay as a where amount < 100 then pay where a.id = id within 300d after match no skip "
       "except \"none\" where amount < 0",
       {1}},
      {"the value of an earlier event, once for each",
       "when pay as a where amount < 100 then pay where amount >= 0 and id = a.id within 30d once "
       "per 1h for each a.id",
       {1}},
      {"a deadline",
       "when pay as a where amount < 100 then no pay where amount = 999 for 5000s once per "
       "1h for each a.id",
       {1}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const PayRule rule(row.clauses);
    for (const int before : {1'500, 12'000}) {
      const Work work = work_of(rule, before, row.amounts, 32);
      CHECK(work.matches >= std::min(before, 6'000) * 5 / 6);
      CHECK(work.visited < 4);
      if (before != 1'500) continue;
      const Work without = work_of(rule, before, row.amounts, ~std::uint32_t{0});
      CHECK(without.visited > 1'000);
      CHECK(without.matches == work.matches);
      CHECK(without.alerts == work.alerts);
    }
  }
}
}  // namespace tocsin::tests
