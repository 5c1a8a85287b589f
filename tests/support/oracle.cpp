#include "tests/support/oracle.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "cep/base/assert.h"
#include "cep/value/key.h"
#include "tests/support/oracle_expr.h"
#include "tests/support/oracle_levels.h"
#include "tests/support/oracle_rule.h"
#include "tests/support/oracle_world.h"

namespace tocsin::oracle {
using cep::Alert;
using cep::EventTime;
using cep::OwnedValue;
using cep::Rule;
using cep::Value;

namespace {
bool equal_contents(const cep::Plan& plan, const PlacedEvent& a, const PlacedEvent& b) {
  if (a.type != b.type || a.ts != b.ts || a.fields.size() != b.fields.size()) return false;
  for (std::size_t i = 0; i < a.fields.size(); ++i) {
    if (plan.event_types[a.type.value].fields[i].computed) continue;
    if (!same_value(a.fields[i].view(), b.fields[i].view())) return false;
  }
  return true;
}

// What `unique` drops: an id that came before, less than `within` ago, and was kept.
void drop_repeats(const cep::Plan& plan, std::vector<PlacedEvent>& placed) {
  std::map<std::pair<std::uint32_t, std::string>, EventTime> kept;
  std::erase_if(placed, [&](const PlacedEvent& event) {
    const cep::EventType& type = plan.event_types[event.type.value];
    if (!type.unique || !type.id_field) return false;
    const Value id = event.fields[type.id_field->value].view();
    if (id.is_missing()) return false;
    std::string bytes;
    cep::append_key_part(bytes, id);
    const auto before = kept.find({event.type.value, bytes});
    if (before != kept.end() &&
        (!type.unique->within || event.engine_time < before->second + *type.unique->within)) {
      return true;
    }
    kept[{event.type.value, bytes}] = event.engine_time;
    return false;
  });
}

// A computed field as its column holds it.
OwnedValue fitted(const Value& value, const cep::Type& type) {
  Value kept = as_kept(value);
  if (kept.kind == cep::ValueKind::kInt && type.kind == cep::TypeKind::kDecimal) {
    kept = add(kept, Value::decimal(0, type.scale));
  }
  if (kept.kind == cep::ValueKind::kDecimal && kept.scale < type.scale) {
    kept = add(kept, Value::decimal(0, type.scale));
  }
  if (type.kind == cep::TypeKind::kFloat) kept = to_float(kept);
  return OwnedValue(as_kept(kept));
}

void compute_fields(const cep::Plan& plan, PlacedEvent& event) {
  const cep::EventType& type = plan.event_types[event.type.value];
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    if (!type.fields[i].computed) continue;
    World alone(plan, 0);
    Row row;
    row.type = event.type;
    row.fields = event.fields;
    alone.add_rows({row});
    event.fields[i] = fitted(evaluate(*type.fields[i].computed, {alone, 0}), type.fields[i].type);
  }
}
}  // namespace

std::vector<PlacedEvent> place_events(const cep::Plan& plan, const std::vector<Event>& events,
                                      const Options& options) {
  std::vector<PlacedEvent> placed;
  EventTime watermark = cep::kEventTimeMin;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    TOCSIN_ASSERT(event.fields.size() == plan.event_types[event.type.value].fields.size(),
                  "one value for each declared field");
    EventTime engine_time = event.ts;
    if (event.ts < watermark) {
      if (options.late == Late::kSide) continue;
      engine_time = watermark;
    }
    watermark = std::max(watermark, engine_time - options.bound);
    placed.push_back({i, event.type, engine_time, event.ts, event.fields, 0});
  }
  return settle_events(plan, std::move(placed));
}

std::vector<PlacedEvent> settle_events(const cep::Plan& plan, std::vector<PlacedEvent> placed) {
  std::stable_sort(placed.begin(), placed.end(), [](const PlacedEvent& a, const PlacedEvent& b) {
    return a.engine_time < b.engine_time;
  });
  for (std::size_t i = 0; i < placed.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool equal = placed[j].engine_time == placed[i].engine_time &&
                         equal_contents(plan, placed[j], placed[i]);
      if (equal) ++placed[i].equal_number;
    }
  }
  drop_repeats(plan, placed);
  for (PlacedEvent& event : placed) compute_fields(plan, event);
  return placed;
}

