#include "cep/data/alert.h"

#include <fmt/format.h>

#include <array>

#include "cep/base/assert.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// Writes the members of a JSON object, a comma before each but the first.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  // Writes the name; the value is appended to the same text after it.
  std::string& member(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json_string(out_, name);
    out_ += ':';
    return out_;
  }
  void value(std::string_view name, const Value& value) {
    if (!value.is_missing()) append_json(member(name), value);
  }
  void text(std::string_view name, std::string_view text) {
    append_json_string(member(name), text);
  }
  template <typename Integer>
  void number(std::string_view name, Integer n) {
    fmt::format_to(std::back_inserter(member(name)), "{}", n);
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

void append_event(std::string& out, const Plan& plan, const Rule& rule, const BoundEvent& event) {
  const EventType& type = plan.event_types[event.type.value];
  ObjectWriter object(out);
  object.text("as", event.as);
  object.text("type", type.name);
  if (!event.id.empty()) object.text("id", event.id);
  object.number("ts", event.ts.us);
  object.member("fields");
  ObjectWriter fields(out);
  for (const Captured& captured : rule.captured) {
    if (captured.type != event.type) continue;
    TOCSIN_ASSERT(event.fields.size() == captured.fields.size(), "one value a captured field");
    for (std::size_t i = 0; i < captured.fields.size(); ++i) {
      fields.value(type.fields[captured.fields[i].value].name, event.fields[i].view());
    }
  }
  fields.end();
  object.end();
}

// The engine's own, as if a rule had given it.
std::string format_budget_alert(const Plan& plan, const Alert& alert) {
  const Rule& rule = plan.rules[alert.rule.value];
  std::string out;
  ObjectWriter object(out);
  object.number("format", 1);
  object.text("id", alert.id);
  object.number("revision", 0);
  object.text("phase", "final");
  object.text("rule", kBudgetRule);
  object.text("title", "A rule exceeded a budget");
  object.number("version", 1);
  object.member("key");
  ObjectWriter key(out);
  for (std::size_t i = 0; i < alert.key.size(); ++i) {
    key.value(rule.key.parts[i].name, alert.key[i].view());
  }
  key.end();
  object.number("ts", alert.ts.us);
  object.text("time", format_time(alert.ts));
  object.text("severity", severity_name(alert.severity));
  object.number("score", 0);
  object.member("tags") += "[]";
  object.text("message", alert.message);
  object.member("fields");
  ObjectWriter fields(out);
  fields.text("rule", rule.id);
  fields.text("budget", budget_name(alert.budget->cause));
  fields.number("limit", alert.budget->limit);
  fields.end();
  object.member("events") += "[]";
  object.number("held_back", 0);
  object.end();
  return out;
}
}  // namespace

const char* budget_name(BudgetCause cause) {
  constexpr std::array kNames = {"runs_per_key",   "events_per_key",  "bytes_per_key",
                                 "runs_per_group", "bytes_per_group", "steps_per_event"};
  return kNames[static_cast<std::size_t>(cause)];
}

Status status_of(const Plan& plan, const Alert& alert) {
  const Status status = plan.rules[alert.rule.value].status;
  return alert.budget && status != Status::kShadow ? Status::kLive : status;
}

std::string format_alert(const Plan& plan, const Alert& alert) {
  if (alert.budget) return format_budget_alert(plan, alert);
  const Rule& rule = plan.rules[alert.rule.value];
  std::string out;
  ObjectWriter object(out);
  object.number("format", 1);
  object.text("id", alert.id);
  object.number("revision", 0);
  object.text("phase", "final");
  object.text("rule", rule.id);
  object.text("title", rule.title);
  object.number("version", 1);
  object.member("key");
  ObjectWriter key(out);
  TOCSIN_ASSERT(alert.key.size() == rule.key.parts.size(), "one value a key part");
  for (std::size_t i = 0; i < alert.key.size(); ++i) {
    key.value(rule.key.parts[i].name, alert.key[i].view());
  }
  key.end();
  object.number("ts", alert.ts.us);
  object.text("time", format_time(alert.ts));
  object.text("severity", severity_name(alert.severity));
  const Value score = alert.score.view();
  object.value("score", score.is_missing() ? Value::integer(0) : score);
  object.member("tags") += '[';
  for (const std::string& tag : rule.tags) {
    if (&tag != &rule.tags.front()) out += ',';
    append_json_string(out, tag);
  }
  out += ']';
  object.text("message", alert.message);
  object.member("fields");
  ObjectWriter fields(out);
  TOCSIN_ASSERT(alert.fields.size() == rule.fields.size(), "one value an alert field");
  for (std::size_t i = 0; i < alert.fields.size(); ++i) {
    if (rule.fields[i].name != "score") fields.value(rule.fields[i].name, alert.fields[i].view());
  }
  fields.end();
  object.member("events") += '[';
  for (const BoundEvent& event : alert.events) {
    if (&event != &alert.events.front()) out += ',';
    append_event(out, plan, rule, event);
  }
  out += ']';
  if (alert.events_omitted != 0) object.number("events_omitted", alert.events_omitted);
  object.number("held_back", alert.held_back);
  if (alert.late_us != 0) object.number("late_us", alert.late_us);
  if (alert.truncated != 0) object.number("truncated", alert.truncated);
  if (alert.lost_runs != 0) object.number("lost_runs", alert.lost_runs);
  object.end();
  return out;
}
}  // namespace tocsin::cep
