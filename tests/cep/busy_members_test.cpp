// Keys with many partial matches of a rule with `all of` (cep/places/members.h): which events are
// chosen, what a budget drops, what is said of a key, and how much it costs.
// tests/property/members_test.cpp holds their matches against the oracle.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/engine/key_report.h"
#include "cep/places/member_choice.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/letters.h"
#include "tests/support/letters_run.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
// `all of` these steps, each "any" and letters.
cep::Plan all_of_plan(const std::vector<std::string>& members, std::int64_t within_ms) {
  cep::Plan plan = letters_plan(fmt::format("any {}", fmt::join(members, "; any ")), within_ms);
  cep::Group group;
  group.form = cep::GroupForm::kAllOf;
  group.children = std::move(plan.rules[0].pattern);
  plan.rules[0].pattern.clear();
  plan.rules[0].pattern.emplace_back(std::move(group));
  return plan;
}

// Whether the events, by the members that they fit, can be given to different members.
bool can_be_given(const std::vector<std::uint64_t>& events, std::size_t at, std::uint64_t taken) {
  if (at == events.size()) return true;
  for (std::uint64_t left = events[at] & ~taken; left != 0; left &= left - 1) {
    if (can_be_given(events, at + 1, taken | (left & -left))) return true;
  }
  return false;
}
}  // namespace

TEST_CASE("member choice: takes an event wherever there is a way, and gives it the least member") {
  for_all_seeds("MEMBERS", 2'000, [](Random& random) {
    const auto count = static_cast<std::uint32_t>(1 + random.below(6));
    cep::MemberChoice choice(count);
    std::vector<std::uint64_t> taken;
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t event = 0; event < 12; ++event) {
      std::uint64_t members = 0;
      for (std::uint32_t i = 0; i < count; ++i) {
        if (random.chance(40)) members |= std::uint64_t{1} << i;
      }
      std::vector<std::uint64_t> with = taken;
      with.push_back(members);
      const bool expected = can_be_given(with, 0, 0);
      REQUIRE(choice.add(event, members) == expected);
      if (!expected) continue;
      taken = with;
      numbers.push_back(event);
    }
    CHECK(choice.size() == taken.size());
    CHECK(choice.is_complete() == (taken.size() == count));
    for (std::uint32_t i = 0; i < count; ++i) {
      std::vector<std::uint64_t> with = taken;
      with.push_back(std::uint64_t{1} << i);
      CHECK((choice.open() >> i & 1) == (can_be_given(with, 0, 0) ? 1 : 0));
    }
    if (!choice.is_complete()) return;
    const std::vector<cep::MemberChoice::Given> given = choice.in_order();
    REQUIRE(given.size() == count);
    std::uint64_t used = 0;
    for (std::size_t i = 0; i < given.size(); ++i) {
      CHECK(given[i].event == numbers[i]);
      std::uint32_t least = 0;
      while ((taken[i] & ~used & std::uint64_t{1} << least) == 0 ||
             !can_be_given(taken, i + 1, used | std::uint64_t{1} << least)) {
        ++least;
      }
      CHECK(given[i].member == least);
      used |= std::uint64_t{1} << least;
    }
  });
}

TEST_CASE("busy members: of events that fit several members the oldest are chosen") {
  cep::Limits limits = kOutOfReach;
  for (const std::uint32_t runs : {0U, 1U, 1'000'000U}) {
    limits.busy_key_runs = runs;
    // By step: the last event counts for whatever the others leave.
    CHECK(run_letters(all_of_plan({"ab", "bc", "ca"}, 100), "aabbc", limits).matches ==
          std::vector<std::string>{"0|2|1", "0|3|1", "0|4|1"});
    CHECK(run_letters(all_of_plan({"a", "ab"}, 3), "abxxb", limits).matches ==
          std::vector<std::string>{"0|1"});
  }
}

TEST_CASE("busy members: a budget drops the oldest, and the next alert says so") {
  const cep::Plan plan = all_of_plan({"a", "b", "c"}, 1'000'000);
  cep::Limits limits;
  limits.events_per_key_max = 100;
  std::string letters;
  for (int i = 0; i < 125; ++i) letters += "ab";
  const LettersRun by_events = run_letters(plan, letters + "c", limits);
  REQUIRE(by_events.alerts.size() == 2);  // one of them the engine's own
  CHECK(by_events.matches == std::vector<std::string>{"150|151|250"});
  const auto of_rule = std::ranges::find_if(
      by_events.alerts, [](const cep::Alert& alert) { return !alert.budget.has_value(); });
  CHECK(of_rule->lost_runs == 150);
  CHECK(by_events.stats.runs_lost == 151);  // the last event is kept too

  limits = {};
  limits.bytes_per_key_max = 5'000;
  const LettersRun by_bytes = run_letters(plan, letters + "c", limits);
  CHECK(by_bytes.alerts.size() == 2);
  CHECK(by_bytes.stats.runs_lost > 50);
  CHECK(by_bytes.stats.runs_lost < 250);
}

