// What the oracle decides beyond matching: order, selection, `once`, deadlines, lateness, features.
#include "tests/support/oracle.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cep/data/alert.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "tests/support/letters.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
namespace {
using cep::SelectionKind;

// Each alert as "time in ms: match", and " +n" for n held back before it.
std::string alerts_text(const cep::Plan& plan, const std::string& events,
                        const oracle::Options& options = {}) {
  const auto outcome =
      oracle::evaluate(plan, oracle::place_events(plan, letters_events(events), options), options);
  REQUIRE(outcome.has_value());
  std::string text;
  for (const cep::Alert& alert : outcome->alerts) {
    if (!text.empty()) text += " / ";
    text += fmt::format("{}: {}", alert.ts.us / 1000, letters_match(plan.rules[0], alert));
    if (alert.held_back > 0) text += fmt::format(" +{}", alert.held_back);
    if (alert.late_us > 0) text += fmt::format(" late {}", alert.late_us / 1000);
  }
  return text;
}
}  // namespace

// Long because it is one table of cases.
TEST_CASE("oracle: selection, order and suppression") {
  struct Row {
    const char* name;
    const char* pattern;
    std::int64_t within_ms;
    SelectionKind selection;
    std::int64_t once_ms;
    const char* events;
    const char* alerts;
  };
  constexpr auto kDefault = SelectionKind::kDefault;
  constexpr auto kAll = SelectionKind::kNoSkip;
  constexpr auto kPast = SelectionKind::kSkipPastLast;
  constexpr Row kRows[] = {
      {"one alert for an event: began first", "a; any b", 0, kDefault, 0, "a1 a2 b3 b4",
       "3: 0|2 / 4: 0|3"},
      {"then the longest", "a{1,}each; first b", 0, kDefault, 0, "a1 a2 a3 b4", "4: 0,1,2|3"},
      {"then the least positions", "a; any c; any b", 0, kDefault, 0, "a1 c2 c3 b4", "4: 0|1|3"},
      {"all, in that order", "a{1,}each; first b", 0, kAll, 0, "a1 a2 a3 b4",
       "4: 0,1,2|3 / 4: 0,1|3 / 4: 0,2|3 / 4: 0|3 / 4: 1,2|3 / 4: 1|3 / 4: 2|3"},
      {"equal events: the least steps", "a{1,}; next a{1,}", 0, kAll, 0, "a1 a2 a3",
       "2: 0|1 / 3: 0,1|2 / 3: 0|1,2 / 3: 1|2"},
      {"nothing is consumed", "a; any a", 0, kDefault, 0, "a1 a2 a3", "2: 0|1 / 3: 0|2"},
      {"skip past last: no two overlap", "a; any a", 0, kPast, 0, "a1 a2 a3 a4 a5",
       "2: 0|1 / 4: 2|3"},
      {"skip past last: the completing event begins nothing", "a; any ab", 0, kPast, 0,
       "a1 a2 b3 a4 b5", "2: 0|1 / 5: 3|4"},
      {"skip past last: what began later stays", "a; first b; first c", 0, kPast, 0,
       "a1 b2 c3 a4 b5 c6", "3: 0|1|2 / 6: 3|4|5"},
      {"once: half open, and counted", "a", 0, kDefault, 5, "a1 a3 a5 a6 a10 a11",
       "1: 0 / 6: 3 +2 / 11: 5 +1"},
      {"once: one held back for an event by default", "a; any b", 0, kDefault, 5, "a1 a1 b2 b3 b7",
       "2: 0|2 / 7: 0|4 +1"},
      {"once: each is held back with no skip", "a; any b", 0, kAll, 5, "a1 a1 b2 b3 b7",
       "2: 0|2 / 7: 0|4 +3"},
      {"once: what is held back was selected", "a; any b", 0, kPast, 5, "a1 b2 a3 b4 b5 a6 b7",
       "2: 0|1 / 7: 5|6 +1"},
      {"within: an event exactly later is outside", "a; any b", 3, kDefault, 0, "a1 b4 a5 b7",
       "7: 2|3"},
      {"last absence: given at its deadline", "a; no b for 3", 0, kDefault, 0, "a1 c9", "4: 0"},
      {"last absence: an event at the deadline comes after it", "a; no b for 3", 0, kDefault, 0,
       "a1 b4", "4: 0"},
      {"last absence: an event before it forbids", "a; no b for 3", 0, kDefault, 0, "a1 b3", ""},
      {"last absence: not an earlier one at the same time", "a; no b for 3", 0, kDefault, 0,
       "b1 a1", "4: 1"},
      {"last absence: but a later one at the same time", "a; no b for 3", 0, kDefault, 0, "a1 b1",
       ""},
      {"last absence: one alert for each event that set the deadline", "a; no b for 3", 0, kDefault,
       0, "a1 a1 a2", "4: 0 / 4: 1 / 5: 2"},
      {"last absence: all that it set together, the first", "a; any c; no b for 3", 0, kDefault, 0,
       "a1 a2 c3", "6: 0|2"},
      {"last absence: it is not cut by within", "a; any c; no b for 3", 3, kDefault, 0, "a1 c3 b6",
       "6: 0|1"},
      {"last absence: to the end of within", "a; any c; no b", 5, kDefault, 0, "a1 c3 c4",
       "6: 0|1"},
      {"last absence: every count waits", "a{1,}; no b for 3", 0, kAll, 0, "a1 a2 b5",
       "4: 0 / 5: 0,1 / 5: 1"},
      {"last absence: it guards from the loop's last event", "a{1,}; no b for 3", 0, kAll, 0,
       "a1 b2 a3", "6: 0,2 / 6: 2"},
      {"last absence: a loop of so many events takes them first", "a{2,2}; no a for 3", 0, kAll, 0,
       "a1 a2 c9", "5: 0,1"},
      {"last absence: one more event of the loop begins it again", "a{2,}; no a for 3", 0, kAll, 0,
       "a1 a2 a3 c9", "6: 0,1,2 / 6: 1,2"},
      {"absence after a loop: it ends only the ways that have left it", "a{2,}; no b; any c", 0,
       kAll, 0, "a1 b2 a3 b4 a5 c6", "6: 0,2,4|5 / 6: 2,4|5"},
      {"absence after a loop: `no next` likewise", "a{2,2}; no next a", 0, kAll, 0, "a1 a2 b3 a4",
       "3: 0,1"},
      {"absence before an option: it does not bind the way that passes it by",
       "a{1,}; no c; next b?", 0, kAll, 0, "a1 c2 a3 b4",
       "1: 0| / 3: 0,2| / 3: 2| / 4: 0,2|3 / 4: 2|3"},
      {"skip past last: at a deadline", "a; no b for 3", 0, kPast, 0, "a1 a2 a3",
       "4: 0 / 5: 1 / 6: 2"},
      {"skip past last: waiting ones are dropped", "a; any c; no b for 3", 0, kPast, 0,
       "a1 c2 c3 a6 c7", "5: 0|1 / 10: 3|4"},
      {"an event both forbidden and taken ends the attempt", "a; no c; any bc; any d", 0, kAll, 0,
       "a1 c2 b3 d4", ""},
      {"unless it completes the match", "a; no c; any bc", 0, kAll, 0, "a1 c2 b3", "2: 0|1"},
      {"then next: other events of the key break it", "a; next b", 0, kAll, 0, "a1 c2 b3 a4 b5",
       "5: 3|4"},
  };
  for (const Row& row : kRows) {
    CAPTURE(std::string(row.name));
    cep::Plan plan = letters_plan(row.pattern, row.within_ms);
    plan.rules[0].selection.kind = row.selection;
    if (row.once_ms > 0) {
      plan.rules[0].suppression.once = cep::OncePerDuration{cep::Duration{1000 * row.once_ms}};
    }
    REQUIRE(cep::validate(plan).empty());
    CHECK(alerts_text(plan, row.events) == std::string(row.alerts));
  }
}

