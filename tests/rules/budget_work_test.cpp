// Keys near their budgets, of whose partial matches any may end, not the oldest alone: what they
// hold from event to event (cep/record/held_places.h) drops what a count of all of them drops, and
// takes less work.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/batch.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/record/budget.h"
#include "tests/rules/pay_rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
// `anew`: the engine goes on from its state as bytes before each event, and so counts anew.
std::vector<std::string> alerts_of(const cep::Program& program, const std::vector<Pay>& pays,
                                   bool anew) {
  cep::Engine engine(program, 1);
  engine.track_changes();
  std::vector<cep::Alert> alerts;
  for (std::size_t i = 0; i < pays.size(); ++i) {
    if (anew) {
      auto restored = restored_engine(program, i, whole_snapshot(engine));
      REQUIRE(restored.has_value());
      engine = std::move(*restored);
    }
    give(engine, program.plan(), i + 1, pays[i], alerts);
  }
  engine.advance(cep::Batch(program.plan()), cep::kEventTimeMax, alerts);
  return alert_lines(program.plan(), alerts);
}

const std::string kForms[] = {
    "when pay as a where amount > 0 then 1+ next pay then first pay where amount = a.ends\n"
    "within 40s",
    "when pay as a then 1+ pay then first pay where amount = a.ends within 20s",
    "when pay as a then pay then 2+ next pay then first pay where amount >= a.ends within 1m\n"
    "after match skip past last",
    "when 2 pay as a where amount > 1 then 1+ next pay then first pay where amount = a.first.ends",
    "when pay as a then 1+ next pay then first pay where amount = a.ends then no pay where\n"
    "amount = 0 for 3s within 40s",
    "when pay as a then 1+ next pay where amount != a.ends then next pay where amount = 0\n"
    "within 40s",
    "when pay as a then pay where amount != a.ends then 1+ next pay where amount != a.ends\n"
    "then next pay where amount = 0 within 40s",
    "when pay as a then next pay where amount != a.ends then 1+ next pay where amount != a.ends\n"
    "then next pay where amount = 0 within 40s",
    "when pay as a then next pay where amount != a.ends then 2+ pay where amount != a.ends\n"
    "then first pay where amount = a.ends within 40s",
    "when pay as a then pay as b then no pay where amount = a.ends within 9s",
    "when pay as a then pay where amount = a.ends within 9s after match no skip in order",
    "when pay as a then 1+ pay where amount > 3 then pay where amount = a.ends within 9s\n"
    "after match no skip in order",
    "when pay as a where amount > 1 then pay as b where amount != a.ends then pay where\n"
    "amount = a.ends within 20s after match consume in order",
    "when pay as a then 1+ next pay then first pay where amount = a.ends then no pay where\n"
    "amount = 0 for 3s within 40s after match skip to next in order",
};
}  // namespace