TEST_CASE("busy members: a key ceases to be one when its matches are over, or one is selected") {
  cep::Plan plan = all_of_plan({"a", "b", "c"}, 50);
  const std::string many = "abababababababababababababababababababab";
  const LettersRun ran = run_letters(plan, many + std::string(60, 'x') + many + "c", {});
  CHECK(ran.matches == std::vector<std::string>{"100|101|140"});
  CHECK(ran.stats.keys_made_busy == 2);
  plan.rules[0].selection.kind = cep::SelectionKind::kSkipPastLast;
  const LettersRun skipped = run_letters(plan, many + "cc" + many + "c", {});
  CHECK(skipped.matches == std::vector<std::string>{"0|1|40", "42|43|41", "44|45|82"});
  CHECK(skipped.stats.keys_made_busy == 2);
}

TEST_CASE("busy members: what is said of a key names the events and what it waits for") {
  const cep::Plan plan = all_of_plan({"ab", "b", "c", "d"}, 1'000'000);
  cep::Limits limits;
  limits.busy_key_runs = 0;
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan), limits);
  REQUIRE(program.has_value());
  cep::Engine engine(*program, 1);
  const auto events = oracle::place_events(plan, letters_events("a1 b2 b3 c4"), {});
  std::vector<cep::Alert> alerts;
  for (const EngineStep& step : steps_of(events, cep::EventTime{4'000}, {1, 1, false})) {
    take_step(*program, engine, events, step, alerts);
  }
  CHECK(engine.stats().runs == 4);
  const cep::KeyReport report = engine.report({});
  REQUIRE(report.rules.size() == 1);
  std::vector<std::string> said;
  for (const cep::ReportedMatch& match : report.rules[0].matches) {
    said.push_back(fmt::format("{} events from {} on, waits for {}", match.events.size(),
                               match.since.us / 1'000, match.waits_for));
  }
  CHECK(said == std::vector<std::string>{"3 events from 1 on, waits for v3",
                                         "3 events from 2 on, waits for v3",
                                         "2 events from 3 on, waits for v0 or v1 or v3",
                                         "1 events from 4 on, waits for v0 or v1 or v3"});
}

// Partial matches, or work that grows with the square of the events, would take minutes here.
TEST_CASE("busy members: a key with many events is matched in little work") {
  constexpr std::size_t kEvents = 20'000;
  cep::Limits limits = kOutOfReach;
  limits.busy_key_runs = 16;
  const std::string alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-";
  Random random(1);
  for (const std::size_t count : {3U, 12U, 64U}) {
    CAPTURE(count);
    std::vector<std::string> members;
    for (std::size_t i = 0; i + 2 < count; ++i) {
      members.emplace_back(1, alphabet[i]);
      // The letters of others too, so that events have to move between members.
      if (i > 0) members.back() += alphabet[i - 1];
    }
    // Two members that take nothing else, and one event for them until the end.
    members.insert(members.end(), 2, "-");
    std::string letters = "-";
    for (std::size_t i = 0; i < kEvents; ++i) letters += alphabet[random.below(count - 2)];
    const LettersRun ran = run_letters(all_of_plan(members, 1'000'000), letters + "---", limits);
    CHECK(ran.matches.size() == 3);
    CHECK(ran.stats.keys_made_busy == 1);
    CHECK(ran.stats.runs_lost == 0);
    CHECK(ran.bytes_per_event < 300);
  }
}

TEST_CASE("busy members: without `within` a key keeps no more events than there are members") {
  cep::Limits limits = kOutOfReach;
  limits.busy_key_runs = 0;
  const cep::Plan plan = all_of_plan({"ab", "bc", "cd", "e"}, 0);
  std::string letters;
  for (int i = 0; i < 500; ++i) letters += "abcd";
  const LettersRun ran = run_letters(plan, letters + "ee", limits);
  CHECK(ran.matches == std::vector<std::string>{"0|1|2|2000", "0|1|2|2001"});
  CHECK(ran.stats.runs <= 4);
}
}  // namespace tocsin::tests