TEST_CASE("oracle: late events are set aside or clamped to the watermark") {
  const cep::Plan plan = letters_plan("a; any b", 0);
  oracle::Options options;
  options.bound = cep::Duration{2000};
  // The newest is 5, so the watermark is 3: 3 is on time, 2 is late.
  CHECK(alerts_text(plan, "a1 c5 b3 b2", options) == "3: 0|2");
  CHECK(alerts_text(plan, "a1 c5 b2", options).empty());
  options.late = oracle::Late::kClamp;
  CHECK(alerts_text(plan, "a1 c5 b2", options) == "3: 0|2 late 1");
  // Events of equal engine time keep their order of arrival.
  CHECK(alerts_text(plan, "b3 c5 a2 b1 b3", options) == "3: 2|3 late 2 / 3: 2|4 late 1");
}

TEST_CASE("oracle: time ends where it is told to") {
  const cep::Plan plan = letters_plan("a; no b for 3", 0);
  oracle::Options options;
  options.end = cep::EventTime{4000};
  CHECK(alerts_text(plan, "a1 a2", options) == "4: 0");
  options.end = cep::EventTime{1000};
  CHECK(alerts_text(plan, "a1 a2", options).empty());
}

TEST_CASE("oracle: a loop's own past is not asked of its first event") {
  // 2 letter where i > prev.i and i - first.i < 3
  cep::Plan plan = letters_plan("*{2,2}", 0);
  cep::Rule& rule = plan.rules[0];
  const auto found = find_field(plan, {cep::EventTypeIndex(0)}, "i");
  REQUIRE(found.has_value());
  const auto number = [&](cep::Op op) {
    cep::Expr e;
    e.op = op;
    e.type = found->second;
    if (op == cep::Op::kBound) {
      e.payload = cep::BoundField{cep::VarIndex(0), cep::Which::kFirst, found->first};
    } else {
      e.payload = cep::FieldRead{found->first};
    }
    return std::make_shared<const cep::Expr>(e);
  };
  rule.pattern[0].test()->where = condition(
      cep::Op::kAnd,
      {condition(cep::Op::kGreater, {number(cep::Op::kField), number(cep::Op::kPrev)}),
       condition(cep::Op::kLess, {operation(cep::Op::kSubtract, found->second,
                                            {number(cep::Op::kField), number(cep::Op::kBound)}),
                                  int_literal(3)})});
  rule.selection.kind = SelectionKind::kNoSkip;
  CHECK(alerts_text(plan, "a1 a2 a3") == "2: 0,1 / 3: 1,2");
}

TEST_CASE("oracle: a feature takes the event before rules read it, and its window is half open") {
  cep::Plan plan = letters_plan("*", 0);
  cep::Feature feature;
  feature.name = "letters_3ms";
  feature.type = type_of(cep::TypeKind::kInt);
  feature.events = plan.rules[0].pattern[0].events();
  feature.window.range = cep::LastWindow{cep::Duration{3000}};
  const auto name = find_field(plan, {cep::EventTypeIndex(0)}, "name");
  REQUIRE(name.has_value());
  feature.key.parts = {{"name", name->second, {{cep::EventTypeIndex(0), cep::FieldIndex(1), ""}}}};
  plan.features = {feature};
  auto read = std::make_shared<cep::Expr>();
  read->op = cep::Op::kFeature;
  read->payload = cep::FeatureRead();
  read->type = feature.type;
  plan.rules[0].pattern[0].test()->where =
      condition(cep::Op::kGreaterEqual, {read, int_literal(2)});
  REQUIRE(cep::validate(plan).empty());
  CHECK(alerts_text(plan, "a1 b1 a3 a4 b4 a6 a7") == "3: 2 / 4: 3 / 6: 5 / 7: 6");
}
}  // namespace tocsin::tests
