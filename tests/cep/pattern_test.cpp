// The general matcher by tables: patterns of letters with groups, options, selection and
// suppression; what it keeps in memory; its limits.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/letters.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
namespace {
using cep::Contiguity;
using cep::Element;
using cep::Group;
using cep::GroupForm;
using cep::Rule;
using cep::SelectionKind;

cep::Program compiled(const cep::Plan& plan, const cep::Limits& limits = {}) {
  Result<cep::Program> program = cep::compile(std::make_shared<const cep::Plan>(plan), limits);
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  return *program;
}

std::vector<cep::Alert> alerts_of(const cep::Program& program, std::string_view letters) {
  const std::vector<oracle::PlacedEvent> events =
      oracle::place_events(program.plan(), letters_events(letters), {});
  std::vector<cep::Alert> alerts =
      run_engine(program, events, cep::kEventTimeMax, {1'000, 1, false});
  for (const Cut& cut : {Cut{1, 7, false}, Cut{3, 9, true}}) {
    CHECK(alert_lines(program.plan(), run_engine(program, events, cep::kEventTimeMax, cut)) ==
          alert_lines(program.plan(), alerts));
  }
  return alerts;
}

// Each alert's match, with its time in ms where that is not its last event's.
std::string matches_of(const cep::Plan& plan, std::string_view letters) {
  const cep::Program program = compiled(plan);
  std::vector<std::string> matches;
  for (const cep::Alert& alert : alerts_of(program, letters)) {
    std::string text = letters_match(plan.rules[0], alert);
    if (alert.ts != alert.events.back().ts) text += fmt::format("@{}", alert.ts.us / 1000);
    if (alert.held_back > 0) text += fmt::format("(+{})", alert.held_back);
    matches.push_back(text);
  }
  return fmt::format("{}", fmt::join(matches, " "));
}

// Steps `first` to `last` become one group of the given kind.
Element& group(Rule& rule, std::size_t first, std::size_t last, GroupForm form) {
  Group group;
  group.form = form;
  const Contiguity contiguity = rule.pattern[first].contiguity;
  const auto begin = rule.pattern.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = rule.pattern.begin() + static_cast<std::ptrdiff_t>(last) + 1;
  for (auto element = begin; element != end; ++element) {
    if (form != GroupForm::kOneOf) {
      group.children.push_back(*element);
      continue;
    }
    Group alternative;
    alternative.children.push_back(*element);
    group.children.push_back(alternative);
  }
  const auto place = rule.pattern.erase(begin, end);
  Element& made = *rule.pattern.insert(place, std::move(group));
  made.contiguity = contiguity;
  return made;
}
void repeat(Rule& rule, Element& group, std::uint32_t min, std::optional<std::uint32_t> max,
            cep::LoopMode mode = cep::LoopMode::kRelaxed) {
  group.group()->quantifier = {min, max, mode, false, true};
  for (const Element& child : group.children()) {
    if (child.is_step()) rule.variables[child.var().value].loop = true;
  }
}
cep::ExprPtr bound_name(const cep::Plan& plan, std::size_t var) {
  auto expr = std::make_shared<cep::Expr>();
  expr->op = cep::Op::kBound;
  cep::BoundField bound{cep::VarIndex(var), cep::Which::kOnly, {}};
  std::tie(bound.field, expr->type) = *find_field(plan, {cep::EventTypeIndex(0)}, "name");
  expr->payload = std::move(bound);
  return expr;
}
cep::Duration ms(std::int64_t n) { return {1000 * n}; }

struct Row {
  const char* name;
  const char* pattern;
  std::int64_t within_ms;
  void (*change)(cep::Plan&);
  const char* letters;
  const char* matches;
};
void all(cep::Plan& plan) { plan.rules[0].selection.kind = SelectionKind::kNoSkip; }
void in_order(cep::Plan& plan, SelectionKind kind) {
  plan.rules[0].selection.kind = kind;
  plan.rules[0].selection.in_order = true;
}
}  // namespace

// Long because it is one table of cases.
TEST_CASE("patterns: groups, options and absences give these matches") {
  const Row rows[] = {
      {"an optional step passed by", "a; first b?; first c", 0, all, "a1 b2 c3", "0|1|2 0||2"},
      {"a group of two rounds", "a; first b; first c", 0,
       [](cep::Plan& p) {
         all(p);
         Rule& rule = p.rules[0];
         repeat(rule, group(rule, 1, 2, GroupForm::kSequence), 2, 2);
       },
       "a1 b2 c3 b4 c5 b6 c7", "0|1,3|2,4"},
      {"one of two", "a; first b; first c", 0,
       [](cep::Plan& p) {
         all(p);
         group(p.rules[0], 1, 2, GroupForm::kOneOf);
       },
       "a1 c2 b3", "0||1 0|2|"},
      {"all of two, in any order", "a; any b; any c", 0,
       [](cep::Plan& p) {
         all(p);
         group(p.rules[0], 0, 1, GroupForm::kAllOf);
       },
       "b1 a2 c3", "1|0|2"},
      {"then within D", "a; first b", 0,
       [](cep::Plan& p) {
         all(p);
         p.rules[0].pattern[1].gap = ms(5);
       },
       "a1 b6 a7 b11", "2|3"},
      {"each leaves events out", "a; first b{2,2}each", 0, all, "a1 b2 b3 b4", "0|1,2 0|1,3"},
      {"greedy: only the longest run", "a{1,}; first b", 0,
       [](cep::Plan& p) {
         all(p);
         p.rules[0].pattern[0].repetition()->quantifier.greedy = true;
       },
       "a1 a2 b3", "0,1|2 1|2"},
      {"greedy in all of: passed by before another member, it holds only against that one",
       "a; any b{1,}?; first bc", 0,
       [](cep::Plan& p) {
         all(p);
         p.rules[0].pattern[1].repetition()->quantifier.greedy = true;
         group(p.rules[0], 0, 1, GroupForm::kAllOf);
       },
       "a1 b2 c3", "0||1 0|1|2"},
      {"greedy in all of: after the loop, or where it is passed by, no other member takes its "
       "events",
       "ab; any b{1,}?; first c", 0,
       [](cep::Plan& p) {
         all(p);
         p.rules[0].pattern[1].repetition()->quantifier.greedy = true;
         group(p.rules[0], 0, 1, GroupForm::kAllOf);
       },
       "b1 b2 c3", "0|1|2 1||2"},
      {"no next", "a; no b; first c", 0,
       [](cep::Plan& p) {
         all(p);
         p.rules[0].pattern[1].absence()->next = true;
       },
       "a1 b2 c3 a4 x5 b6 c7", "3|6"},
      {"no next at the end is given with the next event", "a; no b", 0,
       [](cep::Plan& p) {
         all(p);
         p.rules[0].pattern[1].absence()->next = true;
       },
       "a1 b2 a3 c5 a9", "2@5"},
      {"all of: an absence at the end of the last member binds where the optional one was passed "
       "by "
       "before it",
       "a; no b; any d?", 0,
       [](cep::Plan& p) {
         all(p);
         p.rules[0].pattern[1].absence()->next = true;
         Rule& rule = p.rules[0];
         group(rule, 0, 1, GroupForm::kSequence);
         group(rule, 0, 1, GroupForm::kAllOf);
       },
       "a1 c2 a5 b6 a7 d8", "0| 0|@2 2| 4| 0|5 4|5 4|@8"},
      {"all of, and a step after it: each match once", "a; no b; any d?; any c", 0,
       [](cep::Plan& p) {
         all(p);
         Rule& rule = p.rules[0];
         group(rule, 0, 1, GroupForm::kSequence);
         group(rule, 0, 1, GroupForm::kAllOf);
       },
       "a1 c2 a3 b4 c5", "0||1"},
      {"two absences at the end", "a; no b; no c for 10", 0, all, "a1 c2 a3 b4 a5 x6", "4@15"},
      {"without", "a; any b", 0,
       [](cep::Plan& p) {
         all(p);
         p.rules[0].without = cep::Without{p.rules[0].pattern[0].events(), nullptr, std::nullopt};
         p.rules[0].without->where = p.rules[0].pattern[0].where();
       },
       "a1 b2 a3 b4", "0|1 2|3"},
      {"without … for", "a; any b", 0,
       [](cep::Plan& p) {
         p.rules[0].without = cep::Without{p.rules[0].pattern[0].events(), nullptr, ms(10)};
         p.rules[0].without->where = p.rules[0].pattern[0].where();
       },
       "a1 b2 a5 b6 b14 x15", "2|3@15"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    cep::Plan plan = letters_plan(row.pattern, row.within_ms);
    row.change(plan);
    const std::string found = matches_of(plan, row.letters);
    CHECK(found == std::string(row.matches));
  }
}

TEST_CASE("patterns: selection and suppression give these alerts") {
  const Row rows[] = {
      {"default: began first, then longest", "a; any b; any c", 0,
       [](cep::Plan& p) { p.rules[0].pattern[1].repetition()->optional = true; }, "a1 a2 b3 c4",
       "0|2|3"},
      {"prefer latest", "a; any b?; any c", 0,
       [](cep::Plan& p) { p.rules[0].selection.prefer_latest = true; }, "a1 a2 b3 c4", "1|2|3"},
      {"skip to next: one for each first event", "a; any b", 0,
       [](cep::Plan& p) { p.rules[0].selection.kind = SelectionKind::kSkipToNext; }, "a1 a2 b3 b4",
       "0|2 1|2"},
      {"skip to first VAR", "a{2,}; first b", 0,
       [](cep::Plan& p) {
         p.rules[0].selection.kind = SelectionKind::kSkipToFirst;
         p.rules[0].selection.var = cep::VarIndex(std::size_t{1});
       },
       "a1 a2 a3 b4 b5", "0,1,2|3"},
      {"consume: nothing is used twice", "a; any b", 0,
       [](cep::Plan& p) { p.rules[0].selection.kind = SelectionKind::kConsume; }, "a1 a2 b3 b4",
       "0|2 1|3"},
      {"in order: a match waits for what began earlier", "a; any b", 20,
       [](cep::Plan& p) { in_order(p, SelectionKind::kNoSkip); }, "a1 a2 b3", "0|2 1|2@21"},
      {"once per VAR", "a; any b", 0,
       [](cep::Plan& p) {
         p.rules[0].suppression.once = cep::OncePerVariable{cep::VarIndex(std::size_t{0})};
       },
       "a1 b2 b3 a4 b5", "0|1 3|4(+1)"},
      {"once per VAR: a loop that grows is one", "a{2,}", 0,
       [](cep::Plan& p) {
         p.rules[0].suppression.once = cep::OncePerVariable{cep::VarIndex(std::size_t{0})};
       },
       "a1 a2 a3 a4", "0,1"},
      {"once per VAR: any event of a loop counts, also one that a match held back had",
       "a{2,2}; next b", 0,
       [](cep::Plan& p) {
         p.rules[0].selection.kind = SelectionKind::kNoSkip;
         p.rules[0].suppression.once = cep::OncePerVariable{cep::VarIndex(std::size_t{0})};
       },
       "a1 a2 b3 a4 b5 a6 b7 c8 a9 a10 b11", "0,1|2 8,9|10(+2)"},
      {"at most 2 per 10", "a", 0,
       [](cep::Plan& p) {
         p.rules[0].suppression.at_most = cep::AtMost{2, ms(10), {}};
       },
       "a1 a2 a3 a11 a12", "0 1 3(+1) 4"},
      {"once for each value", "ab", 0,
       [](cep::Plan& p) {
         p.rules[0].suppression.once = cep::OncePerDuration{ms(10)};
         p.rules[0].suppression.for_each = {bound_name(p, 0)};
       },
       "a1 b2 a3 b4 a11", "0 1 4(+1)"},
      {"except passes on to the next candidate", "ab; any c", 0,
       [](cep::Plan& p) {
         cep::Exception exception;
         exception.condition = condition(
             cep::Op::kEqual,
             {bound_name(p, 0), literal(type_of(cep::TypeKind::kString), cep::Value::string("a"))});
         p.rules[0].exceptions.push_back(exception);
       },
       "a1 b2 c3", "1|2"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    cep::Plan plan = letters_plan(row.pattern, row.within_ms);
    row.change(plan);
    const std::string found = matches_of(plan, row.letters);
    CHECK(found == std::string(row.matches));
  }
}

TEST_CASE("patterns: partial matches with one future are one, and all are let go of") {
  // Each a may begin, each b and c may be taken or not: without merging 2^n partial matches.
  cep::Plan plan = letters_plan("a; any b{1,}each; any c?; any d", 1'000'000);
  const cep::Program program = compiled(plan);
  std::string letters = "a1";
  for (int i = 2; i < 2'000; ++i) letters += fmt::format(" {}{}", i % 3 == 0 ? 'c' : 'b', i);
  const std::vector<oracle::PlacedEvent> events =
      oracle::place_events(plan, letters_events(letters), {});
  cep::Engine engine(program, 1);
  std::vector<cep::Alert> alerts;
  for (const oracle::PlacedEvent& event : events) {
    cep::Batch batch(plan);
    std::vector<cep::Value> fields;
    for (const cep::OwnedValue& value : event.fields) fields.push_back(value.view());
    batch.append(plan, event.type, event.engine_time, event.ts,
                 {0, static_cast<std::uint32_t>(event.arrival)}, fields);
    engine.advance(batch, event.engine_time, alerts);
  }
  CHECK(engine.stats().runs < 10);
  CHECK(engine.stats().runs_lost == 0);
  CHECK(engine.stats().state_bytes > 0);
  engine.advance(cep::Batch(plan), cep::EventTime{3'000'000'000}, alerts);
  CHECK(engine.stats().runs == 0);
  CHECK(engine.stats().keys == 0);
}

TEST_CASE("patterns: limits have names") {
  cep::Plan plan = letters_plan("a; any b?; any c?; any d", 0);
  const auto refused = cep::compile(std::make_shared<const cep::Plan>(plan), {.states_max = 5});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message == "rule `letters`: a pattern of more than 5 states");

  plan = letters_plan("a; any b{1,}each; any c", 0);
  plan.rules[0].selection.kind = SelectionKind::kNoSkip;
  const cep::Program program = compiled(plan, {.runs_per_key_max = 4, .matches_per_event_max = 2});
  const std::vector<cep::Alert> alerts = alerts_of(program, "a1 b2 b3 b4 c5");
  REQUIRE(alerts.size() == 3);
  CHECK(alerts[0].budget.has_value());
  CHECK(alerts[1].lost_runs > 0);
}
}  // namespace tocsin::tests
