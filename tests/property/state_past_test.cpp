// Rules that take the place of others with what they made of earlier events: from there on they
// alert as if they had been there all the time.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "runtime/node/state_migration.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_merge.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_plan.h"

namespace tocsin::tests {
namespace {
using Fate = cep::RestoreReport::Fate;

struct Seen {
  std::size_t taken_over = 0;
  std::size_t replayed = 0;  // with rules or features that were
  std::size_t compared = 0;  // with all alerts
  std::size_t alerting = 0;
  std::size_t alerting_anew = 0;  // by rules that were replayed
  std::size_t in_rounds = 0;
  std::size_t joined = 0;  // operators of both
};

cep::Program compiled(const cep::Plan& plan, bool general) {
  const auto shared = std::make_shared<const cep::Plan>(plan);
  auto program =
      general ? cep::compile_general(shared, kOutOfReach) : cep::compile(shared, kOutOfReach);
  REQUIRE_MESSAGE(program, program.error().message);
  return *std::move(program);
}

bool holds_back(const cep::Rule& rule) {
  return rule.suppression.kind() != cep::Once::kNone || rule.suppression.at_most.has_value();
}

std::vector<std::string> of_rules(const cep::Plan& plan, const std::vector<cep::Alert>& alerts,
                                  const std::set<std::string>& rules) {
  std::vector<cep::Alert> chosen;
  for (const cep::Alert& alert : alerts) {
    if (rules.contains(plan.rules[alert.rule.value].id)) chosen.push_back(alert);
  }
  std::vector<std::string> lines = alert_lines(plan, chosen);
  return lines;
}

// The alerts of rules whose alerts before do not matter: what a rule held back before is not known
// of one that was replayed, and it may alert once more. Those of rules that stay, at least.
std::set<std::string> rules_to_compare(const cep::Plan& before, const cep::Plan& after,
                                       const std::set<std::string>& replayed, bool& is_whole) {
  is_whole = std::ranges::none_of(after.rules, [&](const cep::Rule& rule) {
    return replayed.contains(rule.id) && holds_back(rule);
  });
  std::set<std::string> rules;
  for (const cep::Rule& rule : after.rules) {
    if (is_whole ||
        std::ranges::find(before.rules, rule.id, &cep::Rule::id) != before.rules.end()) {
      rules.insert(rule.id);
    }
  }
  return rules;
}

std::set<std::string> replayed_of(const cep::RestoreReport& report) {
  std::set<std::string> replayed;
  for (const cep::RestoreReport::Line& line : report.lines) {
    CAPTURE(line.name);
    CHECK((line.fate == Fate::kKept || line.fate == Fate::kReplayed));
    if (line.fate == Fate::kReplayed) replayed.insert(line.name);
  }
  return replayed;
}

void try_one(Random& random, Seen& seen) {
  const cep::Plan plan = random.chance(30) ? random_plan(random) : random_language_plan(random);
  const std::optional<cep::Plan> other =
      merged(plan, random_language_plan(random, &plan), "other_", random.chance(50));
  if (!other) return;
  const bool general = random.chance(30);
  const cep::Program before = compiled(plan, general);
  const cep::Program after = compiled(*other, general);
  const auto events = oracle::place_events(
      plan, random_events(random, plan, {.count_max = 60, .disorder = random.chance(30)}), {});
  if (events.empty()) return;
  const std::vector<EngineStep> steps =
      steps_of(events, cep::kEventTimeMax, {.rows = random.pick<std::size_t>({1, 1, 2, 5})});
  const std::size_t begin = random.below(steps.size());
  const std::size_t end = begin + random.below(steps.size() - begin);
  const std::size_t bytes = random.pick<std::size_t>({1, 20, 100, 1'000, 100'000});

  // The definition: the other rules over all events.
  std::vector<cep::Alert> none;
  cep::Engine whole(after, 0x5eed);
  for (std::size_t i = 0; i < end; ++i) take_step(after, whole, events, steps[i], none);

  cep::Engine last(before, 0x5eed);
  cep::Engine past(after, random.chance(50) ? 0x5eed : 0xfeed);
  cep::Engine to(after, random.chance(50) ? 0x5eed : 0xfeedface);
  for (cep::Engine* const engine : {&last, &past, &to}) engine->track_changes();
  const auto step = [&](std::size_t i) {
    take_step(before, last, events, steps[i], none);
    take_step(after, past, events, steps[i], none);
  };
  for (std::size_t i = 0; i < begin; ++i) step(i);
  runtime::StateMigration migration(last, &past, to);
  for (std::size_t i = begin; i < end; ++i) {
    if (random.chance(80)) REQUIRE(migration.chunk(bytes));
    step(i);
  }
  const std::uint64_t entries = migration.entries();
  const auto report = migration.finish();
  REQUIRE_MESSAGE(report, report.error().message);
  // All at once it is the same, as a replay has it.
  cep::Engine at_once(after, 0x5eed);
  at_once.track_changes();
  REQUIRE(runtime::StateMigration(last, &past, at_once).finish());
  if (whole_snapshot(at_once) != whole_snapshot(to)) {
    FAIL(fmt::format("in chunks it is another state than at once:\n{}", cep::describe(*other)));
  }
  seen.joined += report->joins_states ? 1 : 0;
  const std::set<std::string> replayed = replayed_of(*report);

  std::vector<cep::Alert> expected;
  std::vector<cep::Alert> found;
  for (std::size_t i = end; i < steps.size(); ++i) {
    take_step(after, whole, events, steps[i], expected);
    take_step(after, to, events, steps[i], found);
  }
  bool is_whole = false;
  const std::set<std::string> rules = rules_to_compare(plan, after.plan(), replayed, is_whole);
  const std::vector<std::string> wanted = of_rules(after.plan(), expected, rules);
  if (const auto lines = of_rules(after.plan(), found, rules); lines != wanted) {
    FAIL(fmt::format("taken over from {} to {} of {}\nfound:\n{}\nwanted:\n{}\n{}", begin, end,
                     steps.size(), fmt::join(lines, "\n"), fmt::join(wanted, "\n"),
                     cep::describe(*other)));
  }
  ++seen.taken_over;
  seen.replayed += replayed.empty() ? 0 : 1;
  seen.compared += is_whole ? 1 : 0;
  seen.alerting += wanted.empty() ? 0 : 1;
  if (is_whole && !of_rules(after.plan(), found, replayed).empty()) ++seen.alerting_anew;
  seen.in_rounds += entries > 0 && migration.entries() > entries ? 1 : 0;
}
}  // namespace

TEST_CASE("state of the past: other rules alert as if they had been there all the time") {
  Seen seen;
  const std::size_t cases =
      for_all_seeds("ENGINE_STATE", 300, [&](Random& random) { try_one(random, seen); });
  MESSAGE(seen.taken_over << " taken over, " << seen.replayed << " with what was replayed, "
                          << seen.compared << " compared whole, " << seen.alerting
                          << " with alerts, " << seen.alerting_anew << " of replayed rules, "
                          << seen.in_rounds << " in several rounds, " << seen.joined
                          << " with operators of both");
  if (cases >= 200) {
    CHECK(seen.replayed * 2 > cases);
    CHECK(seen.compared * 4 > cases);
    CHECK(seen.alerting * 5 > cases);
    CHECK(seen.alerting_anew * 20 > cases);
    CHECK(seen.in_rounds * 8 > cases);
    CHECK(seen.joined > 0);
  }
}
}  // namespace tocsin::tests
