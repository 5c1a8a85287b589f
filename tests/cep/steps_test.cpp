// Steps of an event (cep/eval/steps.h): what is given up, and who says so; that no total in an
// alert is silently a part of the truth. tests/cep/budget_test.cpp has it the same for any cut.
#include "cep/eval/steps.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/letters.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::BudgetCause;

// An aggregate over the loop of the first variable, of the field `i`.
cep::ExprPtr of_loop(const cep::Plan& plan, cep::Aggregate aggregate) {
  auto expr = std::make_shared<cep::Expr>();
  expr->op = cep::Op::kAggregate;
  expr->payload = cep::VariableAggregate{cep::VarIndex(0), aggregate};
  expr->type = type_of(cep::TypeKind::kInt);
  if (aggregate != cep::Aggregate::kCount) {
    expr->args.push_back(field_read(*find_field(plan, {cep::EventTypeIndex(0)}, "i")));
  }
  return expr;
}
// One letter a millisecond.
std::vector<oracle::PlacedEvent> events_of(const cep::Plan& plan, const std::string& letters) {
  std::string text;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    text += fmt::format("{}{}{}", i > 0 ? " " : "", letters[i], i + 1);
  }
  return oracle::place_events(plan, letters_events(text), {});
}
struct Ran {
  std::vector<cep::Alert> alerts;  // of the rule
  std::vector<cep::Alert> budget;  // the engine's own
  cep::EngineStats stats;
  std::vector<std::uint64_t> exceeded;
};
Ran run(const cep::Plan& plan, const std::string& letters, const cep::Limits& limits,
        bool general = false) {
  const auto shared = std::make_shared<const cep::Plan>(plan);
  const auto program =
      general ? cep::compile_general(shared, limits) : cep::compile(shared, limits);
  REQUIRE(program.has_value());
  const std::vector<oracle::PlacedEvent> events = events_of(plan, letters);
  cep::Engine engine(*program, 1);
  std::vector<cep::Alert> alerts;
  for (const EngineStep& step : steps_of(events, events.back().engine_time, {50, 1, false})) {
    take_step(*program, engine, events, step, alerts);
  }
  Ran ran;
  for (cep::Alert& alert : alerts) {
    (alert.budget ? ran.budget : ran.alerts).push_back(std::move(alert));
  }
  ran.stats = engine.stats();
  ran.exceeded = engine.steps_exceeded();
  return ran;
}
std::string events_text(const cep::Alert& alert) {
  std::string text;
  for (const cep::BoundEvent& event : alert.events) text += std::string(event.id) + " ";
  return text;
}
}  // namespace

TEST_CASE("steps: a sort that is stable and looks only at the order that there is") {
  for_all_seeds("steps_sort", 200, [](Random& random) {
    std::vector<std::pair<int, int>> numbers;
    for (std::size_t i = random.below(40); i-- > 0;) {
      numbers.emplace_back(random.below(10), static_cast<int>(numbers.size()));
    }
    std::vector<std::pair<int, int>> expected = numbers;
    const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
    std::ranges::stable_sort(expected, before);
    std::vector<std::pair<int, int>> scratch;
    cep::merge_sort(numbers.data(), numbers.data() + numbers.size(), scratch, before);
    CHECK(numbers == expected);
  });
}

