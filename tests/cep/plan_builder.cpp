#include "tests/cep/plan_builder.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include "cep/engine/engine.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
using cep::EventTypeIndex;
using cep::FieldIndex;
using cep::TypeKind;
using cep::Value;

namespace {
template <typename Items>
std::size_t place_of(const Items& items, const std::string& name) {
  const auto found =
      std::find_if(items.begin(), items.end(), [&](const auto& i) { return i.name == name; });
  REQUIRE_MESSAGE(found != items.end(), "no " << name);
  return static_cast<std::size_t>(found - items.begin());
}
}  // namespace

PlanBuilder::PlanBuilder() {
  add_type("pay", {"card", "device"});
  add_type("transfer", {"from_account", "to_account"});
}

std::size_t PlanBuilder::add_type(const std::string& name, const std::vector<std::string>& texts) {
  cep::EventType type;
  type.name = type.json_type = name;
  type.fields = {field_of("ts", type_of(TypeKind::kTime)), field_of("id", type_of(TypeKind::kInt))};
  for (const std::string& text : texts) {
    type.fields.push_back(field_of(text, type_of(TypeKind::kString)));
  }
  type.fields.push_back(field_of("amount", type_of(TypeKind::kInt)));
  type.id_field = FieldIndex(1);
  plan.event_types.push_back(type);
  return plan.event_types.size() - 1;
}

EventTypeIndex PlanBuilder::type(const std::string& name) const {
  return EventTypeIndex(place_of(plan.event_types, name));
}
cep::Subset PlanBuilder::kind(const std::string& name, const std::string& role) const {
  return {type(name), nullptr, role.empty() ? name : role, role};
}

cep::ExprPtr PlanBuilder::field(const std::string& name,
                                const std::vector<std::string>& types) const {
  std::vector<EventTypeIndex> indices;
  for (const std::string& t : types) indices.push_back(type(t));
  std::sort(indices.begin(), indices.end());
  const auto found = find_field(plan, indices, name);
  REQUIRE_MESSAGE(found.has_value(), "no field " << name);
  return field_read(*found);
}

cep::ExprPtr PlanBuilder::read(const std::string& feature,
                               std::vector<cep::ExprPtr> arguments) const {
  auto expr = std::make_shared<cep::Expr>();
  expr->op = cep::Op::kFeature;
  const std::size_t index = place_of(plan.features, feature);
  expr->payload = cep::FeatureRead{cep::FeatureIndex(index)};
  expr->type = plan.features[index].type;
  expr->args = std::move(arguments);
  return expr;
}

cep::KeySpec PlanBuilder::key(const std::string& name, const std::vector<Member>& members) const {
  cep::KeyPart part;
  part.name = name;
  for (const Member& member : members) {
    const EventTypeIndex index = type(member.type);
    const std::vector<cep::Field>& fields = plan.event_types[index.value].fields;
    const FieldIndex field(place_of(fields, member.field));
    part.type = fields[field.value].type;
    part.members.push_back({index, field, member.role});
  }
  return {{part}};
}

