// A rule alone, with what it reads, gives the alerts that it gives beside all other rules.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/plan_part.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_merge.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_pack.h"

namespace tocsin::tests {
namespace {
std::vector<std::string> alerts_of(const cep::Plan& plan, cep::RuleIndex rule,
                                   const std::vector<oracle::PlacedEvent>& events) {
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan), kOutOfReach);
  REQUIRE_MESSAGE(program.has_value(), program.error().message);
  std::vector<cep::Alert> alerts = run_engine(*program, events, cep::kEventTimeMax, {});
  std::erase_if(alerts, [&](const cep::Alert& alert) { return alert.rule != rule; });
  return alert_lines(plan, alerts);
}

struct Tally {
  std::size_t parts = 0;
  std::size_t smaller = 0;
  std::size_t of_several_rules = 0;
  std::size_t alerting = 0;
};

void compare(const cep::Plan& plan, const std::vector<oracle::PlacedEvent>& events, Tally& tally) {
  const cep::PlanParts parts(plan);
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    const cep::RuleIndex rule(i);
    const cep::PlanPart part = parts.of(rule);
    const std::vector<std::string> problems = cep::validate(part.plan);
    REQUIRE_MESSAGE(problems.empty(), fmt::format("{}", fmt::join(problems, "\n")));
    CHECK(part.plan.rules[part.rule.value].id == plan.rules[i].id);
    const std::vector<std::string> expected = alerts_of(plan, rule, events);
    const std::vector<std::string> got = alerts_of(part.plan, part.rule, events);
    ++tally.parts;
    tally.alerting += expected.empty() ? 0 : 1;
    tally.smaller += part.plan.rules.size() < plan.rules.size() ? 1 : 0;
    tally.of_several_rules += part.plan.rules.size() > 1 ? 1 : 0;
    if (expected == got) continue;
    const auto [a, b] = std::mismatch(expected.begin(), expected.end(), got.begin(), got.end());
    FAIL(fmt::format("rule {} of\n{}\nalone\n{}\n  beside others: {}\n  alone: {}",
                     plan.rules[i].name, cep::describe(plan), cep::describe(part.plan),
                     a == expected.end() ? "(no more)" : *a, b == got.end() ? "(no more)" : *b));
  }
}
}  // namespace

TEST_CASE("plan part: a rule alone gives the alerts that it gives beside others") {
  Tally tally;
  const std::size_t cases = for_all_seeds("PLAN_PARTS", 150, [&](Random& random) {
    cep::Plan plan = random.chance(50) ? random_pack(random) : random_language_plan(random);
    const auto more = merged(plan, random_language_plan(random, &plan), "more_", random.chance(50));
    if (more) plan = *more;
    const std::vector<oracle::PlacedEvent> events = oracle::place_events(
        plan, random_events(random, plan, {.count_max = 80, .disorder = random.chance(30)}), {});
    compare(plan, events, tally);
  });
  MESSAGE(cases << " cases, " << tally.parts << " rules, " << tally.smaller << " without some, "
                << tally.of_several_rules << " with others, " << tally.alerting << " alert");
  if (cases < 30) return;
  CHECK(2 * tally.smaller > tally.parts);
  CHECK(20 * tally.of_several_rules > tally.parts);
  CHECK(3 * tally.alerting > tally.parts);
}
}  // namespace tocsin::tests
