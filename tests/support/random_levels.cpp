#include "tests/support/random_levels.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/feature.h"
#include "tests/support/plan_parts.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random_expr.h"

namespace tocsin::tests {
using cep::Duration;
using cep::Element;
using cep::EventTypeIndex;
using cep::ExprPtr;
using cep::Op;
using cep::Rule;
using cep::TypeKind;
using cep::Value;
using cep::VarIndex;

namespace {
Duration seconds(std::int64_t n) { return {1'000'000 * n}; }

cep::Type kept_type(const cep::Type& type) {
  return type.kind == TypeKind::kFraction ? decimal_of(cep::kScaleMax) : type;
}

cep::Field field_of(const std::string& name, const cep::Type& type, bool optional) {
  cep::Field field;
  field.name = name;
  field.type = type;
  field.optional = optional;
  return field;
}

// The event type of a rule's alerts; made where it does not stand yet.
EventTypeIndex alert_type(cep::Plan& plan, std::size_t rule) {
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    if (plan.event_types[t].alert_of == cep::RuleIndex(rule)) return EventTypeIndex(t);
  }
  const Rule& raiser = plan.rules[rule];
  cep::EventType type;
  type.name = raiser.name;
  type.alert_of = cep::RuleIndex(rule);
  cep::Type score = type_of(TypeKind::kInt);
  for (const cep::AlertField& field : raiser.fields) {
    if (field.name == "score") score = kept_type(field.expr->type);
  }
  type.fields.push_back(field_of("ts", type_of(TypeKind::kTime), false));
  for (const cep::KeyPart& part : raiser.key.parts) {
    type.fields.push_back(field_of(part.name, part.type, false));
  }
  type.fields.push_back(field_of("score", score, false));
  type.fields.push_back(field_of("severity", cep::severity_type(), false));
  for (const cep::AlertField& field : raiser.fields) {
    if (field.name == "score") continue;
    type.fields.push_back(field_of(field.name, kept_type(field.expr->type), true));
  }
  plan.event_types.push_back(std::move(type));
  return EventTypeIndex(plan.event_types.size() - 1);
}

// `any alert`: of the rules that read none themselves.
EventTypeIndex any_alert_type(cep::Plan& plan) {
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    if (!plan.event_types[t].any_alert_of.empty()) return EventTypeIndex(t);
  }
  cep::EventType type;
  type.name = "alert";
  for (std::size_t r = 0; r < plan.rules.size(); ++r) {
    if (plan.rules[r].status != cep::Status::kShadow) type.any_alert_of.emplace_back(r);
  }
  const cep::Type text = type_of(TypeKind::kString);
  type.fields = {field_of("ts", type_of(TypeKind::kTime), false),
                 field_of("rule", text, true),
                 field_of("severity", cep::severity_type(), false),
                 field_of("score", type_of(TypeKind::kFloat), false),
                 field_of("key", text, true),
                 field_of("tags", text, true)};
  plan.event_types.push_back(std::move(type));
  return EventTypeIndex(plan.event_types.size() - 1);
}

ExprPtr read_field(const cep::Plan& plan, EventTypeIndex type, const std::string& name, Op op) {
  const auto found = find_field(plan, {type}, name);
  auto expr = std::make_shared<cep::Expr>();
  expr->op = op;
  if (op == Op::kBound) {
    expr->payload = cep::BoundField{{}, cep::Which::kOnly, found->first};
  } else {
    expr->payload = cep::FieldRead{found->first};
  }
  expr->type = found->second;
  return expr;
}

bool is_number(const cep::Type& type) {
  return type.kind == TypeKind::kInt || type.kind == TypeKind::kDecimal ||
         type.kind == TypeKind::kFloat;
}

ExprPtr limit_for(Random& random, const cep::Type& type) {
  switch (type.kind) {
    case TypeKind::kFloat:
      return literal(type, Value::floating(random.pick({0.0, 1.0, 2.5})));
    case TypeKind::kDecimal:
      return literal(
          type, Value::decimal(random.pick({0, 100, 250}) * cep::power_of_ten(type.scale) / 100,
                               type.scale));
    case TypeKind::kFraction:
      return int_literal(random.between(0, 3));
    default:
      return literal(type, Value::integer(random.between(0, 3)));
  }
}

