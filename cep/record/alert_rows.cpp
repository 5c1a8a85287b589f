#include "cep/record/alert_rows.h"

#include <algorithm>
#include <string>

#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
bool has_score(const Rule& rule) {
  return std::any_of(rule.fields.begin(), rule.fields.end(),
                     [](const AlertField& field) { return field.name == "score"; });
}
std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) {
    if (&text != &texts.front()) all += ", ";
    all += text;
  }
  return all;
}
}  // namespace

AlertRows::AlertRows(const ProgramImpl& program)
    : program_(program), entries_of_type_(program.plan->event_types.size()) {}

void AlertRows::clear() {
  if (entries_.empty()) return;
  for (const Entry& entry : entries_) {
    entries_of_type_[entry.row.type.value] = 0;
    for (Column& column : batch_->types[entry.row.type.value].fields) {
      column.known.clear();
      column.words.clear();
      column.texts.clear();
    }
  }
  batch_->texts.clear();
  entries_.clear();
}

bool AlertRows::add(std::span<const Alert> alerts, Batch& batch, std::uint64_t& values_missing) {
  batch_ = &batch;
  const std::size_t before = entries_.size();
  for (const Alert& alert : alerts) {
    if (!program_.plan->rules[alert.rule.value].share.has(alert.order.key)) continue;
    for (const EventTypeIndex type : program_.alert_types[alert.rule.value]) {
      append(alert, type, batch, values_missing);
    }
  }
  if (entries_.size() == before) return false;
  // Those of one alert were made one after the other.
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.order < b.order; });
  std::uint32_t place = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const OrderKey& order = entries_[i].order;
    const bool is_next = i > 0 && entries_[i - 1].order.time == order.time &&
                         entries_[i - 1].order.phase == order.phase &&
                         entries_[i - 1].order.arrival == order.arrival;
    place = is_next ? place + 1 : 1;
    ArrivalNumber& arrival = entries_[i].row.arrival;
    arrival = order.arrival;
    arrival.after = place | (order.phase == Phase::kTimer ? ArrivalNumber::kOfTimer : 0);
  }
  return true;
}

void AlertRows::append(const Alert& alert, EventTypeIndex type_index, Batch& batch,
                       std::uint64_t& values_missing) {
  const Plan& plan = *program_.plan;
  const EventType& type = plan.event_types[type_index.value];
  const Rule& rule = plan.rules[alert.rule.value];
  Entry entry;
  entry.order = alert.order;
  entry.number = static_cast<std::uint32_t>(entries_.size());
  entry.row.type = type_index;
  entry.row.index = entries_of_type_[type_index.value]++;
  entry.row.engine_time = entry.row.ts = alert.ts;
  entry.row.raw = batch.texts.store(alert_id(alert.digest));
  entries_.push_back(entry);

  std::vector<Column>& columns = batch.types[type_index.value].fields;
  std::size_t next = 0;
  const auto put = [&](const Value& value) {
    const std::size_t field = next++;
    if (!program_.used_fields[type_index.value][field]) return;
    const Value fitting = value_as(type.fields[field].type, value);
    if (fitting.is_missing() && !value.is_missing()) ++values_missing;
    append_value(columns[field], type.fields[field].type, fitting, batch.texts);
  };
  const Value score = alert.score();
  const Value shown_score = score.is_missing() && !has_score(rule) ? Value::integer(0) : score;
  const std::string severity = severity_name(alert.severity);
  const auto put_severity = [&] {
    const Type& as = type.fields[next].type;
    put(as.kind == TypeKind::kEnum
            ? Value::enumerated(static_cast<std::int64_t>(alert.severity), severity)
            : Value::string(severity));
  };
  put(Value::time(alert.ts));
  if (type.alert_of) {
    for (const OwnedValue& part : alert.key) put(part.view());
    put(shown_score);
    put_severity();
    for (std::size_t i = 0; i < rule.fields.size(); ++i) {
      if (rule.fields[i].name != "score") put(alert.fields[i].view());
    }
    return;
  }
  put(Value::string(rule.id));
  put_severity();
  put(shown_score);
  std::vector<std::string> key;
  for (const OwnedValue& part : alert.key) key.push_back(to_text(part.view()));
  put(Value::string(joined(key)));
  put(Value::string(joined(rule.tags)));
}
}  // namespace tocsin::cep
