// Keys with many partial matches of a rule with optional steps or groups (cep/places/paths.h): what
// a budget drops, how much they hold, and that work does not grow. tests/property/paths_test.cpp
// holds their matches against the oracle.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>

#include "cep/compile/pattern_program.h"
#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/letters.h"
#include "tests/support/letters_run.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
// `choices` elements from `begin` on are alternatives.
cep::Plan paths_plan(const std::string& pattern, std::int64_t within_ms, std::size_t begin = 0,
                     std::size_t choices = 0) {
  cep::Plan plan = letters_plan(pattern, within_ms);
  if (choices > 0) make_group(plan.rules[0].pattern, begin, choices, cep::GroupForm::kOneOf);
  return plan;
}

std::string matches_of(const cep::Plan& plan, const LettersRun& ran) {
  std::string text;
  for (const cep::Alert& alert : ran.alerts) {
    text += (text.empty() ? "" : " ") + letters_match(plan.rules[0], alert);
  }
  return text;
}

// How many places a rule's paths have; 0: it is matched by partial matches.
std::size_t places_of(const cep::Plan& plan) {
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan), cep::Limits{});
  REQUIRE(program.has_value());
  const cep::RuleProgram& rule = program->impl().rules[0];
  REQUIRE(rule.pattern != nullptr);
  return rule.pattern->is_by_paths ? rule.pattern->paths->places.size() : 0;
}
}  // namespace

TEST_CASE(
    "paths: alternatives that are reached alike are one place, an optional step parts paths") {
  CHECK(places_of(paths_plan("any a; any b; any c", 9, 0, 2)) == 2);
  CHECK(places_of(paths_plan("any a; any b; any c; any d", 9, 1, 2)) == 3);
  // Each waits for its own first event.
  CHECK(places_of(paths_plan("any a; first b; any c; any d", 9, 1, 2)) == 5);
  CHECK(places_of(paths_plan("any a; any b?; any c", 9)) == 4);
  CHECK(places_of(paths_plan("any a; any b?; any b?; any c", 9)) == 8);
  CHECK(places_of(paths_plan("any a; any b?; any b?; any b?; any b?; any b?; any c", 9)) == 64);
  // Too many.
  CHECK(places_of(paths_plan("any a; any b?; any b?; any b?; any b?; any b?; any b?; any c", 9)) ==
        0);
  // Partial matches with the same future are one.
  CHECK(places_of(paths_plan("any a; any b?; any c", 0)) == 0);
}

TEST_CASE("paths: the oldest start decides, then the longest match, then the earliest events") {
  cep::Limits limits;
  limits.busy_key_runs = 0;
  const auto found = [&](const std::string& pattern, const std::string& letters) {
    const cep::Plan plan = paths_plan(pattern, 100);
    return matches_of(plan, run_letters(plan, letters, limits));
  };
  CHECK(found("any a; any b?; any c", "abc") == "0|1|2");
  CHECK(found("any a; any b?; any c", "bac") == "1||2");
  CHECK(found("any a; any b?; any c", "aabbc") == "0|2|4");
  // The older first event has no b behind it that is not forbidden.
  CHECK(found("any a; no x; any b?; any c", "axabc") == "2|3|4");
  CHECK(found("any a; any bc?; any bc?; any d", "abcd") == "0|1|2|3");
  CHECK(found("any a; any b?; any bc?; any d", "abd") == "0|1||2");
  CHECK(found("any a; any b?", "aab") == "0| 1| 0|2");
}

TEST_CASE("paths: a budget drops the oldest, and the next alert says so") {
  const cep::Plan plan = paths_plan("any a; any b; any c", 1'000'000, 0, 2);
  cep::Limits limits;
  limits.events_per_key_max = 100;
  const LettersRun by_events = run_letters(plan, std::string(250, 'a') + "c", limits);
  REQUIRE(by_events.alerts.size() == 2);  // one of them the engine's own
  const auto of_rule = std::ranges::find_if(
      by_events.alerts, [](const cep::Alert& alert) { return !alert.budget.has_value(); });
  REQUIRE(of_rule != by_events.alerts.end());
  CHECK(of_rule->events[0].id == "150");
  CHECK(of_rule->lost_runs == 150);
  CHECK(by_events.stats.runs_lost == 150);

  limits = {};
  limits.bytes_per_key_max = 20'000;
  const LettersRun by_bytes = run_letters(plan, std::string(1'000, 'a') + "c", limits);
  REQUIRE(by_bytes.alerts.size() == 2);
  CHECK(by_bytes.stats.runs_lost > 400);
  CHECK(by_bytes.stats.runs_lost < 1'000);
}

TEST_CASE("paths: a key ceases to be busy when its matches are over") {
  const cep::Plan plan = paths_plan("any a; any b?; any d", 50);
  const LettersRun ran = run_letters(
      plan, std::string(40, 'a') + std::string(60, 'c') + std::string(40, 'a') + "d", {});
  REQUIRE(ran.alerts.size() == 1);
  CHECK(ran.alerts[0].events[0].id == "100");
  CHECK(ran.stats.keys_made_busy == 2);
  CHECK(ran.stats.runs == 0);
}

// Work that grows with the square of the events would take minutes here.
TEST_CASE("paths: many events of one key are matched in little work and memory" *
          doctest::skip(is_quick())) {
  constexpr std::size_t kEvents = 20'000;
  cep::Limits limits = kOutOfReach;
  limits.busy_key_runs = 16;
  struct Row {
    cep::Plan plan;
    std::size_t alerts;
    std::size_t bytes;
  };
  const std::string letters = [] {
    std::string text;
    for (std::size_t i = 0; i < kEvents; ++i) text += "abcd"[(i * 7 + i / 3) % 4];
    return text + "h";
  }();
  const Row rows[] = {
      {paths_plan("any ab; any c; any h", 1'000'000, 0, 2), 1, 220},
      {paths_plan("any ab; any c; any abc; any h", 1'000'000, 0, 2), 1, 300},
      {paths_plan("any ab; any b?; any h", 1'000'000), 1, 300},
      {paths_plan("any ab; no x; first b?; any c?; any h", 1'000'000), 1, 500},
      {paths_plan("any abc; any abc?; any abc?; any h", 1'000'000), 1, 500},
  };
  for (const Row& row : rows) {
    CAPTURE(cep::describe(row.plan));
    const LettersRun ran = run_letters(row.plan, letters, limits);
    CHECK(ran.alerts.size() == row.alerts);
    CHECK(ran.stats.runs_lost == 0);
    CHECK(ran.stats.keys_made_busy == 1);
    CHECK(ran.bytes_per_event < row.bytes);
  }
}
}  // namespace tocsin::tests