// A condition on an alert.
ExprPtr alert_condition(Random& random, const cep::Plan& plan, EventTypeIndex type) {
  switch (random.below(3)) {
    case 0: {
      const ExprPtr score = read_field(plan, type, "score", Op::kField);
      const bool number = score->type.kind == TypeKind::kInt ||
                          score->type.kind == TypeKind::kDecimal ||
                          score->type.kind == TypeKind::kFloat;
      if (!number) return nullptr;
      return condition(random.pick({Op::kGreaterEqual, Op::kLess, Op::kNotEqual}),
                       {score, limit_for(random, score->type)});
    }
    case 1: {
      const ExprPtr severity = read_field(plan, type, "severity", Op::kField);
      const auto ordinal = random.below(5);
      return condition(
          random.pick({Op::kGreaterEqual, Op::kLess}),
          {severity, literal(severity->type, Value::enumerated(static_cast<std::int64_t>(ordinal),
                                                               (*severity->type.words)[ordinal]))});
    }
    default:
      return nullptr;
  }
}

// The event types that have this field with this type.
std::vector<EventTypeIndex> types_with(const cep::Plan& plan, const std::string& name,
                                       const cep::Type& type) {
  std::vector<EventTypeIndex> types;
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    if (plan.event_types[t].is_alert()) continue;
    const auto found = find_key_field(plan, {EventTypeIndex(t)}, name);
    if (found && found->second == type) types.emplace_back(t);
  }
  return types;
}

cep::KeySpec key_by(const cep::Plan& plan, const std::string& name, const cep::Type& type,
                    const std::vector<EventTypeIndex>& types) {
  cep::KeyPart part{name, type, {}};
  for (const EventTypeIndex owner : types) {
    const auto found = find_key_field(plan, {owner}, name);
    part.members.push_back({owner, found->first.by_type.front().second, ""});
  }
  return {{part}};
}

cep::Step step_of(cep::Rule& rule, std::vector<cep::Subset> events, const std::string& name) {
  cep::Step step;
  step.events = std::move(events);
  step.var = VarIndex(rule.variables.size());
  rule.variables.push_back({name, false});
  return step;
}

void consider_all(Rule& rule) {
  rule.considered.clear();
  const auto add = [&](const std::vector<cep::Subset>& subsets) {
    for (const cep::Subset& subset : subsets) {
      const bool known = std::any_of(
          rule.considered.begin(), rule.considered.end(), [&](const cep::Subset& other) {
            return other.type == subset.type && other.name == subset.name &&
                   other.role == subset.role && other.condition == subset.condition;
          });
      if (!known) rule.considered.push_back(subset);
    }
  };
  walk_elements(static_cast<const Rule&>(rule).pattern, [&](const Element& element) {
    add(element.events());
    add(element.until_events());
  });
  if (rule.window) add(rule.window->events);
  if (rule.without) add(rule.without->events);
}

Rule new_rule(const cep::Plan& plan) {
  Rule rule;
  rule.name = rule.id = fmt::format("reader{}", plan.rules.size());
  rule.title = "Reads alerts";
  rule.message = {{"reads", nullptr}};
  return rule;
}

// A feature of alerts, read at events of these types.
ExprPtr feature_of_alerts(Random& random, cep::Plan& plan, EventTypeIndex alerts,
                          const std::string& key, const cep::Type& key_type,
                          std::vector<EventTypeIndex> readers) {
  cep::Feature feature;
  feature.name = fmt::format("of_alerts{}", plan.features.size());
  feature.events = {{alerts, nullptr, plan.event_types[alerts.value].name}};
  feature.type = type_of(TypeKind::kInt);
  feature.window.range = cep::LastWindow{seconds(random.between(1, 20))};
  const ExprPtr score = read_field(plan, alerts, "score", Op::kField);
  if (random.chance(40) && score->type.kind == TypeKind::kInt) {
    feature.aggregate = cep::Aggregate::kSum;
    feature.argument = score;
    feature.type = score->type;
  }
  if (random.chance(40)) {
    const auto kind = random.pick({cep::WindowKind::kEver, cep::WindowKind::kPreviousEver});
    feature.window.range = cep::EverWindow();
    if (kind == cep::WindowKind::kPreviousEver) feature.window.range = cep::PreviousEverWindow();
  }
  readers.push_back(alerts);
  std::sort(readers.begin(), readers.end());
  readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
  feature.key = key_by(plan, key, key_type, readers);
  auto read = std::make_shared<cep::Expr>();
  read->op = Op::kFeature;
  read->payload = cep::FeatureRead{cep::FeatureIndex(plan.features.size())};
  read->type = feature.type;
  plan.features.push_back(std::move(feature));
  return condition(random.pick({Op::kGreaterEqual, Op::kLess}),
                   {read, int_literal(random.between(0, 3))});
}

