// What an event costs where a key has many partial matches that are kept one by one, by the general
// matcher (cep/pattern/concerned_runs.h) or the simple one (Matcher::passes_by): how many of them
// are looked at, in numbers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/record/budget_bytes.h"
#include "tests/rules/pay_rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
struct Work {
  std::uint64_t matches = 0;  // partial ones, at the end
  double visited = 0;         // of them, for each of the last events
  double counted = 0;         // places, for budgets, likewise
  std::vector<std::string> alerts;
};
// `before` events that begin a match each, one a second; then 1,000 that do what the amounts say.
Work work_of(const PayRule& rule, int before, const std::vector<std::int64_t>& amounts,
             std::uint32_t ordered_runs_min, cep::Limits limits = {}) {
  constexpr int kEvents = 1'000;
  limits.ordered_runs_min = ordered_runs_min;
  const cep::Program program = rule.compiled(limits);
  const cep::Plan& plan = program.plan();
  cep::Engine engine(program, 1);
  std::vector<cep::Alert> alerts;
  Work work;
  std::uint64_t visited = 0;
  std::uint64_t counted = 0;
  for (int i = 0; i < before + kEvents; ++i) {
    if (i == before) {
      visited = engine.stats().runs_visited;
      counted = engine.stats().budget_work;
    }
    const auto at = static_cast<std::size_t>(i) % amounts.size();
    const std::int64_t amount = i < before ? i % 100 : amounts[at];
    give(engine, plan, static_cast<std::uint64_t>(i) + 1,
         {.ms = std::int64_t{i} * 1'000, .amount = amount}, alerts);
  }
  work.matches = engine.stats().runs;
  work.visited = static_cast<double>(engine.stats().runs_visited - visited) / kEvents;
  work.counted = static_cast<double>(engine.stats().budget_work - counted) / kEvents;
  work.alerts = alert_lines(plan, alerts);
  return work;
}

// The same where the key is at its budget of bytes, and where it is at its budget of events.
void check_at_budgets(const PayRule& rule, const std::vector<std::int64_t>& amounts) {
  for (const bool is_of_bytes : {true, false}) {
    CAPTURE(is_of_bytes);
    cep::Limits tight;
    (is_of_bytes ? tight.bytes_per_key_max : tight.events_per_key_max) =
        is_of_bytes ? 240'000 : 2'000;
    const Work work = work_of(rule, 4'000, amounts, 32, tight);
    CHECK(work.matches > 1'500);
    CHECK(work.matches < 3'500);
    // All are looked at once their memory was laid out anew, a few times for so many.
    CHECK(work.visited < 40);
    CHECK(work.counted < 40);
  }
}

struct Row {
  const char* name;
  const char* clauses;
  std::vector<std::int64_t> amounts;
};
}  // namespace

TEST_CASE("concerned runs: an event looks at those that it may concern, at budgets too" *
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
      {"a gap that ends them",
       "when pay where amount < 100 then within 5000s pay where amount = 999 within 30d after "
       "match "
       "consume",
       {1}},
      {"a gap, and a step for the value of an earlier event",
       "when pay as a where amount < 100 then within 5000s pay where amount >= 0 and id = a.id "
       "within 30d after match consume",
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
    check_at_budgets(rule, row.amounts);
  }
}

TEST_CASE("concerned runs: so it is in the simple matcher, below its budgets and at them" *
          doctest::skip(is_quick())) {
  const Row rows[] = {
      {"every match counts",
       "when pay where amount < 100 then pay where amount = 999 within 300d after match no skip",
       {1}},
      {"every match counts, and one is over",
       "when pay where amount < 100 then pay where amount = 999 within 5000s after match no skip",
       {1}},
      {"a gap that ends them",
       "when pay where amount < 100 then within 5000s pay where amount = 999 within 300d after "
       "match "
       "no skip",
       {1}},
      {"an absence", "when pay where amount < 100 then no pay where amount = 999 for 300d", {1}},
      {"an absence, and its deadline",
       "when pay where amount < 100 then no pay where amount = 999 for 5000s",
       {1}},
      {"an absence behind two steps",
       "when pay as a where amount < 100 then pay where amount = 999 and id != a.id then no pay "
       "where amount = 998 for 1h within 300d",
       {1}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const PayRule rule(row.clauses);
    for (const int before : {1'500, 12'000}) {
      const Work work = work_of(rule, before, row.amounts, 32);
      CHECK(work.matches >= std::min(before, 5'000) * 5 / 6);
      CHECK(work.visited < 4);
    }
    check_at_budgets(rule, row.amounts);
  }
}

TEST_CASE("concerned runs: the oldest at a budget is concerned, and no other is counted anew" *
          doctest::skip(is_quick())) {
  const PayRule rule(
      "when pay as a where ends > 0 then pay where amount = a.ends within 300d after match "
      "consume");
  constexpr std::uint64_t kHeld = 2'000;
  constexpr std::uint64_t kEvents = 500;
  for (const bool is_of_bytes : {true, false}) {
    CAPTURE(is_of_bytes);
    cep::Limits tight;
    // Of each: the event, its place and its partial match.
    const std::uint64_t bytes = cep::kEventBytes + 8 + cep::kPlaceBytes + cep::kPartialMatchBytes;
    (is_of_bytes ? tight.bytes_per_key_max : tight.events_per_key_max) =
        is_of_bytes ? bytes * kHeld : kHeld;
    const cep::Program program = rule.compiled(tight);
    cep::Engine engine(program, 1);
    std::vector<cep::Alert> alerts;
    std::vector<std::int64_t> begun;  // what ends each; the oldest ends first, or is dropped
    std::int64_t number = 0;
    const auto pay = [&](std::int64_t amount, bool begins) {
      ++number;
      if (begins) begun.push_back(number);
      give(engine, program.plan(), static_cast<std::uint64_t>(number),
           {.ms = number * 1'000, .amount = amount, .ends = begins ? number : 0}, alerts);
    };
    for (std::uint64_t i = 0; i < 2 * kHeld; ++i) pay(0, true);
    CHECK(engine.stats().runs_lost > 0);
    alerts.clear();
    const std::uint64_t counted = engine.stats().budget_work;
    const std::uint64_t visited = engine.stats().runs_visited;
    for (std::uint64_t i = 0; i < kEvents; ++i) {
      pay(0, true);
      pay(begun[begun.size() - engine.stats().runs], false);
    }
    // One begins for each that ends, so the key stays near its budget.
    CHECK(alerts.size() == kEvents);
    CHECK(engine.stats().runs > kHeld * 3 / 4);
    CHECK(engine.stats().budget_work - counted < 40 * kEvents);
    CHECK(engine.stats().runs_visited - visited < 40 * kEvents);
  }
}

// `except` makes the general matcher take a rule, and holds nothing back here.
TEST_CASE("concerned runs: both matchers drop the same at budgets") {
  const char* const clauses[] = {
      "when pay where amount < 6 then pay where amount = 7 within {} after match no skip",
      "when pay where amount < 6 then no pay where amount = 7 for {}",
      "when pay where amount < 6 then pay where amount = 7 then no pay where amount = 8 for {} "
      "within {} after match no skip",
      "when pay as a where amount < 6 then pay where amount = 7 and ends != a.ends then no pay "
      "where amount = 8 for {} within {}",
      "when pay where amount < 6 then no pay where amount = 8 then pay where amount = 7 within {} "
      "after match no skip"};
  std::size_t alerts_seen = 0;
  std::uint64_t lost = 0;
  for_all_seeds("budget_runs", 150, [&](Random& random) {
    std::string text = clauses[random.below(std::size(clauses))];
    const auto seconds = std::to_string(10 + random.below(300)) + "s";
    for (std::size_t at = text.find("{}"); at != std::string::npos; at = text.find("{}")) {
      text.replace(at, 2, seconds);
    }
    if (random.chance(50)) text += " having length(note) >= 0";
    const PayRule simple(text);
    const PayRule general(text + " except \"none\" where amount < 0");
    cep::Limits limits;
    if (random.chance(60)) {
      limits.runs_per_key_max = static_cast<std::uint32_t>(9 + random.below(60));
    }
    if (random.chance(30)) limits.events_per_key_max = 9 + random.below(60);
    if (random.chance(50)) limits.bytes_per_key_max = 1'000 + random.below(9'000);
    limits.busy_key_runs = UINT32_MAX;
    if (random.chance(50)) limits.ordered_runs_min = 1;
    std::vector<std::string> lines[2];
    std::vector<Pay> pays(200);
    std::int64_t ms = 0;
    const bool is_rare = random.chance(50);
    for (Pay& pay : pays) {
      ms += static_cast<std::int64_t>(random.below(4)) * 500;
      pay = {ms, static_cast<std::int64_t>(random.below(is_rare ? 200 : 9)) % 9,
             static_cast<std::int64_t>(random.below(3)),
             std::string(random.chance(3) ? 1'500 : random.below(60), 'n')};
      if (is_rare && pay.amount > 5 && !random.chance(10)) pay.amount = 1;
    }
    for (const bool is_general : {false, true}) {
      const cep::Program program = (is_general ? general : simple).compiled(limits);
      cep::Engine engine(program, 1);
      std::vector<cep::Alert> alerts;
      for (std::size_t i = 0; i < pays.size(); ++i) {
        give(engine, program.plan(), i + 1, pays[i], alerts);
      }
      for (int step = 1; step <= 100; ++step) {  // all is over and swept
        const std::int64_t us = (ms + step * std::int64_t{1'000'000}) * 1'000;
        engine.advance(cep::Batch(program.plan()), cep::EventTime{us}, alerts);
      }
      lines[is_general ? 1 : 0] = alert_lines(program.plan(), alerts);
      lost += engine.stats().runs_lost;
      CHECK(engine.stats().runs == 0);
    }
    CAPTURE(text);
    REQUIRE(lines[0] == lines[1]);
    alerts_seen += lines[0].size();
  });
  CHECK(alerts_seen > 100);
  CHECK(lost > 100);
}
}  // namespace tocsin::tests
