// Patterns whose automata would be too large if each transition led to one step: chains of optional
// steps, and `all of` with many members.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/compile/make_pattern.h"
#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/letters.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::Element;
using cep::Group;
using cep::GroupForm;

constexpr std::string_view kLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-";

// `all of` these steps, then `after`, which may be empty.
cep::Plan all_of_plan(const std::vector<std::string>& members, std::string_view after,
                      std::int64_t within_ms) {
  std::string text = fmt::format("{}", fmt::join(members, "; "));
  if (!after.empty()) text += fmt::format("; {}", after);
  cep::Plan plan = letters_plan(text, within_ms);
  std::vector<Element>& pattern = plan.rules[0].pattern;
  const auto end = pattern.begin() + static_cast<std::ptrdiff_t>(members.size());
  Group group;
  group.form = GroupForm::kAllOf;
  group.children.assign(pattern.begin(), end);
  pattern.erase(pattern.begin(), end);
  pattern.insert(pattern.begin(), Element(std::move(group)));
  return plan;
}
std::vector<std::string> letters_of(std::size_t count) {
  std::vector<std::string> letters;
  for (std::size_t i = 0; i < count; ++i) letters.emplace_back(1, kLetters[i]);
  return letters;
}

struct Run {
  std::vector<cep::Alert> alerts;
  std::size_t most_runs = 0;
  std::uint64_t lost = 0;
};
Run run(const cep::Plan& plan, std::string_view letters) {
  cep::Limits limits;
  limits.steps_per_event_max = 10'000'000;  // 64 members of many first events
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan), limits);
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  cep::Engine engine(*program, 1);
  Run run;
  for (const oracle::PlacedEvent& event : oracle::place_events(plan, letters_events(letters), {})) {
    cep::Batch batch(plan);
    std::vector<cep::Value> fields;
    for (const cep::OwnedValue& value : event.fields) fields.push_back(value.view());
    batch.append(plan, event.type, event.engine_time, event.ts,
                 {0, static_cast<std::uint32_t>(event.arrival)}, fields);
    engine.advance(batch, event.engine_time, run.alerts);
    run.most_runs = std::max<std::size_t>(run.most_runs, engine.stats().runs);
  }
  run.lost = engine.stats().runs_lost;
  return run;
}

std::vector<std::string> matches_of(const cep::Plan& plan, const std::vector<cep::Alert>& alerts) {
  std::vector<std::string> matches;
  for (const cep::Alert& alert : alerts) matches.push_back(letters_match(plan.rules[0], alert));
  return matches;
}

std::string random_letters(Random& random, std::size_t kinds, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += fmt::format("{}{}{}", i > 0 ? " " : "", kLetters[random.below(kinds)], i);
  }
  return text;
}
}  // namespace

TEST_CASE("wide patterns: optional steps are as many transitions as steps") {
  for (const std::size_t count : {50U, 500U, 900U}) {
    CAPTURE(count);
    std::string pattern = "a";
    for (std::size_t i = 0; i < count; ++i) pattern += "; any b?";
    const cep::Plan plan = letters_plan(pattern + "; any c", 0);
    const cep::PatternProgram made = cep::make_pattern(plan.rules[0], {});
    CHECK(made.transitions.size() <= count + 3);
    CHECK(made.fan_targets.size() <= count + 2);
    CHECK(cep::compile(std::make_shared<const cep::Plan>(plan), {}).has_value());
  }
}

TEST_CASE("wide patterns: optional steps in a row match as the oracle says") {
  const std::size_t cases = for_all_seeds("WIDE", 12, [](Random& random) {
    const std::size_t count = 50;
    std::string pattern = "a";
    for (std::size_t i = 0; i < count; ++i) pattern += fmt::format("; any {}?", kLetters[i % 9]);
    if (random.chance(70)) pattern += "; any j";
    const cep::Plan plan = letters_plan(pattern, random.chance(50) ? 6 : 0);
    const std::string letters = random_letters(random, 10, 9);
    CAPTURE(letters);
    const auto expected =
        oracle::evaluate(plan, oracle::place_events(plan, letters_events(letters), {}), {});
    if (!expected) return;
    CHECK(matches_of(plan, run(plan, letters).alerts) == matches_of(plan, expected->alerts));
  });
  CHECK(cases > 0);
}