TEST_CASE("budget work: what is dropped is what a count of all partial matches drops") {
  std::size_t exceeded = 0;
  for_all_seeds("budget_work", 300, [&](Random& random) {
    std::string clauses = kForms[random.below(std::size(kForms))];
    if (random.chance(40)) clauses += " except \"none\" where amount < 0";
    if (random.chance(50)) clauses += "\nhaving length(note) >= 0";
    CAPTURE(clauses);
    cep::Limits limits;
    if (random.chance(60)) limits.events_per_key_max = random.below(30) + 3;
    if (random.chance(60)) limits.bytes_per_key_max = 100 * (random.below(80) + 3);
    const cep::Program program = PayRule(clauses).compiled(limits);
    const std::int64_t most = random.between(3, 12);
    std::vector<Pay> pays;
    std::int64_t ms = 0;
    for (int i = 0; i < 90; ++i) {
      ms += random.chance(20) ? 0 : random.between(100, 1'500);
      pays.push_back({ms, random.between(0, most), random.between(0, most),
                      std::string(random.below(60), 'n')});
    }
    const std::vector<std::string> wanted = alerts_of(program, pays, true);
    exceeded += static_cast<std::size_t>(std::ranges::count_if(
        wanted, [](const auto& line) { return line.find(cep::kBudgetRule) != std::string::npos; }));
    REQUIRE(alerts_of(program, pays, false) == wanted);
  });
  MESSAGE(exceeded << " budgets exceeded");
  CHECK(exceeded > (is_quick() ? 10 : 100));
}

// Conditions on two events take steps by the length of their texts, what reads the later one alone
// takes none: it may be known already.
TEST_CASE("budget work: steps that texts take are the same after any restart, in any order") {
  static constexpr const char* kConditions[] = {
      "similarity(note, a.note) > 0.98",
      "note contains a.note",
      "(lower(note) contains \"mn\" or a.note contains note)",
      "amount = a.amount and lower(a.note) = note",
      "similarity(lower(note), a.note) > 0.9 and amount = a.amount",
  };
  static constexpr const char* kSelections[] = {"",
                                                "after match no skip",
                                                "after match consume",
                                                "after match skip to next in order",
                                                "after match no skip in order",
                                                "once per 3s for each a.id"};
  std::size_t exceeded = 0;
  for_all_seeds("budget_texts", 300, [&](Random& random) {
    const std::string condition = random.pick({"pay", "1+ pay", "first pay"});
    std::string clauses =
        fmt::format("when pay as a where amount > 1 then {} where {}{} within 40s {}", condition,
                    kConditions[random.below(std::size(kConditions))],
                    random.chance(40) ? " then pay where amount = a.ends" : "",
                    kSelections[random.below(std::size(kSelections))]);
    if (random.chance(30)) {
      clauses += random.pick({" having similarity(a.note, \"nnnnmnnnn\") > 0.1",
                              " having lower(a.note) contains \"n\""});
    }
    CAPTURE(clauses);
    cep::Limits limits;
    limits.steps_per_event_max = random.between(30, 300);
    limits.ordered_runs_min = 1;
    const PayRule rule(clauses);
    const cep::Program program = rule.compiled(limits);
    limits.ordered_runs_min = UINT32_MAX;
    const cep::Program all = rule.compiled(limits);
    const std::uint64_t longest = random.pick({40U, 300U, 1'200U});
    std::vector<Pay> pays;
    std::int64_t ms = 0;
    for (int i = 0; i < 60; ++i) {
      ms += random.chance(20) ? 0 : random.between(100, 1'500);
      std::string note(random.below(longest), 'n');
      if (!note.empty() && random.chance(50)) note[random.below(note.size())] = 'm';
      pays.push_back({ms, random.between(0, 5), random.between(0, 5), std::move(note)});
    }
    const std::vector<std::string> wanted = alerts_of(program, pays, true);
    exceeded += static_cast<std::size_t>(std::ranges::count_if(wanted, [](const auto& line) {
      return line.find("steps_per_event") != std::string::npos;
    }));
    REQUIRE(alerts_of(program, pays, false) == wanted);
    REQUIRE(alerts_of(all, pays, false) == wanted);
  });
  CHECK(exceeded > (is_quick() ? 2 : 60));
}

// As the key's own budget does: what waits in order need not wait for another event of the key.
TEST_CASE("budget work: what a group's budget drops gives what waited for it, at that event") {
  cep::Limits limits;
  limits.runs_per_group_max = 8;
  const cep::Program program =
      PayRule("when pay as a then pay where amount = a.ends within 1d after match no skip in order")
          .compiled(limits);
  cep::Engine engine(program, 1);
  std::vector<cep::Alert> alerts;
  std::uint64_t number = 0;
  const auto pay = [&](std::int64_t amount, std::int64_t ends) {
    ++number;
    give(engine, program.plan(), number,
         {static_cast<std::int64_t>(number) * 1'000, amount, ends, "n"}, alerts);
  };
  pay(0, 1'000);
  pay(0, 5);
  pay(5, 1'000);  // for the second, while the first is alive
  for (int i = 0; i < 5; ++i) pay(0, 1'000);
  CHECK(alerts.empty());
  CHECK(engine.stats().runs == 8);
  pay(0, 1'000);
  std::vector<std::string> given;
  for (const cep::Alert& alert : alerts) {
    if (!alert.budget)
      given.push_back(fmt::format("{}-{}", alert.events[0].id, alert.events[1].id));
  }
  CHECK(given == std::vector<std::string>{"2-3"});
  CHECK(engine.stats().runs == 7);
}

TEST_CASE("budget work: a key near its budget is seldom counted anew" * doctest::skip(is_quick())) {
  const std::string begin =
      "when pay as a then 1+ next pay where amount != a.ends then next pay where amount = 5_000\n"
      "within 1d";
  const std::string except = " except \"none\" where amount < 0";
  // Each payment makes complete matches, which wait as long as the first payment may have more.
  const std::string waits =
      "when pay as a then pay where amount > 900 then pay where amount > 990 within 1d\n"
      "after match no skip in order";
  constexpr std::uint64_t kEvents = 2'000;
  constexpr std::uint64_t kBudget = 1'000'000;
  for (const std::string& clauses : {begin, begin + except, waits + except}) {
    CAPTURE(clauses);
    cep::Limits limits;
    limits.bytes_per_key_max = kBudget;
    const cep::Program program = PayRule(clauses).compiled(limits);
    cep::Engine engine(program, 1);
    std::vector<cep::Alert> alerts;
    Random random(1);
    for (std::uint64_t i = 0; i < kEvents; ++i) {
      give(engine, program.plan(), i + 1,
           {static_cast<std::int64_t>(i) * 1'000, random.between(0, 999), random.between(0, 999),
            "n"},
           alerts);
    }
    const cep::EngineStats stats = engine.stats();
    MESSAGE(stats.budget_work << " places counted, " << stats.runs_lost << " lost");
    CHECK(stats.runs_lost > 500);
    CHECK(stats.runs > 100);
    // One count goes through nearly as many places as the budget holds.
    CHECK(stats.budget_work < kEvents * (kBudget / cep::kPlaceBytes) / 10);
  }
}
}  // namespace tocsin::tests