TEST_CASE("steps: `no skip` over three steps of one busy key: alerts are bounded at each event" *
          doctest::skip(is_quick())) {
  cep::Plan plan = letters_plan("a; any a; any a", 0);
  plan.rules[0].selection.kind = cep::SelectionKind::kNoSkip;
  for (const bool general : {false, true}) {
    CAPTURE(general);
    const Ran ran = run(plan, std::string(1'000, 'a'), {}, general);
    // A quarter of the steps, 25 for an alert and for each event that it lists.
    CHECK(ran.alerts.size() > 200'000);
    CHECK(ran.alerts.size() <= 250 * 1'000);
    CHECK(ran.stats.matches_truncated > 0);
    std::uint64_t truncated = 0;
    for (const cep::Alert& alert : ran.alerts) truncated += alert.truncated;
    CHECK(truncated == ran.stats.matches_truncated);
    const auto own = std::ranges::find_if(ran.budget, [](const cep::Alert& alert) {
      return alert.budget->cause == BudgetCause::kStepsPerEvent;
    });
    REQUIRE(own != ran.budget.end());
    CHECK(own->severity == cep::Severity::kHigh);
    CHECK(own->budget->limit == 100'000);
    CHECK(own->message.starts_with("letters needed more than 100000 steps at one event"));
    REQUIRE(ran.exceeded.size() == 1);
    CHECK(ran.exceeded[0] > 900);
  }
}

TEST_CASE("steps: where partial matches need too many, the oldest go and the rest stay right") {
  // Pairs of which the second condition reads the first event.
  cep::Plan plan = letters_plan("a; any b", 0);
  plan.rules[0].selection.kind = cep::SelectionKind::kNoSkip;
  const std::string letters = std::string(200, 'a') + "b" + std::string(50, 'a') + "b";
  for (const bool general : {false, true}) {
    CAPTURE(general);
    const Ran all = run(plan, letters, kOutOfReach, general);
    REQUIRE(all.alerts.size() == 200 + 250);
    CHECK(all.budget.empty());
    CHECK(all.exceeded.empty());
    cep::Limits limits = kOutOfReach;
    limits.steps_per_event_max = 400;
    const Ran some = run(plan, letters, limits, general);
    CHECK(some.alerts.size() < all.alerts.size());
    REQUIRE_FALSE(some.alerts.empty());
    CHECK_FALSE(some.budget.empty());
    CHECK(some.stats.runs_lost > 0);
    std::vector<std::string> wanted;
    for (const cep::Alert& alert : all.alerts) wanted.push_back(events_text(alert));
    bool says_so = false;
    for (const cep::Alert& alert : some.alerts) {
      CHECK(std::ranges::count(wanted, events_text(alert)) == 1);
      says_so = says_so || alert.lost_runs > 0;
      CHECK((says_so || alert.truncated > 0));
    }
    // Some of the newest partial matches are there, the oldest are not.
    CHECK(some.alerts.back().events.front().id.size() == 3);
    CHECK(some.alerts.front().events.front().id != all.alerts.front().events.front().id);
  }
}

TEST_CASE("steps: a total that would need too many is left out, and the alert says so") {
  cep::Plan plan = letters_plan("any a{3,}; any b", 1'000'000);
  plan.rules[0].message = {{"", of_loop(plan, cep::Aggregate::kMode)}};
  std::string letters;
  for (int i = 0; i < 8; ++i) letters += std::string(60, 'a') + "b";
  struct Way {
    const char* name;
    bool general;
    std::uint32_t busy_key_runs;
  };
  for (const Way& way :
       {Way{"busy", false, 1}, Way{"runs", false, 1'000'000}, Way{"general", true, 1}}) {
    CAPTURE(std::string(way.name));
    cep::Limits limits = kOutOfReach;
    limits.busy_key_runs = way.busy_key_runs;
    const Ran all = run(plan, letters, limits, way.general);
    REQUIRE(all.alerts.size() == 8);
    limits.steps_per_event_max = 400;
    const Ran some = run(plan, letters, limits, way.general);
    CHECK(some.alerts.size() >= 1);
    CHECK_FALSE(some.budget.empty());
    CHECK(some.stats.runs_lost > 0);
    bool any_lost = false;
    for (const cep::Alert& alert : some.alerts) {
      any_lost = any_lost || alert.lost_runs > 0;
      const auto same = std::ranges::find(all.alerts, alert.ts, &cep::Alert::ts);
      REQUIRE(same != all.alerts.end());
      // Nothing was lost before it: all of it is true.
      if (!any_lost) CHECK(alert.message == same->message);
      if (any_lost && alert.message == same->message) CHECK(alert.lost_runs > 0);
    }
    CHECK(any_lost);
  }
}
}  // namespace tocsin::tests