// A feature of ordinary events, read at alerts: one that is there, on which the rule that raises
// them may depend, or a new one. Null where there is none with this key.
ExprPtr feature_at_alerts(Random& random, cep::Plan& plan, EventTypeIndex alerts,
                          const cep::KeyPart& part, const std::vector<EventTypeIndex>& others) {
  std::vector<std::size_t> fitting;
  for (std::size_t i = 0; i < plan.features.size(); ++i) {
    const cep::Feature& feature = plan.features[i];
    const bool of_alerts = std::ranges::any_of(feature.events, [&](const cep::Subset& subset) {
      return plan.event_types[subset.type.value].is_alert();
    });
    const bool fits = !feature.name.starts_with('$') && !of_alerts && is_number(feature.type) &&
                      feature.key.parts.size() == 1 && feature.key.parts[0].name == part.name &&
                      feature.key.parts[0].type == part.type;
    if (fits) fitting.push_back(i);
  }
  if (fitting.empty() || random.chance(30)) {
    if (others.empty()) return nullptr;
    cep::Feature feature;
    feature.name = fmt::format("at_alerts{}", plan.features.size());
    const EventTypeIndex counted = random.pick(others);
    feature.events = {{counted, nullptr, plan.event_types[counted.value].name}};
    feature.type = type_of(TypeKind::kInt);
    feature.window.range = cep::LastWindow{seconds(random.between(1, 20))};
    feature.key = key_by(plan, part.name, part.type, {counted});
    fitting = {plan.features.size()};
    plan.features.push_back(std::move(feature));
  }
  const std::size_t chosen = random.pick(fitting);
  cep::Feature& feature = plan.features[chosen];
  std::vector<cep::KeyMember>& members = feature.key.parts[0].members;
  if (std::ranges::count(members, alerts, &cep::KeyMember::type) == 0) {
    const cep::KeySpec of_alerts = key_by(plan, part.name, part.type, {alerts});
    members.push_back(of_alerts.parts[0].members[0]);
    std::ranges::stable_sort(members, {}, &cep::KeyMember::type);
  }
  auto read = std::make_shared<cep::Expr>();
  read->op = Op::kFeature;
  read->payload = cep::FeatureRead{cep::FeatureIndex(chosen)};
  read->type = feature.type;
  if (random.chance(20)) return condition(Op::kIsKnown, {read});
  return condition(random.pick({Op::kGreaterEqual, Op::kLess}),
                   {read, limit_for(random, read->type)});
}

// Makes the rule read any alert; false where none is to be read.
bool read_any_alert(Random& random, cep::Plan& plan, Rule& rule) {
  bool reads_any = false;  // such a rule is not among them
  for (const cep::EventType& type : plan.event_types) reads_any |= type.is_alert();
  bool some = false;
  for (const Rule& other : plan.rules) some |= other.status != cep::Status::kShadow;
  if (reads_any || !some) return false;
  const EventTypeIndex alerts = any_alert_type(plan);
  cep::Step step = step_of(rule, {{alerts, nullptr, "alert"}}, "a");
  step.where = all_of({alert_condition(random, plan, alerts)});
  if (random.chance(50)) {
    step.quantifier = {2, std::nullopt, cep::LoopMode::kRelaxed, false, true};
    rule.variables[0].loop = true;
    rule.within = seconds(random.between(2, 20));
  }
  rule.pattern = {step};
  if (random.chance(50)) {
    rule.key = key_by(plan, random.pick({"key", "rule"}), type_of(TypeKind::kString), {alerts});
  }
  rule.fields = {{"of", read_field(plan, alerts, "rule", Op::kField)},
                 {"score", read_field(plan, alerts, "score", Op::kField)},
                 {"with", read_field(plan, alerts, "tags", Op::kField)}};
  return true;
}

