// The engine against the oracle on random plans and streams.
#include "cep/engine/engine.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "tests/support/constructs.h"
#include "tests/support/engine_run.h"
#include "tests/support/language_constructs.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_merge.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_levels.h"
#include "tests/support/random_plan.h"
#include "tests/support/shrink.h"

namespace tocsin::tests {
namespace {
constexpr Cut kCuts[] = {{1, 0x5eed, false}, {7, 0xfeedface, true}, {10'000, 0x5eed, false}};

std::vector<std::string> lines_of(const cep::Plan& plan, const std::vector<cep::Alert>& alerts) {
  std::vector<std::string> lines = alert_lines(plan, alerts);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const cep::OrderKey& order = alerts[i].order;
    lines[i] += fmt::format(" at {}/{}/{}/{}/{}/{}", order.time.us, static_cast<int>(order.phase),
                            order.arrival.index, order.level, order.rule, order.ordinal);
  }
  return lines;
}

// Sets the events of a case and what the oracle is asked; gives its answer, nothing where that is
// too much work.
std::optional<oracle::Outcome> add_events(Random& random, Case& c, oracle::Options& options) {
  const bool disorder = random.chance(30);
  const std::vector<oracle::Event> events = random_events(random, c.plan, {.disorder = disorder});
  options.work_max = 100'000;
  options.bound = {1'000'000 * random.between(0, 4)};
  options.late = random.chance(50) ? oracle::Late::kClamp : oracle::Late::kSide;
  c.events = oracle::place_events(c.plan, events, options);
  if (random.chance(30)) {
    options.end = events.back().ts + cep::Duration{1'000'000 * random.between(-5, 5)};
  }
  return oracle::evaluate(c.plan, c.events, options);
}

// The ways to compile a plan.
Result<cep::Program> compile_chosen(std::shared_ptr<const cep::Plan> plan,
                                    const cep::Limits& limits) {
  return cep::compile(std::move(plan), limits);
}
struct Way {
  const char* name;
  Result<cep::Program> (*compile)(std::shared_ptr<const cep::Plan>, const cep::Limits&);
  std::uint32_t busy_key_runs = ~std::uint32_t{0};
  bool is_compact = false;  // automata with fans, of whatever size
  std::uint32_t ordered_runs_min = 1;
};
constexpr Way kWays[] = {
    {"", compile_chosen},
    {"busy from the first partial match on, ", compile_chosen, 0},
    {"busy from the second on, ", compile_chosen, 1},
    {"busy from the fourth on, ", compile_chosen, 3},
    {"by the general method, ", cep::compile_general},
    {"by the general method without an order, ", cep::compile_general, ~std::uint32_t{0}, false,
     ~std::uint32_t{0}},
    {"by the index, ", cep::compile_indexed, 1},
    {"compactly, ", cep::compile_general, 1, true},
    {"compactly and by the index, ", cep::compile_indexed, 1, true},
};

// How the engine's alerts differ from the oracle's in some cut; nothing where they agree or the
// case is too large.
std::optional<std::string> difference(const Case& c, const oracle::Options& options) {
  const auto plan = std::make_shared<const cep::Plan>(c.plan);
  const std::optional<oracle::Outcome> outcome = oracle::evaluate(*plan, c.events, options);
  if (!outcome) return std::nullopt;
  const std::vector<std::string> expected = lines_of(*plan, outcome->alerts);
  // Each rule by the method that compile chooses for it, keys being busy ones from different
  // numbers of partial matches on; all by the general one, also with fans; and with all predicates
  // left to the index.
  for (const Way& way : kWays) {
    cep::Limits limits = kOutOfReach;
    limits.busy_key_runs = way.busy_key_runs;
    limits.ordered_runs_min = way.ordered_runs_min;
    if (way.is_compact) limits.enumerated_states_max = 0;
    const auto program = way.compile(plan, limits);
    if (!program) return "compile: " + program.error().message;
    for (const Cut& cut : kCuts) {
      const std::vector<std::string> found =
          lines_of(*plan, run_engine(*program, c.events, options.end, cut));
      if (found == expected) continue;
      const auto [a, b] =
          std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
      return fmt::format(
          "{}in slices of {} rows, of {} alerts by definition the engine gives {}; at {}\n"
          "  oracle: {}\n  engine: {}\n",
          way.name, cut.rows, expected.size(), found.size(), a - expected.begin(),
          a == expected.end() ? "(no more)" : *a, b == found.end() ? "(no more)" : *b);
    }
  }
  return std::nullopt;
}

std::string report(const Case& start, const oracle::Options& options) {
  const Case small =
      shrink(start, [&](const Case& c) { return difference(c, options).has_value(); });
  return fmt::format("{}\n{}\n{}end {}\n", *difference(small, options), cep::describe(small.plan),
                     events_text(small.plan, small.events),
                     options.end == cep::kEventTimeMax ? "of time" : cep::format_time(options.end));
}

struct Tally {
  std::size_t alerting = 0;
  std::size_t alerts = 0;
  std::size_t given_up = 0;
};
// Gives the plan events and compares the engine with the oracle, whose work is bounded; false where
// that was too much.
bool check_case(Random& random, Case& c, Tally& tally) {
  const std::vector<std::string> problems = cep::validate(c.plan);
  REQUIRE_MESSAGE(problems.empty(), fmt::format("{}", fmt::join(problems, "\n")));
  oracle::Options options;
  const std::optional<oracle::Outcome> outcome = add_events(random, c, options);
  if (!outcome) {
    ++tally.given_up;
    return false;
  }
  tally.alerts += outcome->alerts.size();
  if (!outcome->alerts.empty()) ++tally.alerting;
  if (difference(c, options)) FAIL(report(c, options));
  return true;
}
}  // namespace

TEST_CASE("engine: gives the oracle's alerts, in any slices and whatever the hash seed") {
  std::map<std::string, std::size_t> covered;
  for (const std::string& name : expected_constructs()) covered[name] = 0;
  Tally tally;
  const std::size_t cases = for_all_seeds("PROPERTY", 2000, [&](Random& random) {
    Case c;
    c.plan = random_plan(random);
    if (!check_case(random, c, tally)) return;
    for (const std::string& name : constructs_of(c.plan)) ++covered[name];
  });
  MESSAGE(cases << " cases, " << tally.alerting << " with alerts, " << tally.alerts << " alerts, "
                << tally.given_up << " given up as too large");
  std::string counts;
  for (const auto& [name, count] : covered) counts += fmt::format("\n  {:>6}  {}", count, name);
  MESSAGE("constructs by case:" << counts);
  if (cases < 2000) return;
  CHECK(2 * tally.alerting > cases);
  CHECK(100 * tally.given_up < cases);
  for (const auto& construct : covered) {
    CAPTURE(construct.first);
    CHECK(construct.second > 0);
  }
}

TEST_CASE("engine: gives the oracle's alerts for rules of the whole language") {
  Coverage coverage;
  Tally tally;
  const std::size_t cases = for_all_seeds("PROPERTY", 2000, [&](Random& random) {
    Case c;
    c.plan = random_language_plan(random);
    if (check_case(random, c, tally)) coverage.add(c.plan);
  });
  MESSAGE(cases << " cases, " << tally.alerting << " with alerts, " << tally.given_up
                << " given up as too large");
  MESSAGE("constructs by rule:" << coverage.table());
  if (cases < 2000) return;
  CHECK(2 * tally.alerting > cases);
  CHECK(100 * tally.given_up < cases);
  CHECK(fmt::format("{}", fmt::join(coverage.never(), ", ")) == "");
}

TEST_CASE("engine: gives the oracle's alerts where rules read alerts and features wait for rules") {
  Tally tally;
  std::size_t by_row = 0;
  std::size_t several = 0;
  const std::size_t cases = for_all_seeds("PROPERTY", 1000, [&](Random& random) {
    Case c;
    c.plan = random_alert_plan(random);
    if (random.chance(60)) {
      const auto both =
          merged(c.plan, random_alert_plan(random, &c.plan), "other_", random.chance(50));
      if (both) {
        c.plan = *both;
        ++several;
      }
    }
    if (random.chance(30)) give_shares(random, c.plan);
    if (!check_case(random, c, tally)) return;
    const auto program = cep::compile(std::make_shared<const cep::Plan>(c.plan), kOutOfReach);
    if (program->impl().row_by_row) ++by_row;
  });
  MESSAGE(cases << " cases, " << tally.alerting << " with alerts, " << by_row << " row by row, "
                << several << " of two plans, " << tally.given_up << " given up as too large");
  if (cases < 1000) return;
  CHECK(2 * tally.alerting > cases);
  CHECK(4 * by_row > cases);
  CHECK(4 * several > cases);
  CHECK(20 * tally.given_up < cases);
}
}  // namespace tocsin::tests
