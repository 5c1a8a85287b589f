#include "cep/plan/plan.h"
#include "cep/plan/feature.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/cep/sample_plan.h"

namespace tocsin::cep {
TEST_CASE("plan: the text of a plan says all that it means") {
  const std::string text = describe(sample_plan());
  CHECK(text ==
        R"(event payment from "payment" time 0 id - bound 0s
  ts: time from ["ts"]
  card: string from ["card"]
  amount: decimal(2) from ["amount"]
feature spent: decimal(2) = sum(field[amount payment.amount]:decimal(2)) of {payment=payment} where greater(field[amount payment.amount]:decimal(2), 1.00:decimal(2)):bool by {card:string = payment.card} over last 10m
rule sample
  id "sample" title "A sample" description "" owner "" status live
  tags [] references [] falsepositives []
  severity -
  by {card:string = payment.card}
  variable $0 small loop
  variable $1 big
  then step $0 3.. relaxed loop {payment=payment} where -
  then first step $1 1..1 relaxed {payment=payment} where greater(field[amount payment.amount]:decimal(2), 200.00:decimal(2)):bool
  then no for 5m {payment=payment} where -
  considered {payment=payment}
  within 10m
  having -
  selection default $0
  once none 0s $0 while - each [ ]
  message "Spent "
  message field[amount payment.amount]:decimal(2)
  field total = field[amount payment.amount]:decimal(2)
  captured payment: amount
)");
}

TEST_CASE("plan: any change of meaning changes the text") {
  const std::string text = describe(sample_plan());
  const std::vector<std::function<void(Plan&)>> changes = {
      [](Plan& p) { p.event_types[0].bound = Duration{1}; },
      [](Plan& p) { p.event_types[0].id_field = FieldIndex(1); },
      [](Plan& p) { p.event_types[0].fields[1].optional = true; },
      [](Plan& p) { p.features[0].window.range = PreviousWindow{Duration{600'000'000}}; },
      [](Plan& p) { p.features[0].where = nullptr; },
      [](Plan& p) { p.rules[0].key.parts.clear(); },
      [](Plan& p) { step_at(p, 0).quantifier.max = 3; },
      [](Plan& p) { step_at(p, 0).quantifier.mode = LoopMode::kNext; },
      [](Plan& p) { p.rules[0].pattern[1].contiguity = Contiguity::kNext; },
      [](Plan& p) { p.rules[0].pattern[2].absence()->absent_for.reset(); },
      [](Plan& p) { p.rules[0].within.reset(); },
      [](Plan& p) { p.rules[0].selection.kind = SelectionKind::kNoSkip; },
      [](Plan& p) { p.rules[0].suppression.once = OncePerDuration{Duration{1}}; },
      [](Plan& p) { p.rules[0].captured.clear(); },
      [](Plan& p) { p.rules[0].having = above(1); },
      [](Plan& p) { p.rules[0].message[0].text = "x"; },
      [](Plan& p) { p.event_types[0].fields[2].computed = above(1); },
      [](Plan& p) { p.event_types[0].unique = Unique{}; },
      [](Plan& p) { p.event_types[0].alert_of = RuleIndex(0); },
      [](Plan& p) { p.event_types[0].any_alert_of = {RuleIndex(0)}; },
      [](Plan& p) { p.rules[0].considered[0].role = "got"; },
      [](Plan& p) { p.rules[0].key.parts[0].members[0].role = "got"; },
      [](Plan& p) {
        p.lists.push_back({"l", type_of(TypeKind::kString), {}, ListKind::kText, {}});
      },
      [](Plan& p) { p.tables.push_back(sample_table()); },
      [](Plan& p) {
        p.zones.push_back({"UTC", {{kEventTimeMin, 0}}});
      },
      [](Plan& p) { last_window(p).excluding = Duration{1}; },
      [](Plan& p) { p.features[0].window.range = LastEventsWindow{3}; },
      [](Plan& p) {
        p.features[0].window.range = CalendarUnitWindow{CalendarUnit::kDay, utc()};
      },
      [](Plan& p) { last_window(p).every = Duration{1}; },
      [](Plan& p) { p.features[0].window.needs = 3; },
      [](Plan& p) { p.features[0].half_life = Duration{1}; },
      [](Plan& p) { p.features[0].weight = 0.5; },
      [](Plan& p) { p.features[0].unless_alerted_by = RuleIndex(0); },
      [](Plan& p) { p.rules[0].variables[1].parent = VarIndex(0); },
      [](Plan& p) { p.rules[0].window = sample_window(); },
      [](Plan& p) {
        p.rules[0].without = Without{{any_payment()}, nullptr, std::nullopt};
      },
      [](Plan& p) {
        p.rules[0].exceptions = {{"own cards", above(1), std::nullopt}};
      },
      [](Plan& p) {
        p.rules[0].suppression.once = OncePerUnit{CalendarUnit::kDay, utc()};
      },
      [](Plan& p) {
        p.rules[0].suppression.at_most = AtMost{2, Duration{1}, {}};
      },
      [](Plan& p) { p.rules[0].pattern[1].gap = Duration{1}; },
      [](Plan& p) { p.rules[0].pattern[2].absence()->next = true; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    Plan plan = sample_plan();
    changes[i](plan);
    CHECK(describe(plan) != text);
  }
}

TEST_CASE("plan: a sound plan has no problems") {
  CHECK(validate(sample_plan()).empty());
  Plan plan = sample_plan();
  plan.event_types.push_back(alert_type());
  plan.tables = {sample_table()};
  plan.zones = {{"UTC", {{kEventTimeMin, 0}}}};
  CHECK(validate(plan).empty());
  close_window(plan);
  CHECK(validate(plan).empty());
}

// Long because it is one table of plans that are wrong in one thing.
TEST_CASE("plan: what no rule text could have said is found") {
  struct Row {
    const char* says;
    std::function<void(Plan&)> change;
  };
  const std::vector<Row> rows = {
      {"two event types named", [](Plan& p) { p.event_types.push_back(p.event_types[0]); }},
      {"two rules named", [](Plan& p) { p.rules.push_back(p.rules[0]); }},
      {"two rules with the id", [](Plan& p) { p.rules.push_back(p.rules[0]); }},
      {"two features named", [](Plan& p) { p.features.push_back(p.features[0]); }},
      {"two fields named", [](Plan& p) { p.event_types[0].fields[1].name = "ts"; }},
      {"not of type time", [](Plan& p) { p.event_types[0].time_field = FieldIndex(1); }},
      {"id field out of range", [](Plan& p) { p.event_types[0].id_field = FieldIndex(9); }},
      {"negative bound", [](Plan& p) { p.event_types[0].bound = Duration{-1}; }},
      {"decimal of scale 10", [](Plan& p) { p.event_types[0].fields[2].type.scale = 10; }},
      {"enum without words",
       [](Plan& p) { p.event_types[0].fields[1].type.kind = TypeKind::kEnum; }},
      {"is a fraction",
       [](Plan& p) { p.event_types[0].fields[1].type.kind = TypeKind::kFraction; }},
      {"only count is without", [](Plan& p) { p.features[0].argument = nullptr; }},
      {"only count is without", [](Plan& p) { p.features[0].aggregate = Aggregate::kCount; }},
      {"window of no length", [](Plan& p) { last_window(p).duration = Duration{0}; }},
      {"no kind of event", [](Plan& p) { p.features[0].events.clear(); }},
      {"event type 3 of 1", [](Plan& p) { p.rules[0].considered[0].type = EventTypeIndex(3); }},
      {"field 9 of `payment`",
       [](Plan& p) { p.rules[0].key.parts[0].members[0].field = FieldIndex(9); }},
      {"key part `card` is string",
       [](Plan& p) { p.rules[0].key.parts[0].members[0].field = FieldIndex(2); }},
      {"has no field in event type", [](Plan& p) { p.rules[0].key.parts[0].members.clear(); }},
      {"no pattern", [](Plan& p) { p.rules[0].pattern.clear(); }},
      {"begins with an absence",
       [](Plan& p) { std::swap(p.rules[0].pattern[0], p.rules[0].pattern[2]); }},
      {"`for` on an absence that is not",
       [](Plan& p) { std::swap(p.rules[0].pattern[1], p.rules[0].pattern[2]); }},
      {"neither `for` nor `within`",
       [](Plan& p) {
         p.rules[0].pattern[2].absence()->absent_for.reset();
         p.rules[0].within.reset();
       }},
      {"neither `for` nor `within`",
       [](Plan& p) {
         // all of { one of { ( … no payment ) } }
         std::vector<Element>& pattern = p.rules[0].pattern;
         pattern[2].absence()->absent_for.reset();
         p.rules[0].within.reset();
         for (const GroupForm form : {GroupForm::kSequence, GroupForm::kOneOf, GroupForm::kAllOf}) {
           Group around;
           around.form = form;
           around.children = std::move(pattern);
           pattern.clear();
           pattern.push_back(std::move(around));
         }
       }},
      {"after an optional step", [](Plan& p) { step_at(p, 1).optional = true; }},
      {"no step takes an event",
       [](Plan& p) { step_at(p, 0).optional = step_at(p, 1).optional = true; }},
      {"two steps of one variable", [](Plan& p) { step_at(p, 1).var = VarIndex(0); }},
      {"variable 7 of 2", [](Plan& p) { step_at(p, 1).var = VarIndex(7); }},
      {"two variables named", [](Plan& p) { p.rules[0].variables[1].name = "small"; }},
      {"differ on being a loop", [](Plan& p) { p.rules[0].variables[1].loop = true; }},
      {"a count of 3 to 2", [](Plan& p) { step_at(p, 0).quantifier.max = 2; }},
      {"count from 0", [](Plan& p) { step_at(p, 0).quantifier.min = 0; }},
      {"a group without", [](Plan& p) { p.rules[0].pattern[1].form = Group(); }},
      {"`within` of no length", [](Plan& p) { p.rules[0].within = Duration{0}; }},
      {"`once per` no time", [](Plan& p) { p.rules[0].suppression.once = OncePerDuration(); }},
      {"two alert fields", [](Plan& p) { p.rules[0].fields.push_back(p.rules[0].fields[0]); }},
      {"captured fields do not",
       [](Plan& p) {
         p.rules[0].captured[0].fields = {FieldIndex(2), FieldIndex(2)};
       }},
      {"captured types do not",
       [](Plan& p) { p.rules[0].captured.push_back(p.rules[0].captured[0]); }},
      {"a condition of type", [](Plan& p) { p.rules[0].having = shared(amount()); }},
      {"is decimal(2), not int",
       [](Plan& p) {
         Expr e = amount();
         e.type = type_of(TypeKind::kInt);
         p.rules[0].fields[0].expr = shared(e);
       }},
      {"`prev` outside",
       [](Plan& p) {
         Expr e = amount();
         e.op = Op::kPrev;
         p.rules[0].fields[0].expr = shared(e);
       }},
      {"a single event neither",
       [](Plan& p) {
         Expr e = amount();
         e.op = Op::kBound;
         e.payload = BoundField{VarIndex(1), Which::kLast, *field_of(amount())};
         p.rules[0].fields[0].expr = shared(e);
       }},
      {"feature 4 of 1",
       [](Plan& p) {
         Expr e = expr_of(Op::kFeature, type_of(TypeKind::kInt));
         e.payload = FeatureRead{FeatureIndex(4)};
         p.rules[0].fields[0].expr = shared(e);
       }},
      {"list 0 of 0",
       [](Plan& p) {
         p.rules[0].having = shared(expr_of(Op::kIn, type_of(TypeKind::kBool), {shared(amount())}));
       }},
      {"key part 2",
       [](Plan& p) {
         Expr e = expr_of(Op::kKey, type_of(TypeKind::kString));
         e.payload = KeyRead{2};
         p.rules[0].fields[0].expr = shared(e);
       }},
      {"operands in",
       [](Plan& p) { p.rules[0].having = shared(expr_of(Op::kNot, type_of(TypeKind::kBool))); }},
      {"severity is no severity", [](Plan& p) { p.rules[0].severity = shared(amount()); }},
      {"computed field `amount` has a path",
       [](Plan& p) { p.event_types[0].fields[2].computed = above(1); }},
      {"which is not before it",
       [](Plan& p) {
         p.event_types[0].fields[2].computed = shared(amount());
         p.event_types[0].fields[2].path.clear();
       }},
      {"`unique` without", [](Plan& p) { p.event_types[0].unique = Unique{}; }},
      {"an alert's fields are",
       [](Plan& p) {
         p.event_types.push_back(alert_type());
         p.event_types.back().fields.pop_back();
       }},
      {"reads its own alerts",
       [](Plan& p) {
         p.event_types.push_back(alert_type());
         p.rules[0].considered.push_back({EventTypeIndex(1), nullptr, "sample"});
         p.rules[0].key.parts[0].members.push_back({EventTypeIndex(1), FieldIndex(1), ""});
       }},
      {"the key has no role `got`", [](Plan& p) { p.rules[0].considered[0].role = "got"; }},
      {"has an event type twice",
       [](Plan& p) {
         KeyPart& part = p.rules[0].key.parts[0];
         part.members.push_back(part.members[0]);
       }},
      {"phrases, patterns and networks are text",
       [](Plan& p) {
         p.lists.push_back({"l", type_of(TypeKind::kInt), {}, ListKind::kText, {}});
       }},
      {"for each pattern",
       [](Plan& p) {
         p.lists.push_back({"l", type_of(TypeKind::kString), {}, ListKind::kRegex, {true}});
       }},
      {"`10.0.0.1/8` is no network",
       [](Plan& p) {
         p.lists.push_back({"l",
                            type_of(TypeKind::kString),
                            {OwnedValue(Value::string("10.0.0.1/8"))},
                            ListKind::kNetwork,
                            {}});
       }},
      {"a network that is no part of the key",
       [](Plan& p) {
         p.tables = {sample_table()};
         p.tables[0].network_key = 7;
       }},
      {"two rows of one key",
       [](Plan& p) {
         p.tables = {sample_table()};
         p.tables[0].rows.push_back(p.tables[0].rows[0]);
       }},
      {"for 1 columns",
       [](Plan& p) {
         p.tables = {sample_table()};
         p.tables[0].columns.pop_back();
       }},
      {"no offset",
       [](Plan& p) {
         p.zones = {{"UTC", {}}};
       }},
      {"changes do not ascend",
       [](Plan& p) {
         p.zones = {{"UTC", {{EventTime{1}, 0}, {EventTime{1}, 0}}}};
       }},
      {"a window of 0 events", [](Plan& p) { p.features[0].window.range = LastEventsWindow{0}; }},
      {"of the calendar has a zone",
       [](Plan& p) { p.features[0].window.range = CalendarUnitWindow(); }},
      {"`excluding last` leaves",
       [](Plan& p) { last_window(p).excluding = Duration{700'000'000}; }},
      {"panes of no length", [](Plan& p) { last_window(p).every = Duration{0}; }},
      {"`needs` 0", [](Plan& p) { p.features[0].window.needs = 0; }},
      {"half life or a weight", [](Plan& p) { p.features[0].weight = 0.5; }},
      {"half life or a weight", [](Plan& p) { p.features[0].aggregate = Aggregate::kEwma; }},
      {"a percentile of 0", [](Plan& p) { p.features[0].aggregate = Aggregate::kPercentile; }},
      {"is for `previous` windows",
       [](Plan& p) { p.features[0].unless_alerted_by = RuleIndex(0); }},
      {"reads itself",
       [](Plan& p) {
         Expr e = expr_of(Op::kFeature, type_of(TypeKind::kDecimal, 2));
         p.features[0].argument = shared(e);
       }},
      {"operands for the key of feature",
       [](Plan& p) {
         Expr e = expr_of(Op::kFeature, type_of(TypeKind::kDecimal, 2), {utc(), utc()});
         p.rules[0].fields[0].expr = shared(e);
       }},
      {"a window and a pattern", [](Plan& p) { p.rules[0].window = sample_window(); }},
      {"variable holds many",
       [](Plan& p) {
         close_window(p);
         p.rules[0].variables[0].loop = false;
       }},
      {"`without … for` with `within`",
       [](Plan& p) {
         p.rules[0].without = Without{{any_payment()}, nullptr, Duration{1}};
       }},
      {"`without … for` with a last",
       [](Plan& p) {
         p.rules[0].without = Without{{any_payment()}, nullptr, Duration{1}};
       }},
      {"`except` without",
       [](Plan& p) {
         p.rules[0].exceptions = {{"r", nullptr, {}}};
       }},
      {"`at most` 0",
       [](Plan& p) {
         p.rules[0].suppression.at_most = AtMost{0, Duration{1}, {}};
       }},
      {"calendar has a zone", [](Plan& p) { p.rules[0].suppression.once = OncePerUnit(); }},
      {"`in order` without", [](Plan& p) { p.rules[0].selection.in_order = true; }},
      {"`greedy` with `each`",
       [](Plan& p) {
         step_at(p, 0).quantifier.greedy = true;
         step_at(p, 0).quantifier.mode = LoopMode::kEach;
       }},
      {"`no next` with `for`", [](Plan& p) { p.rules[0].pattern[2].absence()->next = true; }},
      {"`within` on the first", [](Plan& p) { p.rules[0].pattern[0].gap = Duration{1}; }},
      {"a draft rule", [](Plan& p) { p.rules[0].status = Status::kDraft; }},
      {"has both a step and", [](Plan& p) { p.rules[0].variables[1].parent = VarIndex(0); }},
      {"table 0 of 0",
       [](Plan& p) {
         p.rules[0].fields[0].expr = shared(expr_of(Op::kTable, type_of(TypeKind::kInt), {utc()}));
       }},
      {"column `tags` of table `merchants` read as",
       [](Plan& p) {
         p.tables = {sample_table()};
         Expr e = expr_of(Op::kTable, type_of(TypeKind::kInt), {utc()});
         e.payload = ColumnRead{TableIndex(0), 1};
         p.rules[0].fields[0].expr = shared(e);
       }},
      {"cannot be searched for",
       [](Plan& p) {
         p.lists.push_back({"l", type_of(TypeKind::kString), {}, ListKind::kText, {}});
         p.rules[0].having = list_search(Op::kMatchesAnyOf);
       }},
      {"capture without a regular expression",
       [](Plan& p) {
         Expr e = expr_of(Op::kCall, type_of(TypeKind::kString), {utc(), utc()});
         e.payload = FunctionCall{Function::kCapture, {}};
         p.rules[0].fields[0].expr = shared(e);
       }},
      {"lower with a regular expression",
       [](Plan& p) {
         Expr e = expr_of(Op::kCall, type_of(TypeKind::kString), {utc()});
         e.payload = FunctionCall{Function::kLower, RegexLiteral{"a", false}};
         p.rules[0].fields[0].expr = shared(e);
       }},
      {"0 conditions for 1 kinds",
       [](Plan& p) {
         Expr e = expr_of(Op::kInKinds, type_of(TypeKind::kBool));
         e.payload = KindTest{{EventTypeIndex(0)}};
         p.rules[0].having = shared(e);
       }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.says);
    Plan plan = sample_plan();
    row.change(plan);
    std::string all;
    for (const std::string& problem : validate(plan)) all += problem + "\n";
    CAPTURE(all);
    CHECK(all.find(row.says) != std::string::npos);
  }
}

TEST_CASE("plan: an operator with the payload of another is refused") {
  constexpr auto kOps = static_cast<std::size_t>(Op::kInKinds) + 1;
  for (std::size_t op = 0; op < kOps; ++op) {
    for (std::size_t other = 0; other < kOps; ++other) {
      Expr e = expr_of(static_cast<Op>(op), type_of(TypeKind::kBool));
      const std::size_t own = e.payload.index();
      e.payload = payload_for(static_cast<Op>(other));
      if (e.payload.index() == own) continue;
      CAPTURE(op);
      CAPTURE(other);
      Plan plan = sample_plan();
      plan.rules[0].having = shared(e);
      const std::vector<std::string> problems = validate(plan);
      CHECK(std::any_of(problems.begin(), problems.end(), [](const std::string& problem) {
        return problem.find("an operator with the payload of another") != std::string::npos;
      }));
    }
  }
}

TEST_CASE("plan: severities rise") {
  const Type type = severity_type();
  REQUIRE(type.words->size() == 5);
  CHECK((*type.words)[static_cast<std::size_t>(Severity::kInfo)] == severity_name(Severity::kInfo));
  CHECK((*type.words)[static_cast<std::size_t>(Severity::kCritical)] == "critical");
}
}  // namespace tocsin::cep