cep::Feature& PlanBuilder::count(const std::string& name, std::vector<cep::Subset> events,
                                 cep::KeySpec key, std::int64_t last_ms, cep::ExprPtr where) {
  cep::Feature feature;
  feature.name = name;
  feature.type = type_of(TypeKind::kInt);
  feature.events = std::move(events);
  feature.key = std::move(key);
  feature.window.range = cep::LastWindow{cep::Duration{last_ms * 1'000}};
  feature.where = std::move(where);
  plan.features.push_back(std::move(feature));
  return plan.features.back();
}

cep::Rule& PlanBuilder::rule(const std::string& name, cep::KeySpec key,
                             const std::vector<std::vector<cep::Subset>>& steps,
                             const cep::ExprPtr& where) {
  cep::Rule rule;
  rule.name = rule.id = name;
  rule.key = std::move(key);
  std::set<std::pair<EventTypeIndex, std::string>> considered;
  for (const std::vector<cep::Subset>& events : steps) {
    cep::Step step;
    step.events = events;
    step.var = cep::VarIndex(rule.variables.size());
    rule.variables.push_back({std::string(1, static_cast<char>('a' + rule.pattern.size())), false});
    if (&events == &steps.front()) step.where = where;
    rule.pattern.push_back(step);
    for (const cep::Subset& subset : events) {
      if (considered.insert({subset.type, subset.role}).second) rule.considered.push_back(subset);
    }
  }
  plan.rules.push_back(std::move(rule));
  return plan.rules.back();
}

cep::Rule& PlanBuilder::window(const std::string& name, cep::KeySpec key, bool session,
                               std::int64_t ms, std::vector<cep::Subset> events,
                               std::vector<cep::Subset> considering) {
  cep::Rule rule;
  rule.name = rule.id = name;
  rule.key = std::move(key);
  rule.variables.push_back({"w", true});
  rule.considered = events;
  rule.considered.insert(rule.considered.end(), considering.begin(), considering.end());
  const cep::Duration length{ms * 1'000};
  cep::ClosingWindow& window = rule.window.emplace();
  window.span = cep::SessionSpan{length};
  if (!session) window.span = cep::TumblingSpan{length};
  window.events = std::move(events);
  plan.rules.push_back(std::move(rule));
  return plan.rules.back();
}

cep::ExprPtr PlanBuilder::of_window(cep::Aggregate aggregate, const cep::ExprPtr& argument,
                                    const cep::ExprPtr& where) const {
  auto expr = std::make_shared<cep::Expr>();
  expr->op = cep::Op::kAggregate;
  expr->payload = cep::VariableAggregate{cep::VarIndex(0), aggregate};
  expr->type = argument ? argument->type : type_of(TypeKind::kInt);
  if (argument || where) expr->args.push_back(argument);
  if (where) expr->args.push_back(where);
  return expr;
}

void PlanBuilder::alert_type(const std::string& name, const std::vector<std::string>& rules) {
  cep::EventType type;
  type.name = name;
  type.fields = {field_of("ts", type_of(TypeKind::kTime))};
  const auto add = [&](const std::string& field, const cep::Type& of) {
    type.fields.push_back(field_of(field, of));
  };
  if (rules.size() == 1) {
    type.alert_of = cep::RuleIndex(place_of(plan.rules, rules[0]));
    const cep::Rule& rule = plan.rules[type.alert_of->value];
    for (const cep::KeyPart& part : rule.key.parts) add(part.name, part.type);
    add("score", type_of(TypeKind::kInt));
    add("severity", cep::severity_type());
    for (const cep::AlertField& field : rule.fields) {
      if (field.name != "score") add(field.name, field.expr->type);
    }
  } else {
    for (const std::string& rule : rules) {
      type.any_alert_of.emplace_back(place_of(plan.rules, rule));
    }
    add("rule", type_of(TypeKind::kString));
    add("severity", cep::severity_type());
    add("score", type_of(TypeKind::kFloat));
    add("key", type_of(TypeKind::kString));
    add("tags", type_of(TypeKind::kString));
  }
  for (cep::Field& field : type.fields) field.path.clear();
  plan.event_types.push_back(type);
}

void PlanBuilder::show(cep::Rule& rule, const std::string& text, cep::ExprPtr expr) {
  rule.message.push_back({text, nullptr});
  rule.message.push_back({"", std::move(expr)});
}

std::vector<oracle::Event> PlanBuilder::events(const std::vector<std::string>& lines) const {
  std::vector<oracle::Event> events;
  for (const std::string& line : lines) {
    std::istringstream in(line);
    std::string name;
    std::int64_t ms = 0;
    in >> name >> ms;
    oracle::Event event;
    event.type = type(name);
    event.ts = cep::EventTime{ms * 1'000};
    const cep::EventType& event_type = plan.event_types[event.type.value];
    event.fields.assign(event_type.fields.size(), cep::OwnedValue(Value::missing()));
    event.fields[0] = cep::OwnedValue(Value::time(event.ts));
    event.fields[1] = cep::OwnedValue(Value::integer(static_cast<std::int64_t>(events.size() + 1)));
    std::string pair;
    while (in >> pair) {
      const std::string field = pair.substr(0, pair.find('='));
      const std::string text = pair.substr(field.size() + 1);
      const std::size_t place = place_of(event_type.fields, field);
      event.fields[place] = cep::OwnedValue(event_type.fields[place].type.kind == TypeKind::kInt
                                                ? Value::integer(std::stoll(text))
                                                : Value::string(text));
    }
    events.push_back(std::move(event));
  }
  return events;
}

Lines PlanBuilder::alerts(const std::vector<std::string>& lines, std::int64_t end_ms) const {
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  oracle::Options options;
  options.bound = cep::Duration{1'000'000'000};
  const auto placed = oracle::place_events(plan, events(lines), options);
  options.end = cep::EventTime{end_ms * 1'000};
  const auto expected = oracle::evaluate(plan, placed, options);
  REQUIRE(expected.has_value());
  const std::vector<std::string> of_oracle = alert_lines(plan, expected->alerts);
  std::vector<std::string> bytes;
  Lines shown{};
  for (const Cut& cut : {Cut{10'000, 1}, Cut{7, 1}, Cut{1, 2}, Cut{1, 1, true}, Cut{3, 2, true}}) {
    const auto alerts = run_engine(*program, placed, cep::EventTime{end_ms * 1'000}, cut);
    const std::vector<std::string> now = alert_lines(plan, alerts);
    if (!shown.all.empty() || !bytes.empty()) {
      CHECK(now == bytes);
      continue;
    }
    bytes = now;
    CHECK(bytes == of_oracle);
    for (std::size_t i = 0; i < alerts.size(); ++i) {
      const cep::Alert& alert = alerts[i];
      if (i > 0) CHECK((alerts[i - 1].order < alert.order));
      std::string key;
      for (const cep::OwnedValue& part : alert.key) key += " " + cep::to_text(part.view());
      std::vector<std::string> ids;
      for (const cep::BoundEvent& event : alert.events) {
        const bool is_alert = plan.event_types[event.type.value].is_alert();
        ids.push_back(fmt::format("{}={}", event.as,
                                  is_alert ? plan.event_types[event.type.value].name : event.id));
      }
      shown.all.push_back(fmt::format("{}@{}{}: {} [{}]", plan.rules[alert.rule.value].name,
                                      alert.ts.us / 1'000, key, alert.message,
                                      fmt::join(ids, " ")));
    }
  }
  return shown;
}

std::string PlanBuilder::refusal() const {
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
  return program ? "" : program.error().message;
}
}  // namespace tocsin::tests
