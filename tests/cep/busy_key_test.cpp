// Keys with many partial matches (cep/places/places.h): what their alerts say of long loops, what a
// budget drops, and how much they hold. tests/property/places_test.cpp holds their matches against
// the oracle.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/queue/distinct_count.h"
#include "cep/queue/range_least.h"
#include "cep/queue/range_sums.h"
#include "tests/support/busy_keys.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/letters.h"
#include "tests/support/letters_run.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
// A rule whose message has the count and the sum of `i` of the loop, the plan's first variable.
cep::Plan loop_plan(const std::string& pattern, std::int64_t within_ms) {
  cep::Plan plan = letters_plan(pattern, within_ms);
  for (const cep::Aggregate aggregate : {cep::Aggregate::kCount, cep::Aggregate::kSum}) {
    auto expr = std::make_shared<cep::Expr>();
    expr->op = cep::Op::kAggregate;
    expr->payload = cep::VariableAggregate{cep::VarIndex(0), aggregate};
    expr->type = type_of(cep::TypeKind::kInt);
    if (aggregate == cep::Aggregate::kSum) {
      expr->args.push_back(field_read(*find_field(plan, {cep::EventTypeIndex(0)}, "i")));
    }
    plan.rules[0].message.push_back({"", expr});
    plan.rules[0].message.push_back({" ", nullptr});
  }
  return plan;
}

}  // namespace

TEST_CASE("range least: the least and the greatest of any range of a queue") {
  Random random(1);
  for (const bool greatest : {false, true}) {
    cep::RangeLeast tree(greatest);
    std::deque<std::optional<cep::Int128>> numbers;
    std::uint64_t begin = 0;
    for (int i = 0; i < 30'000; ++i) {
      const std::size_t what = random.below(10);
      if (what < 6 || numbers.empty()) {
        std::optional<cep::Int128> number;
        if (random.chance(80)) number = random.between(-1'000, 1'000);
        numbers.push_back(number);
        tree.push(number);
      } else if (what < 9 && i > 12'000) {
        numbers.pop_front();
        ++begin;
        tree.pop();
      } else if (what == 9) {
        numbers.pop_back();
        tree.pop_back();
      }
      if (numbers.empty() || i % 20 != 0) continue;
      const std::size_t from = random.below(numbers.size());
      const std::size_t to = from + random.below(numbers.size() - from + 1);
      std::optional<cep::Int128> expected;
      for (std::size_t at = from; at < to; ++at) {
        if (!numbers[at]) continue;
        const bool is_better =
            !expected || (greatest ? *numbers[at] > *expected : *numbers[at] < *expected);
        if (is_better) expected = numbers[at];
      }
      REQUIRE(tree.of(begin + from, begin + to) == expected);
      std::size_t at = from;
      while (at < to && (!expected || numbers[at] != expected)) ++at;
      if (expected) REQUIRE(tree.next(begin + from, begin + to, *expected) == begin + at);
    }
  }
}

TEST_CASE("range sums: the first range of a queue with a large enough sum") {
  Random random(3);
  std::size_t found_some = 0;
  for (const std::uint64_t least : {1, 2, 5}) {
    cep::RangeSums sums(least);
    std::deque<std::int64_t> numbers;
    std::uint64_t begin = 0;
    for (int i = 0; i < 14'000; ++i) {
      const std::size_t what = random.below(10);
      // Full, then nearly empty.
      const bool shrinks = i > 9'000 && i < 13'000;
      if (what < (shrinks ? 3U : 7U) || numbers.empty()) {
        numbers.push_back(random.between(-10, i % 500 < 100 ? 12 : 9));
        sums.push(numbers.back());
      } else if (what < 9 && i > 4'000) {
        numbers.pop_front();
        ++begin;
        sums.pop();
      } else if (what == 9) {
        numbers.pop_back();
        sums.pop_back();
      }
      if (i % (is_quick() ? 200 : 40) != 0) continue;
      const std::size_t from = random.below(numbers.size() + 1);
      const std::size_t to = from + random.below(numbers.size() - from + 1);
      const cep::Int128 bound = random.between(-20, 200);
      const auto is_enough = [&](cep::Int128 sum) { return sum >= bound; };
      const auto sum_of = [&](std::size_t first, std::size_t end) {
        return std::accumulate(numbers.begin() + static_cast<std::ptrdiff_t>(first),
                               numbers.begin() + static_cast<std::ptrdiff_t>(end), std::int64_t{0});
      };
      std::optional<std::uint64_t> up_to;
      std::optional<std::pair<std::uint64_t, std::uint64_t>> first;
      for (std::size_t f = from; f + least <= to && (!up_to || !first); ++f) {
        if (!up_to && is_enough(sum_of(f, to))) up_to = begin + f;
        std::int64_t sum = sum_of(f, f + least - 1);
        std::optional<std::uint64_t> last;
        for (std::size_t end = f + least; end <= to; ++end) {
          sum += numbers[end - 1];
          if (is_enough(sum)) last = end;
        }
        if (!first && last) first = {begin + f, begin + *last};
      }
      CHECK(sums.first_up_to(begin + from, begin + to, is_enough) == up_to);
      const auto found = sums.first(begin + from, begin + to, is_enough);
      REQUIRE(found.has_value() == first.has_value());
      if (!found) continue;
      ++found_some;
      CHECK(found->begin == first->first);
      CHECK(found->end == first->second);
    }
  }
  CHECK(found_some > (is_quick() ? 20 : 100));
}