TEST_CASE("wide patterns: `all of` 8 matches as the oracle says, and after it") {
  std::size_t alerts = 0;
  const std::size_t cases = for_all_seeds("WIDE", 12, [&](Random& random) {
    std::vector<std::string> members = letters_of(8);
    for (std::string& member : members) {
      if (random.chance(10)) member = "ab";
      if (random.chance(15)) member += "?";
    }
    const cep::Plan plan =
        all_of_plan(members, random.chance(50) ? "any i" : "", random.chance(30) ? 11 : 0);
    const std::string letters = random_letters(random, 9, 13);
    CAPTURE(letters);
    CAPTURE(fmt::format("{}", fmt::join(members, " ")));
    oracle::Options options;
    options.work_max = 500'000;
    const auto expected =
        oracle::evaluate(plan, oracle::place_events(plan, letters_events(letters), {}), options);
    if (!expected) return;
    alerts += expected->alerts.size();
    const Run found = run(plan, letters);
    CHECK(matches_of(plan, found.alerts) == matches_of(plan, expected->alerts));
  });
  CHECK(cases > 0);
  CHECK(alerts > 0);
}

// Without `within` the match at an event is that, and the first event of every other member.
TEST_CASE("wide patterns: `all of` 20 and 64 keep a partial match for each member and start") {
  for (const std::size_t count : {20U, 64U}) {
    CAPTURE(count);
    const cep::Plan plan = all_of_plan(letters_of(count), "", 0);
    const std::size_t cases = for_all_seeds("WIDE", 2, [&](Random& random) {
      std::string letters;
      std::string order(kLetters.substr(0, count));
      for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
      const std::size_t repeats = 3 + random.below(3);
      std::vector<char> taken(order.begin(), order.end());
      for (std::size_t i = 0; i < repeats; ++i) {
        taken.insert(taken.begin() + static_cast<std::ptrdiff_t>(random.below(taken.size())),
                     order[random.below(count)]);
      }
      std::map<char, std::size_t> first;
      std::vector<std::string> expected;
      for (std::size_t i = 0; i < taken.size(); ++i) {
        letters += fmt::format("{}{}{}", i > 0 ? " " : "", taken[i], i);
        first.emplace(taken[i], i);
        if (first.size() < count) continue;
        std::vector<std::string> match;
        for (const char letter : kLetters.substr(0, count)) {
          match.push_back(fmt::format("{}", letter == taken[i] ? i : first.at(letter)));
        }
        expected.push_back(fmt::format("{}", fmt::join(match, "|")));
      }
      CAPTURE(letters);
      const Run found = run(plan, letters);
      CHECK(matches_of(plan, found.alerts) == expected);
      CHECK(found.lost == 0);
      CHECK(found.most_runs <= count * taken.size());
    });
    CHECK(cases > 0);
  }
}

TEST_CASE("wide patterns: members that take the same events do not multiply partial matches") {
  const std::vector<std::string> members(12, "a");
  const cep::Plan plan = all_of_plan(members, "any b", 0);
  std::string letters = "a0";
  for (int i = 1; i < 15; ++i) letters += fmt::format(" a{}", i);
  const Run found = run(plan, letters + " b15");
  REQUIRE(found.alerts.size() == 1);
  CHECK(matches_of(plan, found.alerts).front() == "0|1|2|3|4|5|6|7|8|9|10|11|15");
  CHECK(found.most_runs <= 15 * 15);
}

TEST_CASE("wide patterns: `all of` takes 64 steps, and fewer that are loops or groups") {
  std::vector<std::string> members = letters_of(64);
  const auto is_compiled = [&] {
    const cep::Plan plan = all_of_plan(members, "", 10);
    return cep::compile(std::make_shared<const cep::Plan>(plan), {}).has_value();
  };
  CHECK(is_compiled());
  members.emplace_back("ab");
  CHECK_FALSE(is_compiled());
  members.resize(40);
  CHECK(is_compiled());
  members.front() = "a{1,2}";
  CHECK_FALSE(is_compiled());
}

TEST_CASE("wide patterns: a plain sequence of 999 steps and one that is optional compiles") {
  std::string pattern = "a; any b?";
  for (std::size_t i = 0; i < 997; ++i) pattern += "; any b";
  const cep::Plan plan = letters_plan(pattern, 0);
  const cep::PatternProgram made = cep::make_pattern(plan.rules[0], {});
  CHECK(made.transitions.size() <= 1'002);
  CHECK(cep::compile(std::make_shared<const cep::Plan>(plan), {}).has_value());
}
}  // namespace tocsin::tests