namespace {
// The alert as an event of a type, as its readers see it.
Row row_of_alert(const cep::Plan& plan, const Alert& alert, cep::EventTypeIndex type) {
  const Rule& rule = plan.rules[alert.rule.value];
  const cep::EventType& event_type = plan.event_types[type.value];
  Row row;
  row.type = type;
  row.engine_time = row.ts = alert.ts;
  row.arrival = alert.order.arrival.index;
  row.phase = alert.order.phase;
  row.alert_id = cep::alert_id(alert.digest);
  std::vector<OwnedValue> fields = {OwnedValue(Value::time(alert.ts))};
  const Value severity =
      Value::enumerated(static_cast<int>(alert.severity), cep::severity_name(alert.severity));
  const bool has_score = std::any_of(rule.fields.begin(), rule.fields.end(),
                                     [](const cep::AlertField& f) { return f.name == "score"; });
  const OwnedValue score(has_score ? as_kept(alert.score()) : Value::integer(0));
  if (event_type.alert_of) {
    for (const OwnedValue& part : alert.key) fields.push_back(part);
    fields.push_back(score);
    fields.emplace_back(severity);
    for (std::size_t i = 0; i < rule.fields.size(); ++i) {
      if (rule.fields[i].name != "score") fields.emplace_back(as_kept(alert.fields[i].view()));
    }
  } else {
    const auto joined = [](const std::vector<std::string>& texts) {
      std::string out;
      for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
      return OwnedValue(Value::string(out));
    };
    std::vector<std::string> key;
    for (const OwnedValue& part : alert.key) key.push_back(to_text(part.view()));
    fields.emplace_back(Value::string(rule.id));
    fields.emplace_back(severity);
    fields.emplace_back(has_score ? to_float(alert.score()) : Value::floating(0));
    fields.push_back(joined(key));
    fields.push_back(joined(rule.tags));
  }
  // A field's type may be wider than the value.
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const cep::Type& wanted = event_type.fields[i].type;
    const cep::ValueKind kind = fields[i].view().kind;
    if (kind == cep::ValueKind::kInt || kind == cep::ValueKind::kDecimal) {
      fields[i] = fitted(fields[i].view(), wanted);
    }
  }
  row.fields = std::move(fields);
  return row;
}

// Ordinals: alerts that agree in all of the order count up as they were raised.
void number(std::vector<Alert>& alerts) {
  std::map<std::string, std::uint32_t> count;
  for (Alert& alert : alerts) {
    const cep::OrderKey& order = alert.order;
    std::string place =
        std::to_string(order.time.us) + "/" + std::to_string(static_cast<int>(order.phase)) + "/" +
        std::to_string(order.arrival.index) + "/" + std::to_string(order.role) + "/" + order.key;
    alert.order.ordinal = count[place]++;
  }
}
}  // namespace

std::optional<Outcome> evaluate(const cep::Plan& plan, const std::vector<PlacedEvent>& events,
                                const Options& options) {
  World world(plan, options.work_max);
  std::size_t numbers = 0;
  std::vector<Row> rows;
  for (const PlacedEvent& event : events) {
    if (event.engine_time > options.end) continue;
    Row row;
    row.number = numbers++;
    row.type = event.type;
    row.engine_time = event.engine_time;
    row.ts = event.ts;
    row.fields = event.fields;
    row.equal_number = event.equal_number;
    row.arrival = event.arrival;
    rows.push_back(std::move(row));
  }
  world.add_rows(std::move(rows));
  Outcome outcome;
  std::map<std::pair<std::string, std::uint32_t>, std::size_t> number_of_alert;  // id, type
  for (const std::vector<cep::RuleIndex>& stage : stages_of(plan)) {
    std::vector<Alert> raised;
    for (const cep::RuleIndex rule : stage) {
      std::vector<Alert> alerts = RuleRun(world, rule, level_of(plan, rule), options.end).run();
      if (world.exhausted()) return std::nullopt;
      number(alerts);
      std::move(alerts.begin(), alerts.end(), std::back_inserter(raised));
    }
    std::sort(raised.begin(), raised.end(),
              [](const Alert& a, const Alert& b) { return a.order < b.order; });
    std::move(raised.begin(), raised.end(), std::back_inserter(outcome.alerts));
    // All alerts so far, in their order, are the events of the next stage.
    std::sort(outcome.alerts.begin(), outcome.alerts.end(),
              [](const Alert& a, const Alert& b) { return a.order < b.order; });
    world.remove_alerts();
    std::vector<Row> new_rows;
    for (const Alert& alert : outcome.alerts) {
      // Outside its share a rule is as in shadow, and nothing else sees what it raises.
      if (!plan.rules[alert.rule.value].share.has(alert.order.key)) continue;
      for (const cep::EventTypeIndex type : types_of_alert(plan, alert.rule)) {
        new_rows.push_back(row_of_alert(plan, alert, type));
        const auto known =
            number_of_alert.try_emplace({cep::alert_id(alert.digest), type.value}, numbers);
        if (known.second) ++numbers;
        new_rows.back().number = known.first->second;
      }
    }
    if (!new_rows.empty()) world.add_rows(std::move(new_rows));
  }
  if (world.exhausted()) return std::nullopt;
  outcome.work = world.work();
  return outcome;
}
}  // namespace tocsin::oracle
