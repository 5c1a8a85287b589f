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

std::string difference(const std::vector<std::string>& expected,
                       const std::vector<std::string>& got) {
  if (expected == got) return {};
  const auto [a, b] = std::mismatch(expected.begin(), expected.end(), got.begin(), got.end());
  return fmt::format("of {} alerts {} came; alert {}:\n  engine: {}\n  job:    {}", expected.size(),
                     got.size(), a - expected.begin(), a == expected.end() ? "(no more)" : *a,
                     b == got.end() ? "(no more)" : *b);
}

// The alerts of an engine whose lists change at a time.
std::vector<cep::Alert> alerts_of(const cep::Program& program, const Case& c,
                                  const std::optional<DataChange>& change) {
  if (!change) return run_engine(program, c.events, cep::kEventTimeMax, {.rows = 50});
  const cep::Program own = program.with_own_data();
  cep::Engine engine(own, 1);
  std::vector<cep::Alert> alerts;
  const auto before = static_cast<std::size_t>(std::ranges::count_if(
      c.events, [&](const oracle::PlacedEvent& event) { return event.engine_time < change->at; }));
  take_step(own, engine, c.events, {0, before, {change->at.us - 1}}, alerts);
  change->apply(own.data());
  take_step(own, engine, c.events, {before, c.events.size(), cep::kEventTimeMax}, alerts);
  return alerts;
}

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
  const std::vector<std::string> expected = alert_lines(c.plan, alerts_of(*whole, c, change));
  StageJob job(*split, c.events, failures, change, Random(seed));
  const std::vector<std::string> got = alert_lines(c.plan, job.run());
  if (!job.problem().empty()) return job.problem();
  if (tally != nullptr) {
    if (!expected.empty()) ++tally->cases["alerting"];
    const bool matters = change && expected != alert_lines(c.plan, alerts_of(*whole, c, {}));
    if (matters) ++tally->cases["lists that change alerts"];
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

// More rules have `once` and `at most` in some form, `for each` too.
void hold_back(Random& random, cep::Plan& plan) {
  for (std::size_t rule = 0; rule < plan.rules.size(); ++rule) {
    const cep::Plan before = plan;
    enrich(random, plan, rule,
           {.optional = false,
            .gaps = false,
            .loops = false,
            .no_next = false,
            .groups = false,
            .selection = false,
            .in_order = false,
            .without = false,
            .except = false});
    if (!cep::validate(plan).empty()) plan = before;
  }
}

// A feature leaves out the events at which some rule alerts, which need not read it.
void leave_out_alerts(Random& random, cep::Plan& plan) {
  if (plan.features.empty() || plan.rules.empty()) return;
  const cep::Plan before = plan;
  cep::Feature& feature = plan.features[random.below(plan.features.size())];
  feature.unless_alerted_by = cep::RuleIndex(random.below(plan.rules.size()));
  if (!cep::validate(plan).empty() || !cep::OperatorGraph(plan).cycle().empty()) plan = before;
}

// Values come to a list, or leave it, at the time of some event.
std::optional<DataChange> change_of(Random& random, const Case& c) {
  if (c.plan.lists.empty() || c.events.empty() || random.chance(20)) return std::nullopt;
  DataChange change{c.events[random.below(c.events.size())].engine_time, {}};
  const std::uint64_t seed = random.next();
  change.apply = [seed](cep::ReferenceData& data) {
    Random chosen(seed);
    for (cep::ListProgram& list : data.lists) {
      if (!list.may_change()) continue;
      for (const cep::OwnedValue& value : list.list().values) {
        const auto key = list.key_of(value.view());
        if (key && chosen.chance(50)) list.entries().remove(*key);
      }
      for (const char* const text : {"c1", "c2", "d1", "d2"}) {
        const auto key = list.list().element.kind == cep::TypeKind::kString
                             ? list.key_of(cep::Value::string(text))
                             : std::nullopt;
        if (key && chosen.chance(30)) list.entries().add({*key});
      }
    }
  };
  return change;
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
    Case c;
    c.plan = random.chance(25) ? random_plan(random, {.data = true, .rich_features = true})
                               : random_pack(random);
    if (random.chance(20)) give_shares(random, c.plan);
    if (random.chance(40)) hold_back(random, c.plan);
    if (random.chance(30)) leave_out_alerts(random, c.plan);
    c.events = oracle::place_events(
        c.plan,
        random_events(random, c.plan,
                      {.count_max = 80, .crowds = 10, .disorder = random.chance(30)}),
        {});
    const cep::Limits limits = random.chance(30) ? often_exceeded(random) : kRarelyExceeded;
    const std::optional<DataChange> change = change_of(random, c);
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
  CHECK(100 * tally.of("lists that change alerts") > cases);
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
