// Matching by tables: each row says a pattern, a stream of letters with times in ms, and the
// matches that become alerts, by the arrival index of their events.
#include "cep/engine/engine.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <vector>

#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/letters.h"
#include "tests/support/oracle.h"

namespace tocsin::tests {
namespace {
using cep::SelectionKind;

cep::Program compiled(const cep::Plan& plan, const cep::Limits& limits = {}) {
  Result<cep::Program> program = cep::compile(std::make_shared<const cep::Plan>(plan), limits);
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  return *program;
}

// The alerts over letters, in slices of each size the same.
std::vector<cep::Alert> alerts_of(const cep::Program& program, std::string_view letters,
                                  cep::EventTime end = cep::kEventTimeMax) {
  const std::vector<oracle::PlacedEvent> events =
      oracle::place_events(program.plan(), letters_events(letters), {});
  std::vector<cep::Alert> alerts = run_engine(program, events, end, {1'000, 1, false});
  for (const Cut& cut : {Cut{1, 7, false}, Cut{2, 9, true}, Cut{3, 1, false}}) {
    CAPTURE(cut.rows);
    CHECK(alert_lines(program.plan(), run_engine(program, events, end, cut)) ==
          alert_lines(program.plan(), alerts));
  }
  return alerts;
}

std::string matches_of(const cep::Program& program, std::string_view letters,
                       cep::EventTime end = cep::kEventTimeMax) {
  std::vector<std::string> matches;
  for (const cep::Alert& alert : alerts_of(program, letters, end)) {
    matches.push_back(letters_match(program.plan().rules[0], alert));
  }
  return fmt::format("{}", fmt::join(matches, " "));
}

struct PatternRow {
  const char* name;
  const char* pattern;
  std::int64_t within_ms;
  SelectionKind selection;
  const char* letters;
  const char* matches;
};
}  // namespace

TEST_CASE("engine: patterns give these matches") {
  constexpr SelectionKind kAll = SelectionKind::kNoSkip;
  constexpr SelectionKind kOne = SelectionKind::kDefault;
  constexpr SelectionKind kSkip = SelectionKind::kSkipPastLast;
  const PatternRow rows[] = {
      {"one event", "a", 0, kOne, "a1 b2 a3", "0 2"},
      {"then: any later one", "a; any b", 0, kAll, "a1 b2 b3", "0|1 0|2"},
      {"then first: the first later one", "a; first b", 0, kAll, "a1 c2 b3 b4", "0|2"},
      {"then next: nothing between", "a; next b", 0, kAll, "a1 b2 a3 c4 b5", "0|1"},
      {"then next: equal times follow arrival", "a; next b", 0, kAll, "b1 a1 b1 b1", "1|2"},
      {"each event may begin a match", "a; any b", 0, kAll, "a1 a2 b3", "0|2 1|2"},
      {"an event is bound once", "a; any a", 0, kAll, "a1 a2", "0|1"},
      {"default: one alert for an event, began first", "a; any b", 0, kOne, "a1 a2 b3 b4",
       "0|2 0|3"},
      {"default: the longest", "a; any b{1,}; any c", 0, kOne, "a1 b2 b3 c4", "0|1,2|3"},
      {"within: exactly D is outside", "a; any b", 10, kAll, "a1 b10 b11", "0|1"},
      {"within: of a loop's last event", "a{2}; any b", 10, kAll, "a1 a3 b10 b11", "0,1|2"},
      {"loop: each count is a place to stop", "a; any b{1,}; any c", 0, kAll, "a1 b2 b3 c4",
       "0|1,2|3 0|1|3 0|2|3"},
      {"loop: a first step with `first` takes what fits", "a; first b{1,}; first c", 0, kAll,
       "a1 b2 b3 c4", "0|1,2|3 0|1|3"},
      {"loop: a last one gives each count", "a{2,}", 0, kAll, "a1 a2 a3", "0,1 0,1,2 1,2"},
      {"loop: at its most it stops", "a{1,2}; first b", 0, kAll, "a1 a2 a3 b4",
       "0,1|3 0|3 1,2|3 1|3 2|3"},
      {"loop: next inside", "a{2,}next; first b", 0, kAll, "a1 a2 c3 a4 b5", "0,1|4"},
      {"loop: relaxed inside", "a{2,}; next b", 0, kAll, "a1 c2 a3 b4", "0,2|3"},
      {"absence in the middle", "a; no c; any b", 0, kAll, "a1 b2 c3 b4", "0|1"},
      {"absence in the middle: forbidden and fitting completes", "a; no b; any b", 0, kAll,
       "a1 b2 b3", "0|1"},
      {"absence in the middle: forbidden and fitting kills", "a; no b; any b; any c", 0, kAll,
       "a1 b2 c3", ""},
      {"absence after a loop guards from its last event", "a{2,}; no c; first b", 0, kAll,
       "a1 c2 a3 a4 b5", "0,2,3|4 0,2|4 2,3|4"},
      {"absence after a loop ends only the ways that have left it", "a{2,}; no c; first b", 0, kAll,
       "a1 a2 c3 a4 b5", "0,1,3|4 1,3|4"},
      {"absence after a loop of the same events", "a{2}; no a; first b", 0, kAll, "a1 a2 b3",
       "0,1|2"},
      {"absence at the end", "a; no b for 5", 0, kAll, "a1 a3 b7", "0"},
      {"absence at the end: at the deadline is too late", "a; no b for 5", 0, kAll, "a1 b6", "0"},
      {"absence at the end: before the deadline kills", "a; no b for 5", 0, kAll, "a1 b5", ""},
      {"absence at the end: an equal time, later arrival", "a; no b for 5", 0, kAll, "b1 a1 b1",
       ""},
      {"absence at the end: within does not cut it", "a; any b; no c for 50", 10, kAll, "a1 b5",
       "0|1"},
      {"absence at the end: to the end of within", "a; any b; no c", 10, kAll, "a1 b5 c10", ""},
      {"absence at the end: at the end of within", "a; any b; no c", 10, kAll, "a1 b5 c11", "0|1"},
      {"absence at the end: a loop's counts each wait", "a{1,2}; no c for 5", 0, kAll, "a1 a3 c8",
       "0 0,1 1"},
      {"default: one alert for the events that set one deadline", "a; any b; no c for 5", 0, kOne,
       "a1 a2 b3", "0|2"},
      {"skip past last: what overlaps is dropped", "a; any b", 0, kSkip, "a1 a2 b3 b4 a5 b6",
       "0|2 4|5"},
      {"skip past last: not what began after", "a; first b; no c for 3", 0, kSkip, "a1 b2 a3 b4",
       "0|1 2|3"},
      {"default without within: old starts are as good as new ones", "a; any b; any c", 0, kOne,
       "a1 a2 a3 b4 b5 c6 c7", "0|3|5 0|3|6"},
  };
  for (const PatternRow& row : rows) {
    CAPTURE(row.name);
    cep::Plan plan = letters_plan(row.pattern, row.within_ms);
    plan.rules[0].selection.kind = row.selection;
    CHECK(matches_of(compiled(plan), row.letters) == row.matches);
  }
}

TEST_CASE("engine: an alert says when, in which order and of what") {
  cep::Plan plan = letters_plan("a; any b; no c for 5", 0);
  plan.rules[0].captured = {{cep::EventTypeIndex(0), {cep::FieldIndex(1)}}};
  const std::vector<cep::Alert> alerts = alerts_of(compiled(plan), "a1 b2 b3");
  REQUIRE(alerts.size() == 2);
  const cep::Alert& alert = alerts[0];
  CHECK(alert.ts == cep::EventTime{7'000});
  CHECK(alert.order.phase == cep::Phase::kTimer);
  CHECK(alert.order.arrival == cep::ArrivalNumber{0, 1});  // of the event that set the deadline
  REQUIRE(alert.events.size() == 2);
  CHECK(alert.events[0].as == "v0");
  CHECK(alert.events[1].ts == cep::EventTime{2'000});
  REQUIRE(alert.events[1].fields.size() == 1);
  CHECK(alert.events[1].fields[0].text == "b");
  CHECK(alerts[0].digest != alerts[1].digest);
}

TEST_CASE("engine: once per D holds back up to D and counts") {
  cep::Plan plan = letters_plan("a", 0);
  plan.rules[0].suppression.once = cep::OncePerDuration{10'000};
  const cep::Program program = compiled(plan);
  const std::vector<cep::Alert> alerts = alerts_of(program, "a1 a2 a10 a11 a12 a50");
  REQUIRE(alerts.size() == 3);
  CHECK(letters_match(plan.rules[0], alerts[0]) == "0");
  CHECK(letters_match(plan.rules[0], alerts[1]) == "3");  // exactly D later is not held back
  CHECK(alerts[1].held_back == 2);
  CHECK(letters_match(plan.rules[0], alerts[2]) == "5");  // counted however long ago
  CHECK(alerts[2].held_back == 1);
}

TEST_CASE("engine: timers fire when time reaches them, not before") {
  const cep::Program program = compiled(letters_plan("a; no b for 5", 0));
  CHECK(matches_of(program, "a1", cep::EventTime{5'999}) == "");
  CHECK(matches_of(program, "a1", cep::EventTime{6'000}) == "0");
}

TEST_CASE("engine: a key keeps at most so many runs, and the next alert says what it lost") {
  cep::Plan plan = letters_plan("a; any b", 0);
  plan.rules[0].selection.kind = SelectionKind::kNoSkip;
  const cep::Program program = compiled(plan, {.runs_per_key_max = 2});
  const std::vector<cep::Alert> alerts = alerts_of(program, "a1 a2 a3 a4 b5 b6");
  REQUIRE(alerts.size() == 5);
  CHECK(alerts[0].budget.has_value());  // the engine's own, at a3
  CHECK(alerts[0].ts == cep::EventTime{3'000});
  CHECK(letters_match(plan.rules[0], alerts[1]) == "2|4");  // the oldest went
  CHECK(letters_match(plan.rules[0], alerts[2]) == "3|4");
  CHECK(alerts[1].lost_runs == 2);
  CHECK(alerts[2].lost_runs == 0);
}

TEST_CASE(
    "engine: one event gives at most so many alerts, and the last says how many more there were") {
  cep::Plan plan = letters_plan("a; any b", 0);
  plan.rules[0].selection.kind = SelectionKind::kNoSkip;
  const cep::Program program = compiled(plan, {.matches_per_event_max = 2});
  const std::vector<cep::Alert> alerts = alerts_of(program, "a1 a2 a3 a4 b5");
  REQUIRE(alerts.size() == 2);
  CHECK(alerts[0].truncated == 0);
  CHECK(alerts[1].truncated == 2);
}

TEST_CASE("engine: state goes away as its windows pass") {
  cep::Plan plan = letters_plan("a; any b; no c for 5", 100);
  const cep::Program program = compiled(plan);
  cep::Engine engine(program, 3);
  std::vector<cep::Alert> alerts;
  const std::vector<oracle::PlacedEvent> events =
      oracle::place_events(plan, letters_events("a1 b2 a3"), {});
  cep::Batch batch(plan);
  for (const oracle::PlacedEvent& event : events) {
    std::vector<cep::Value> fields;
    for (const cep::OwnedValue& value : event.fields) fields.push_back(value.view());
    batch.append(plan, event.type, event.engine_time, event.ts,
                 {0, static_cast<std::uint32_t>(event.arrival)}, fields);
  }
  engine.advance(batch, {3'000}, alerts);
  CHECK(engine.stats().keys == 1);
  CHECK(engine.stats().runs == 3);
  CHECK(engine.stats().timers == 1);
  const cep::Batch none(plan);
  engine.advance(none, {50'000},
                 alerts);  // the deadline has passed, the two starts may still go on
  CHECK(alerts.size() == 1);
  CHECK(engine.stats().timers == 0);
  CHECK(engine.stats().runs == 2);
  for (std::int64_t ms = 60; ms <= 300; ms += 10) engine.advance(none, {ms * 1'000}, alerts);
  CHECK(engine.stats().keys == 0);
  CHECK(engine.stats().runs == 0);
  CHECK(alerts.size() == 1);
}

TEST_CASE("engine: many runs and long loops in one record") {
  // Each start collects on its own: runs and nodes outgrow every size class, then all go at once.
  cep::Plan plan = letters_plan("a{2,}; first b", 0);
  plan.rules[0].selection.kind = SelectionKind::kSkipPastLast;
  std::string letters;
  for (int i = 0; i < 300; ++i) letters += fmt::format("a{} ", i);
  letters += "b1000 a1001 a1002 b1003";
  const cep::Program program = compiled(plan);
  const std::vector<cep::Alert> alerts = alerts_of(program, letters);
  REQUIRE(alerts.size() == 2);
  CHECK(alerts[0].events.size() == 301);
  CHECK(alerts[1].events.size() == 3);
}

TEST_CASE("engine: compile refuses what it does not run, and names the rule") {
  struct Row {
    const char* name;
    void (*change)(cep::Rule&);
    const char* message;
  };
  const Row rows[] = {
      {"a great count",
       [](cep::Rule& r) {
         r.pattern[1].repetition()->quantifier.loop = r.variables[1].loop = true;
         r.pattern[1].repetition()->quantifier.max = 1'000'000;
       },
       "rule `letters`: a count of 524287 or more in a step"},
      {"`without … for` and a last absence",
       [](cep::Rule& r) {
         cep::Absence last;
         last.events = r.pattern[1].events();
         last.where = r.pattern[1].where();
         last.absent_for = cep::Duration{1};
         r.pattern.emplace_back(std::move(last));
         r.without = cep::Without{r.pattern[1].events(), nullptr, cep::Duration{1}};
       },
       "rule `letters`: `without … for` with a last absence"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    cep::Plan plan = letters_plan("a; any b", 0);
    row.change(plan.rules[0]);
    const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
    REQUIRE_FALSE(program.has_value());
    CHECK(program.error().message == row.message);
    CHECK(program.error().code == Errc::kInvalidArgument);
  }
  cep::Plan plan = letters_plan("a; any b; any c", 0);
  CHECK_FALSE(cep::compile(std::make_shared<const cep::Plan>(plan), {.states_max = 2}).has_value());
}

TEST_CASE("engine: only columns that something reads are asked for") {
  cep::Plan plan = letters_plan("*", 0);
  CHECK(compiled(plan).used_fields() ==
        std::vector<std::vector<bool>>{{true, false, true}});  // time, identity
  plan = letters_plan("a", 0);
  CHECK(compiled(plan).used_fields() == std::vector<std::vector<bool>>{{true, true, true}});
  plan.event_types.push_back(plan.event_types[0]);
  plan.event_types[1].name = "other";
  CHECK(compiled(plan).used_types() == std::vector<bool>{true, false});
}
}  // namespace tocsin::tests
