// Busy keys of rules with `all of` (cep/places/members.h), beside the oracle: from the first
// partial match on, from some on, and with a restore at any event.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/letters.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
std::string letter_set(Random& random) {
  std::string set;
  for (const char letter : {'a', 'b', 'c', 'd', 'e'}) {
    if (random.chance(35)) set += letter;
  }
  return set.empty() ? std::string(1, "abcde"[random.below(5)]) : set;
}

// How many steps each element has; more than one: an `all of`.
std::vector<std::size_t> random_groups(Random& random) {
  if (random.chance(50)) return {2 + random.below(4)};
  std::vector<std::size_t> groups;
  for (std::size_t i = random.below(3); i > 0; --i) groups.push_back(1);
  groups.push_back(2 + random.below(2));
  for (std::size_t i = random.below(3); i > 0; --i) {
    groups.push_back(random.chance(20) ? 2 : 1);
  }
  return groups;
}

struct MembersCase {
  cep::Plan plan;
  std::string pattern;
  std::string letters;
  std::vector<oracle::PlacedEvent> events;
};

MembersCase random_case(Random& random) {
  MembersCase c;
  const std::vector<std::size_t> groups = random_groups(random);
  std::size_t count = 0;
  for (const std::size_t size : groups) {
    for (std::size_t i = 0; i < size; ++i, ++count) {
      c.pattern += fmt::format("{}any {}", count > 0 ? "; " : "", letter_set(random));
    }
  }
  c.plan = letters_plan(c.pattern, random.between(4, 30));
  c.pattern += fmt::format(" in groups of {}", fmt::join(groups, ", "));
  cep::Rule& rule = c.plan.rules[0];
  std::vector<cep::Element> steps = std::move(rule.pattern);
  rule.pattern.clear();
  std::size_t at = 0;
  for (const std::size_t size : groups) {
    if (size == 1) {
      rule.pattern.push_back(std::move(steps[at++]));
      continue;
    }
    cep::Group group;
    group.form = cep::GroupForm::kAllOf;
    for (std::size_t i = 0; i < size; ++i) group.children.push_back(std::move(steps[at++]));
    rule.pattern.emplace_back(std::move(group));
  }
  if (random.chance(25)) rule.within.reset();
  if (random.chance(30)) rule.selection.kind = cep::SelectionKind::kSkipPastLast;
  if (random.chance(15)) {
    rule.suppression.once = cep::OncePerDuration{cep::Duration{1000 * random.between(1, 6)}};
  }
  if (random.chance(15)) {
    rule.having = condition(cep::Op::kGreaterEqual,
                            {field_read(*find_field(c.plan, {cep::EventTypeIndex(0)}, "i")),
                             int_literal(random.between(3, 12))});
  }
  std::int64_t time = 0;
  const std::size_t events = 8 + random.below(12);
  for (std::size_t i = 0; i < events; ++i) {
    time += random.between(0, 3);
    c.letters += fmt::format("{}{}{}", i > 0 ? " " : "", "abcde"[random.below(5)], time);
  }
  c.events = oracle::place_events(c.plan, letters_events(c.letters), {});
  return c;
}

std::string shown(const MembersCase& c, const std::vector<std::string>& expected,
                  const std::vector<std::string>& found) {
  const std::optional<cep::Duration> within = c.plan.rules[0].within;
  return fmt::format("{} within {} ms, selection {}\n{}\noracle:\n{}\nengine:\n{}", c.pattern,
                     within ? within->us / 1000 : -1,
                     static_cast<int>(c.plan.rules[0].selection.kind), c.letters,
                     fmt::join(expected, "\n"), fmt::join(found, "\n"));
}
}  // namespace

TEST_CASE("engine: gives the oracle's alerts for busy keys of `all of`, also behind a restore") {
  std::size_t alerting = 0;
  std::size_t skipped = 0;
  std::size_t busy = 0;
  const std::size_t cases = for_all_seeds("PROPERTY", 1500, [&](Random& random) {
    const MembersCase c = random_case(random);
    if (!cep::validate(c.plan).empty()) {
      ++skipped;
      return;
    }
    oracle::Options options;
    options.work_max = 300'000;
    const auto outcome = oracle::evaluate(c.plan, c.events, options);
    if (!outcome) {
      ++skipped;
      return;
    }
    const std::vector<std::string> expected = alert_lines(c.plan, outcome->alerts);
    if (!expected.empty()) ++alerting;
    const auto plan = std::make_shared<const cep::Plan>(c.plan);
    for (const std::uint32_t runs : {0U, 1U, 2U, 4U}) {
      cep::Limits limits = kOutOfReach;
      limits.busy_key_runs = runs;
      limits.enumerated_states_max = random.chance(50) ? 1 : 1'000;
      const auto program = cep::compile(plan, limits);
      REQUIRE(program.has_value());
      const RestoredRun run = run_restored(*program, c.events, random);
      busy += run.made_busy;
      const std::vector<std::string> found = alert_lines(c.plan, run.alerts);
      REQUIRE_MESSAGE(found == expected,
                      "busy from " << runs << ", " << run.cut << ": " << shown(c, expected, found));
    }
  });
  MESSAGE(cases << " cases, " << skipped << " of them skipped, " << alerting << " with alerts, "
                << busy << " keys made busy");
  CHECK(3 * alerting > cases);
  CHECK(10 * skipped < cases);
  CHECK(busy > cases);
}
}  // namespace tocsin::tests