TEST_CASE("distinct count: the different values of any end of a queue") {
  Random random(2);
  cep::DistinctCount counts;
  std::deque<std::optional<std::string>> values;
  std::uint64_t begin = 0;
  for (int i = 0; i < 30'000; ++i) {
    const std::size_t what = random.below(10);
    if (what < 6 || values.empty()) {
      std::optional<std::string> value;
      if (random.chance(90)) value = fmt::format("{}", random.below(i % 3'000 < 1'500 ? 5 : 5'000));
      values.push_back(value);
      counts.push(value);
    } else if (what < 9 && i > 12'000) {
      values.pop_front();
      ++begin;
      counts.pop();
    } else if (what == 9) {
      values.pop_back();
      counts.pop_back();
    }
    if (i % (is_quick() ? 100 : 20) != 0) continue;
    const std::size_t from = random.below(values.size() + 1);
    const std::size_t to = from + random.below(values.size() - from + 1);
    std::set<std::string> expected;
    for (std::size_t at = from; at < values.size(); ++at) {
      if (at == to) REQUIRE(counts.between(begin + from, begin + to) == expected.size());
      if (values[at]) expected.insert(*values[at]);
    }
    REQUIRE(counts.since(begin + from) == expected.size());
    REQUIRE(counts.between(begin + from, begin + values.size()) == expected.size());
  }
}

TEST_CASE(
    "busy keys: an alert of a long loop lists the first and the last events, totals are of all") {
  const cep::Plan plan = loop_plan("any a{3,}; any b", 1'000'000);
  const LettersRun ran = run_letters(plan, std::string(5'000, 'a') + "b", {});
  REQUIRE(ran.alerts.size() == 1);
  const cep::Alert& alert = ran.alerts[0];
  CHECK(alert.message == "5000 12497500 ");
  CHECK(alert.events.size() == 1'000);
  CHECK(alert.events_omitted == 4'001);
  CHECK(alert.events[0].id == "0");
  CHECK(alert.events[499].id == "499");
  CHECK(alert.events[500].id == "4501");
  CHECK(alert.events[999].id == "5000");
  CHECK(alert.lost_runs == 0);
  CHECK(ran.lines[0].find(R"("events_omitted":4001,)") != std::string::npos);
  CHECK(ran.stats.keys_made_busy == 1);
  CHECK(ran.stats.runs_lost == 0);
  CHECK(ran.bytes_per_event < 300);

  // Alerts that list the same events have them once.
  std::string letters = std::string(5'000, 'a') + "b";
  for (int i = 0; i < 20; ++i) letters += "ab";
  const LettersRun again = run_letters(plan, letters, {});
  REQUIRE(again.alerts.size() == 21);
  std::set<const cep::BoundEvent*> different;
  for (const cep::Alert& one : again.alerts) {
    for (const cep::BoundEvent& event : one.events) different.insert(&event);
  }
  CHECK(different.size() < 2'100);
  CHECK(again.lines[0] == ran.lines[0]);
  cep::Limits limits;
  limits.shared_events_min = 10'000;
  CHECK(run_letters(plan, letters, limits).lines == again.lines);

  // The methods agree on what is listed.
  limits = {};
  limits.events_per_alert_max = 7;
  letters = std::string(12, 'a') + "b" + std::string(3, 'a') + "bb";
  const std::vector<std::string> listed = run_letters(plan, letters, limits).lines;
  CHECK(listed.size() == 3);
  limits.busy_key_runs = 0;
  CHECK(run_letters(plan, letters, limits).lines == listed);
  const auto general = cep::compile_general(std::make_shared<const cep::Plan>(plan), limits);
  REQUIRE(general.has_value());
}

TEST_CASE("busy keys: a budget drops the oldest, and the next alert says so") {
  const cep::Plan plan = loop_plan("any a{3,}; any b", 1'000'000);
  cep::Limits limits;
  limits.events_per_key_max = 100;
  const LettersRun by_events = run_letters(plan, std::string(250, 'a') + "b", limits);
  REQUIRE(by_events.alerts.size() == 2);  // one of them the engine's own
  const auto of_rule = std::ranges::find_if(
      by_events.alerts, [](const cep::Alert& alert) { return !alert.budget.has_value(); });
  REQUIRE(of_rule != by_events.alerts.end());
  CHECK(of_rule->message == "100 19950 ");
  CHECK(of_rule->lost_runs == 150);
  CHECK(by_events.stats.runs_lost == 150);

  limits = {};
  limits.bytes_per_key_max = 20'000;
  const LettersRun by_bytes = run_letters(plan, std::string(1'000, 'a') + "b", limits);
  REQUIRE(by_bytes.alerts.size() == 2);
  CHECK(by_bytes.stats.runs_lost > 500);
  CHECK(by_bytes.stats.runs_lost < 1'000);
}

TEST_CASE("busy keys: `until` ends the loops of all that began before it") {
  const cep::Plan plan = loop_plan("any a{3,} until x; any b", 1'000'000);
  const std::string letters =
      std::string(3'000, 'a') + "xb" + std::string(1'000, 'a') + "b" + std::string(40, 'a') + "xb";
  const LettersRun ran = run_letters(plan, letters, {});
  REQUIRE(ran.alerts.size() == 3);
  // The oldest first event decides, and its loop is over.
  for (const cep::Alert& alert : ran.alerts) {
    CHECK(alert.message == "3000 4498500 ");
    CHECK(alert.events.size() == 1'000);
    CHECK(alert.events_omitted == 2'001);
    CHECK(alert.lost_runs == 0);
  }
  CHECK(ran.stats.keys_made_busy == 1);
  CHECK(ran.stats.runs_lost == 0);
  CHECK(ran.bytes_per_event < 350);

  // At the end of the pattern; the partial matches before it agree on what is listed.
  cep::Plan last = loop_plan("any a; any b{2,} until x", 1'000'000);
  last.rules[0].message.clear();
  for (const std::uint32_t runs : {0U, 16U, UINT32_MAX}) {
    cep::Limits limits;
    limits.busy_key_runs = runs;
    limits.events_per_alert_max = 4;
    const LettersRun found = run_letters(last, std::string(20, 'a') + "bxbbbxbb", limits);
    const std::vector<std::string> expected = {"0|22,23", "0|22,23,24", "0|26,27"};
    CHECK(found.matches == expected);
  }
}

// An exception by the number of a match's last event, which is that of a variable.
void add_exception(cep::Plan& plan, std::size_t var) {
  const auto number = *find_field(plan, {cep::EventTypeIndex(0)}, "i");
  plan.rules[0].exceptions.push_back(
      {"",
       condition(cep::Op::kGreater, {bound_read(cep::VarIndex(var), number), int_literal(1'000)}),
       std::nullopt});
}

// A key of the plan is busy with twenty matches that have begun; then the rule is that of
// `changed`, and goes on from the same state, of which so many are left.
std::vector<cep::Alert> go_on(const cep::Plan& plan, const cep::Plan& changed,
                              std::uint64_t are_left) {
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan), cep::Limits{});
  const auto other = cep::compile(std::make_shared<const cep::Plan>(changed), cep::Limits{});
  REQUIRE(program.has_value());
  REQUIRE(other.has_value());
  std::string letters;
  for (int i = 0; i < 44; ++i)
    letters += fmt::format("{}{}", i > 0 ? " " : "", i % 22 < 20 ? 'a' : 'b') + std::to_string(i);
  const auto events = oracle::place_events(plan, letters_events(letters), {});
  cep::Engine engine(*program, 1);
  engine.track_changes();
  std::vector<cep::Alert> alerts;
  const std::vector<EngineStep> steps = steps_of(events, cep::kEventTimeMax, {1, 1});
  for (std::size_t i = 0; i < 20; ++i) take_step(*program, engine, events, steps[i], alerts);
  CHECK(engine.stats().keys_made_busy == 1);
  Result<cep::Engine> again = restored_engine(*other, 2, whole_snapshot(engine));
  REQUIRE(again.has_value());
  CHECK(again->stats().runs == are_left);
  for (std::size_t i = 20; i < 44; ++i) take_step(*other, *again, events, steps[i], alerts);
  return alerts;
}

TEST_CASE("busy keys: a clause that needs partial matches loses those of places") {
  cep::Plan plan = loop_plan("any a{2,} until x; any b", 1'000'000);
  add_exception(plan, 1);
  cep::Plan changed = plan;
  changed.rules[0].suppression.once = cep::OncePerVariable{cep::VarIndex(1)};
  const std::vector<cep::Alert> alerts = go_on(plan, changed, 0);
  REQUIRE(alerts.size() == 2);
  CHECK(alerts[0].message == "20 630 ");
  CHECK(alerts[0].lost_runs == 20);
  CHECK(alerts[1].lost_runs == 0);
}

TEST_CASE("busy keys: a clause that asks of the last event loses none") {
  for (const cep::Plan& plan : {loop_plan("any a{2,} until x; any b", 1'000'000),
                                letters_plan("any a; any x?; any b", 1'000'000)}) {
    cep::Plan changed = plan;
    changed.rules[0].suppression.at_most = cep::AtMost{100, cep::Duration{1'000'000}};
    const std::vector<cep::Alert> alerts = go_on(plan, changed, 20);
    REQUIRE(alerts.size() == 4);
    CHECK(alerts[0].events.front().id == "0");
    for (const cep::Alert& alert : alerts) CHECK(alert.lost_runs == 0);
  }
}

TEST_CASE("busy keys: of several loops between the first event and the last the longest counts") {
  cep::Plan plan = letters_plan("any a; any b{1,} until x; any c", 1'000'000);
  for (const std::uint32_t runs : {0U, 16U}) {
    cep::Limits limits;
    limits.busy_key_runs = runs;
    const auto matches = [&](const std::string& letters) {
      return run_letters(plan, letters, limits).matches;
    };
    CHECK(matches("abxbbbxbbc") == std::vector<std::string>{"0|3,4,5|9"});
    CHECK(matches("abbxbbxbc") == std::vector<std::string>{"0|1,2|8"});
    CHECK(matches("bbbabxbbc") == std::vector<std::string>{"3|6,7|8"});
    CHECK(matches("abxbcbbc") == std::vector<std::string>{"0|1|4", "0|3,5,6|7"});
  }
}

TEST_CASE("busy keys: a greedy loop takes all that fits it") {
  const cep::Plan plan = loop_plan("any a{2,}greedy; any ab", 1'000'000);
  const LettersRun ran = run_letters(plan, std::string(1'000, 'a') + "bab", {});
  REQUIRE(ran.alerts.size() == 2);
  CHECK(ran.alerts[0].message == "1000 499500 ");
  CHECK(ran.alerts[1].message == "1001 500501 ");
  CHECK(ran.stats.keys_made_busy == 1);
}

TEST_CASE("busy keys: a long loop with `until` makes its key a busy one") {
  const cep::Plan plan = loop_plan("any a{3,} until x; first b", 1'000'000);
  const LettersRun ran = run_letters(plan, "a" + std::string(15, 'c') + "aab", {});
  CHECK(ran.stats.keys_made_busy == 0);
  const cep::Plan last = loop_plan("first a; next b{2,} until x", 1'000'000);
  CHECK(run_letters(last, "a" + std::string(300, 'b'), {}).stats.keys_made_busy == 1);
}

TEST_CASE("busy keys: two loops keep the totals of all events, without `within` too") {
  cep::Plan plan = loop_plan("any a{2,}; any b{2,}; any c", 0);
  const std::string letters = std::string(3'000, 'a') + "bab" + std::string(2'000, 'b') + "c";
  const LettersRun ran = run_letters(plan, letters, {});
  REQUIRE(ran.alerts.size() == 1);
  // The second loop begins with the first b: the last a would cost the b before it.
  CHECK(ran.alerts[0].message == "3000 4498500 ");
  CHECK(ran.alerts[0].events.size() == 1'000);
  CHECK(ran.alerts[0].events_omitted == 3'000 + 2'002 + 1 - 1'000);
  CHECK(ran.stats.keys_made_busy == 1);
  CHECK(ran.stats.runs_lost == 0);
}

TEST_CASE("busy keys: a key ceases to be one when its matches are over") {
  const cep::Plan plan = loop_plan("any a{3,}; any b", 50);
  const LettersRun ran = run_letters(
      plan, std::string(40, 'a') + std::string(60, 'c') + std::string(40, 'a') + "b", {});
  REQUIRE(ran.alerts.size() == 1);
  CHECK(ran.alerts[0].message == "40 4780 ");
  CHECK(ran.stats.keys_made_busy == 2);
}

// Work that grows with the square of the events would take minutes here.
TEST_CASE("busy keys: long loops that take the same events are matched in little work" *
          doctest::skip(is_quick())) {
  constexpr std::size_t kEvents = 20'000;
  cep::Limits limits = kOutOfReach;
  limits.busy_key_runs = 16;
  limits.events_per_alert_max = 10;
  for (const std::string pattern :
       {"any a{2,}; any a{3,}", "any a{2,}; any a{3,}; any h", "any a{2,}; any a; any a{3,}; any h",
        "any a{2,}; any a; any a; any a{3,}; any h", "any a{2,}; any a{3,}; any a{2,}; any h",
        "any a{2,}; any a{3,}; any a{2,}; any a{1,}; any h",
        "any a{2,}; any a{3,}; any a; any a{2,}"}) {
    CAPTURE(pattern);
    cep::Plan plan = loop_plan(pattern, 0);
    plan.rules[0].within.reset();
    std::string letters(kEvents, 'a');
    const bool ends = pattern.ends_with("h");
    if (ends) letters += 'h';
    // All steps but the first take as few events as they may, since earlier steps come first.
    std::size_t others = 0;
    for (const std::string& step : split(pattern, "; ")) {
      const std::size_t at = step.find('{');
      others += at == std::string::npos ? (step == "any h" ? 0 : 1)
                                        : static_cast<std::size_t>(step[at + 1] - '0');
    }
    const std::size_t count = kEvents - (others - 2);
    const LettersRun ran = run_letters(plan, letters, limits);
    CHECK(ran.stats.runs_lost == 0);
    CHECK(ran.stats.keys_made_busy == 1);
    if (ends) {
      REQUIRE(ran.lines.size() == 1);
      CHECK(ran.lines[0].find(fmt::format("{} {}", count, count * (count - 1) / 2)) !=
            std::string::npos);
    } else {
      CHECK(ran.lines.size() > 1'000);
    }
  }
}

// Work that grows with the square of the events would take minutes here.
TEST_CASE("busy keys: loops with `until` or `greedy` are matched in little work" *
          doctest::skip(is_quick())) {
  constexpr std::size_t kEvents = 20'000;
  cep::Limits limits = kOutOfReach;
  limits.busy_key_runs = 16;
  limits.events_per_alert_max = 10;
  for (const std::string pattern :
       {"any a{3,} until x; any h", "any a{3,} until x; first b; any h",
        "any ab{2,} until x; no c; any h", "any a{1,} until x; any b; any b; any h",
        "any ab; any a{3,} until x", "any a; first b; any a{3,} until x",
        "any b; any ab{2,} until x; any h", "any b; any ab{2,} until x; any x; any h",
        "any a{3,}greedy; any h", "any a{2,3}greedy; first b; any h",
        "any b; any ab{2,}greedy; first h"}) {
    for (const bool skips : {false, true}) {
      CAPTURE(pattern);
      cep::Plan plan = loop_plan(pattern, 100'000'000);
      if (skips) plan.rules[0].selection.kind = cep::SelectionKind::kSkipPastLast;
      std::string letters;
      for (std::size_t i = 0; i < kEvents; ++i) {
        letters += i % 1'000 == 999 ? 'x' : i % 100 == 98 ? 'h' : "aab"[i % 3];
      }
      const LettersRun ran = run_letters(plan, letters, limits);
      CHECK(ran.alerts.size() >= (skips ? 10 : 100));
      CHECK(ran.stats.runs_lost == 0);
      if (!skips) CHECK(ran.stats.keys_made_busy >= 1);
      // What an event looks at does not grow: few partial matches, before the key is a busy one.
      CHECK(ran.stats.runs_visited < 40 * kEvents);
      if (!skips) CHECK(ran.stats.runs_visited < 1'000);
    }
  }
}
}  // namespace tocsin::tests
