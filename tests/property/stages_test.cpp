// A program as a job of stages gives the alerts of the engine, byte for byte: for any number of
// parts of each stage, any order in which blocks and watermarks arrive, and any pieces of work.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/data/reference_data.h"
#include "cep/engine/engine.h"
#include "cep/plan/feature.h"
#include "cep/plan/operator_graph.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/stage/spread.h"
#include "tests/support/engine_run.h"
#include "tests/support/language_constructs.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_levels.h"
#include "tests/support/random_pack.h"
#include "tests/support/random_plan.h"
#include "tests/support/random_rich.h"
#include "tests/support/shrink.h"
#include "tests/support/stage_cases.h"
#include "tests/support/stage_job.h"

namespace tocsin::tests {
namespace {
struct Tally {
  std::map<std::string, std::size_t> cases;
  std::map<std::string, std::size_t> constructs;  // of cases that are spread and have alerts
  std::size_t of(const std::string& what) const {
    const auto found = cases.find(what);
    return found == cases.end() ? 0 : found->second;
  }
};

// What differs; empty where nothing does.
std::string problem_of(const Case& c, const cep::Limits& limits, std::size_t failures,
                       const std::optional<DataChange>& change, std::uint64_t seed,
                       Tally* tally = nullptr) {
  const auto plan = std::make_shared<const cep::Plan>(c.plan);
  const auto whole = cep::compile(plan, limits);
  if (!whole) return "compile: " + whole.error().message;
  const auto split = cep::compile_by_pass(plan, limits);
  if (!split) return "by pass: " + split.error().message;
  const bool can_be_spread = cep::spread_obstacles(*split).empty();
  if (tally != nullptr) ++tally->cases[can_be_spread ? "spread" : "not spread"];
  if (!can_be_spread) return {};
  const std::vector<std::string> expected = engine_lines(*whole, c.events, {change, {}, {}});
  StageJob job(*split, c.events, failures, {change, {}}, Random(seed));
  const std::vector<std::string> got = alert_lines(c.plan, job.run());
  if (!job.problem().empty()) return job.problem();
  if (tally != nullptr) {
    if (!expected.empty()) ++tally->cases["alerting"];
    const bool matters = change && expected != engine_lines(*whole, c.events, {});
    if (matters) ++tally->cases["data that changes alerts"];
    if (matters && change->is_of_tables) ++tally->cases["tables that change alerts"];
    if (split->impl().pass_count > 1) ++tally->cases["several passes"];
    if (job.counts().exchanged > 0) ++tally->cases["exchange between passes"];
    if (job.counts().restored > 0) ++tally->cases["restored"];
    if (job.counts().waiting > 0) ++tally->cases["restored with waiting rows"];
    for (const cep::Rule& rule : c.plan.rules) {
      if (expected.empty()) continue;
      for (const std::string& name : language_constructs(c.plan, rule)) ++tally->constructs[name];
      for (const std::string& name : circumstances_of(c.plan, rule)) ++tally->constructs[name];
    }
    for (const cep::SpreadPlan::Pass& pass : cep::spread_plan(*split).passes) {
      if (pass.has_hold) ++tally->cases["holds"];
    }
  }
  return difference(expected, got);
}

// Each has to come up.
constexpr const char* kCovered[] = {"alert NAME",
                                    "any alert",
                                    "at most",
                                    "computed field",
                                    "feature",
                                    "feature of alerts",
                                    "feature under another key",
                                    "feature by an argument",
                                    "for each",
                                    "list of values",
                                    "no X for D",
                                    "no key",
                                    "once per D",
                                    "once per VAR",
                                    "once while",
                                    "roles",
                                    "session",
                                    "tumbling",
                                    "two parts",
                                    "unless alerted by",
                                    "unique"};

void compare_jobs(const char* suite, std::size_t cases_max, std::size_t failures) {
  Tally tally;
  const std::size_t cases = for_all_seeds(suite, cases_max, [&](Random& random) {
    const Case c = random_job(random);
    const cep::Limits limits = random.chance(30) ? often_exceeded(random) : kRarelyExceeded;
    const std::optional<DataChange> change = random_data_change(random, c);
    const std::uint64_t seed = random.next();
    const std::string problem = problem_of(c, limits, failures, change, seed, &tally);
    if (problem.empty()) return;
    const Case small = shrink(c, [&](const Case& smaller) {
      return !problem_of(smaller, limits, failures, change, seed).empty();
    });
    FAIL(fmt::format("{}\n{}\n{}", problem_of(small, limits, failures, change, seed),
                     cep::describe(small.plan), events_text(small.plan, small.events)));
  });
  std::string what;
  for (const auto& [name, count] : tally.cases) what += fmt::format(", {} {}", count, name);
  std::string constructs;
  for (const char* const name : kCovered) {
    constructs += fmt::format(", {} {}", name, tally.constructs[name]);
  }
  MESSAGE(cases << " cases" << what << "; with alerts" << constructs);
  if (cases < 400) return;
  CHECK(2 * tally.of("spread") > cases);
  CHECK(100 * tally.of("data that changes alerts") > cases);
  CHECK(tally.of("tables that change alerts") > 0);
  CHECK(4 * tally.of("exchange between passes") > cases);
  for (const char* const name : kCovered) {
    INFO(name);
    CHECK(tally.constructs[name] > 0);
  }
  CHECK((failures == 0 || 5 * tally.of("restored") > cases));
}
}  // namespace

TEST_CASE("stages: a job gives the alerts of the engine") { compare_jobs("STAGES", 400, 0); }
TEST_CASE("stages: a job that goes on from cuts, in other parts, gives the alerts of the engine") {
  compare_jobs("STAGES", 400, 3);
}
}  // namespace tocsin::tests