// Adds what comes before or after the alert, or does not come.
void add_other_element(Random& random, cep::Plan& plan, EventTypeIndex alerts,
                       const cep::KeyPart& part, EventTypeIndex other, Rule& rule) {
  const std::vector<cep::Subset> kind = {{other, nullptr, plan.event_types[other.value].name}};
  ExprScope scope;
  scope.types = {other};
  std::vector<ExprPtr> conjuncts;
  if (random.chance(50)) conjuncts.push_back(random_condition(random, plan, scope, 1));
  if (random.chance(40)) {
    conjuncts.push_back(feature_of_alerts(random, plan, alerts, part.name, part.type, {other}));
  }
  if (random.chance(25)) {
    cep::Absence absence;
    absence.events = kind;
    absence.where = all_of(conjuncts);
    absence.absent_for = seconds(random.between(1, 6));
    rule.pattern.push_back(absence);
  } else {
    cep::Step step_after = step_of(rule, kind, "p");
    step_after.where = all_of(conjuncts);
    Element next(std::move(step_after));
    next.contiguity =
        random.pick({cep::Contiguity::kAny, cep::Contiguity::kFirst, cep::Contiguity::kNext});
    if (random.chance(40)) {
      rule.pattern.insert(rule.pattern.begin(), next);
      std::swap(rule.variables[0].name, rule.variables[1].name);
      std::swap(rule.pattern[0].step()->var, rule.pattern[1].step()->var);
    } else {
      rule.pattern.push_back(next);
    }
  }
}

// Makes the rule read the alerts of another, under that one's key.
void read_alerts_of(Random& random, cep::Plan& plan, std::size_t raiser, Rule& rule) {
  const EventTypeIndex alerts = alert_type(plan, raiser);
  const cep::KeyPart part = plan.rules[raiser].key.parts.front();
  const std::vector<cep::Subset> alert_kind = {
      {alerts, nullptr, plan.event_types[alerts.value].name}};
  std::vector<EventTypeIndex> others = types_with(plan, part.name, part.type);
  cep::Step step = step_of(rule, alert_kind, "a");
  const ExprPtr read =
      random.chance(40) ? feature_at_alerts(random, plan, alerts, part, others) : nullptr;
  step.where = all_of({alert_condition(random, plan, alerts), read});
  rule.pattern = {step};
  if (!others.empty() && random.chance(75)) {
    add_other_element(random, plan, alerts, part, random.pick(others), rule);
    rule.within = seconds(random.between(2, 20));
  }
  consider_all(rule);
  rule.key = key_by(plan, part.name, part.type, types_of(rule.considered));
  rule.fields = {{"severity_was", [&] {
                    auto expr = std::make_shared<cep::Expr>(
                        *read_field(plan, alerts, "severity", Op::kBound));
                    for (std::size_t v = 0; v < rule.variables.size(); ++v) {
                      if (rule.variables[v].name == "a") *variable_of(*expr) = VarIndex(v);
                    }
                    return expr;
                  }()}};
}
}  // namespace

void give_shares(Random& random, cep::Plan& plan) {
  for (Rule& rule : plan.rules) {
    if (!random.chance(30)) continue;
    const int percent = static_cast<int>(random.between(1, 99));
    rule.share = *cep::KeyShare::parse(std::to_string(percent) + "%");
  }
}

void add_reader(Random& random, cep::Plan& plan) {
  const std::size_t raiser = random.below(plan.rules.size());
  if (random.chance(25)) plan.rules[raiser].status = cep::Status::kInternal;
  if (random.chance(15)) plan.rules[raiser].status = cep::Status::kShadow;
  const bool reads_shadow = plan.rules[raiser].status == cep::Status::kShadow;
  const bool has_key_of_one = plan.rules[raiser].key.parts.size() == 1;
  const bool any = !has_key_of_one || random.chance(25);
  Rule rule = new_rule(plan);
  if (reads_shadow && random.chance(70)) rule.status = cep::Status::kShadow;
  if (!any) {
    read_alerts_of(random, plan, raiser, rule);
  } else if (!read_any_alert(random, plan, rule)) {
    return;
  }
  consider_all(rule);
  set_captured(plan, rule);
  plan.rules.push_back(std::move(rule));
}

void add_unless_alerted(Random& random, cep::Plan& plan, std::size_t index) {
  Rule& rule = plan.rules[index];
  if (rule.key.parts.empty() || rule.key.parts.front().name == "party") return;
  if (rule.window) return;
  cep::Feature feature;
  // By a key with a name of its own only the rule itself can say it.
  const bool is_union = rule.key.parts.front().name == "account";
  feature.name = fmt::format("{}unless{}", is_union ? "$" : "", plan.features.size());
  std::vector<cep::Subset> events;
  for (const EventTypeIndex type : types_of(rule.considered)) {
    if (plan.event_types[type.value].is_alert()) return;
    events.push_back({type, nullptr, plan.event_types[type.value].name});
  }
  feature.events = {random.pick(events)};
  feature.type = type_of(TypeKind::kInt);
  feature.key = rule.key;
  const auto kind = random.pick({cep::WindowKind::kPrevious, cep::WindowKind::kPreviousEver,
                                 cep::WindowKind::kPreviousEvents});
  if (kind == cep::WindowKind::kPrevious) {
    feature.window.range = cep::PreviousWindow{seconds(random.between(1, 20))};
  } else if (kind == cep::WindowKind::kPreviousEvents) {
    cep::PreviousEventsWindow previous;
    previous.events = static_cast<std::uint32_t>(random.between(1, 5));
    feature.window.range = std::move(previous);
  } else {
    feature.window.range = cep::PreviousEverWindow();
  }
  feature.unless_alerted_by = cep::RuleIndex(index);
  auto read = std::make_shared<cep::Expr>();
  read->op = Op::kFeature;
  read->payload = cep::FeatureRead{cep::FeatureIndex(plan.features.size())};
  read->type = feature.type;
  plan.features.push_back(std::move(feature));
  const ExprPtr asked = condition(random.pick({Op::kGreaterEqual, Op::kLess}),
                                  {read, int_literal(random.between(0, 3))});
  if (random.chance(50)) {
    rule.having = all_of({rule.having, asked});
  } else {
    rule.fields.push_back({"before", read});
  }
}

void make_roles(Random& random, cep::Plan& plan, std::size_t index) {
  Rule& rule = plan.rules[index];
  if (rule.window || rule.key.parts.size() > 1) return;
  if (!rule.key.parts.empty() && rule.key.parts.front().type.kind != TypeKind::kString) return;
  const cep::Type text = type_of(TypeKind::kString);
  cep::KeyPart part{"party", text, {}};
  std::vector<EventTypeIndex> split;
  for (const EventTypeIndex type : types_of(rule.considered)) {
    const auto card = find_field(plan, {type}, "card");
    const auto device = find_field(plan, {type}, "device");
    if (!card) return;
    const cep::FieldIndex of_card = card->first.by_type.front().second;
    if (device && random.chance(80)) {
      // A role is of one event type.
      part.members.push_back({type, of_card, fmt::format("got{}", type.value)});
      part.members.push_back(
          {type, device->first.by_type.front().second, fmt::format("sent{}", type.value)});
      split.push_back(type);
    } else {
      part.members.push_back({type, of_card, ""});
    }
  }
  if (split.empty()) return;
  bool reads_unnamed = false;  // by the key that it had
  walk(static_cast<const Rule&>(rule), [&](const cep::Expr& e) {
    reads_unnamed |=
        e.op == Op::kFeature && plan.features[feature_of(e).value].name.starts_with('$');
  });
  if (reads_unnamed) return;
  rule.key.parts = {part};
  walk_elements(rule.pattern, [&](Element& element) {
    if (element.test() == nullptr) return;
    for (cep::Subset& subset : element.test()->events) {
      if (std::find(split.begin(), split.end(), subset.type) == split.end()) continue;
      const bool is_kind = subset.name != plan.event_types[subset.type.value].name;
      if (is_kind || !random.chance(80)) continue;
      subset.role = subset.name =
          fmt::format("{}{}", random.chance(50) ? "got" : "sent", subset.type.value);
    }
  });
  consider_all(rule);
  if (!random.chance(15)) return;
  // A feature by the key with roles, of all of them: text has none such.
  cep::Feature feature;
  feature.name = fmt::format("$roles{}", plan.features.size());
  const EventTypeIndex counted = random.pick(types_of(rule.considered));
  feature.events = {{counted, nullptr, plan.event_types[counted.value].name}};
  feature.type = type_of(TypeKind::kInt);
  feature.key = rule.key;
  feature.window.range = cep::LastWindow{seconds(random.between(1, 20))};
  auto read = std::make_shared<cep::Expr>();
  read->op = Op::kFeature;
  read->payload = cep::FeatureRead{cep::FeatureIndex(plan.features.size())};
  read->type = feature.type;
  plan.features.push_back(std::move(feature));
  rule.having = all_of({rule.having, condition(random.pick({Op::kGreaterEqual, Op::kLess}),
                                               {read, int_literal(random.between(0, 3))})});
}

}  // namespace tocsin::tests
