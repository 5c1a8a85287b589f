#include "cep/data/alert_format.h"

#include <array>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/identity.h"

namespace tocsin::cep {
namespace {
std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
std::string member_name(std::string_view name) { return quoted(name) + ":"; }

// `severity` with its place between `time` and `score`.
std::string_view severity_member(Severity severity) {
  constexpr std::array<std::string_view, 5> kMembers = {
      "\",\"severity\":\"info\",\"score\":", "\",\"severity\":\"low\",\"score\":",
      "\",\"severity\":\"medium\",\"score\":", "\",\"severity\":\"high\",\"score\":",
      "\",\"severity\":\"critical\",\"score\":"};
  return kMembers[static_cast<std::size_t>(severity)];
}

// Writes members whose names are given as JSON, a comma before each but the first.
class Members {
 public:
  explicit Members(TextBuffer& out) : out_(out) {}
  // Nothing of a missing value.
  void value(std::string_view name, const Value& value) {
    if (value.is_missing()) return;
    if (!std::exchange(is_first_, false)) out_.push_back(',');
    out_.append(name);
    append_json(out_, value);
  }

 private:
  TextBuffer& out_;
  bool is_first_ = true;
};

constexpr char kTimeMember[] = ",\"ts\":";

template <std::size_t kSize>
void put_count(TextBuffer& out, const char (&member)[kSize], std::uint64_t count) {
  if (count == 0) return;
  out.literal(member);
  out.number(count);
}
}  // namespace

// An event's text, between its `as` and its id, or its time where it has no id.
struct AlertFormat::EventText {
  EventTypeIndex type;
  std::string to_id;
  std::string to_time;
  std::vector<std::string> fields;  // parallel to the rule's Captured fields of the type
};
struct AlertFormat::RuleText {
  std::string head;                 // after the alert's id, up to the first part of its key
  std::vector<std::string> key;     // names of members
  std::string tags;                 // after the score, up to the message
  std::vector<std::string> fields;  // names of members; empty: `score`, which stands elsewhere
  std::vector<EventText> events;    // all types of the plan
};

AlertFormat::AlertFormat(const Plan& plan) : plan_(&plan), rules_(plan.rules.size()) {}
AlertFormat::~AlertFormat() = default;
AlertFormat::AlertFormat(AlertFormat&&) noexcept = default;
AlertFormat& AlertFormat::operator=(AlertFormat&&) noexcept = default;

const AlertFormat::RuleText& AlertFormat::text_of(RuleIndex index) {
  std::unique_ptr<const RuleText>& known = rules_[index.value];
  if (known) return *known;
  const Rule& rule = plan_->rules[index.value];
  RuleText text;
  text.head = R"(","revision":0,"phase":"final","rule":)" + quoted(rule.id) + R"(,"title":)" +
              quoted(rule.title) + R"(,"version":1,"key":{)";
  for (const auto& part : rule.key.parts) text.key.push_back(member_name(part.name));
  text.tags = R"(,"tags":[)";
  for (const std::string& tag : rule.tags) {
    if (&tag != &rule.tags.front()) text.tags += ',';
    text.tags += quoted(tag);
  }
  text.tags += R"(],"message":)";
  for (const AlertField& field : rule.fields) {
    text.fields.push_back(field.name == "score" ? "" : member_name(field.name));
  }
  for (const Captured& captured : rule.captured) {
    const EventType& type = plan_->event_types[captured.type.value];
    const std::string head = R"(,"type":)" + quoted(type.name);
    EventText event{captured.type, head + R"(,"id":)", head + kTimeMember, {}};
    for (const FieldIndex field : captured.fields) {
      event.fields.push_back(member_name(type.fields[field.value].name));
    }
    text.events.push_back(std::move(event));
  }
  known = std::make_unique<const RuleText>(std::move(text));
  return *known;
}

void AlertFormat::put_event(const RuleText& rule, const BoundEvent& event) {
  out_.literal("{\"as\":");
  append_json_string(out_, event.as);
  const EventText* text = nullptr;
  for (const EventText& one : rule.events) {
    if (one.type == event.type) text = &one;
  }
  if (text != nullptr) {
    out_.append(event.id.empty() ? text->to_time : text->to_id);
  } else {  // the rule keeps none of its fields
    out_.literal(",\"type\":");
    append_json_string(out_, plan_->event_types[event.type.value].name);
    if (event.id.empty()) {
      out_.literal(kTimeMember);
    } else {
      out_.literal(",\"id\":");
    }
  }
  if (!event.id.empty()) {
    append_json_string(out_, event.id);
    out_.literal(kTimeMember);
  }
  out_.number(event.ts.us);
  out_.literal(",\"fields\":{");
  if (text != nullptr) {
    TOCSIN_ASSERT(event.fields.size() == text->fields.size(), "one value a captured field");
    Members fields(out_);
    for (std::size_t i = 0; i < event.fields.size(); ++i) {
      fields.value(text->fields[i], event.fields[i]);
    }
  }
  out_.literal("}}");
}

std::string_view AlertFormat::event(RuleIndex rule, const BoundEvent& event) {
  out_.clear();
  put_event(text_of(rule), event);
  return out_.text();
}

std::string_view AlertFormat::line(const Alert& alert) {
  out_.clear();
  out_.literal("{\"format\":1,\"id\":\"");
  append_alert_id(out_, alert.digest);
  const RuleText& text = text_of(alert.rule);
  if (alert.budget) {
    out_.literal("\",\"revision\":0,\"phase\":\"final\",\"rule\":\"");
    out_.append(kBudgetRule);
    out_.literal("\",\"title\":\"A rule exceeded a budget\",\"version\":1,\"key\":{");
  } else {
    TOCSIN_ASSERT(alert.key.size() == text.key.size(), "one value a key part");
    out_.append(text.head);
  }
  Members key(out_);
  for (std::size_t i = 0; i < alert.key.size(); ++i) key.value(text.key[i], alert.key[i].view());
  out_.literal("},\"ts\":");
  out_.number(alert.ts.us);
  out_.literal(",\"time\":\"");
  time_.set(alert.ts);
  out_.append(time_.view());
  out_.append(severity_member(alert.severity));
  if (alert.budget) {
    out_.literal("0,\"tags\":[],\"message\":");
    append_json_string(out_, alert.message);
    out_.literal(",\"fields\":{\"rule\":");
    append_json_string(out_, plan_->rules[alert.rule.value].id);
    out_.literal(",\"budget\":\"");
    out_.append(budget_name(alert.budget->cause));
    out_.literal("\",\"limit\":");
    out_.number(alert.budget->limit);
    out_.literal("},\"events\":[],\"held_back\":0}");
    return out_.text();
  }
  if (const Value score = alert.score(); score.is_missing()) {
    out_.push_back('0');
  } else {
    append_json(out_, score);
  }
  out_.append(text.tags);
  append_json_string(out_, alert.message);
  out_.literal(",\"fields\":{");
  TOCSIN_ASSERT(alert.fields.size() == text.fields.size(), "one value an alert field");
  Members fields(out_);
  for (std::size_t i = 0; i < alert.fields.size(); ++i) {
    if (!text.fields[i].empty()) fields.value(text.fields[i], alert.fields[i].view());
  }
  out_.literal("},\"events\":[");
  for (std::size_t i = 0; i < alert.events.size(); ++i) {
    if (i > 0) out_.push_back(',');
    if (const std::string_view json = alert.events.json(i); json.empty()) {
      put_event(text, alert.events[i]);
    } else {
      out_.append(json);
    }
  }
  out_.push_back(']');
  put_count(out_, ",\"events_omitted\":", alert.events_omitted);
  out_.literal(",\"held_back\":");
  out_.number(alert.held_back);
  put_count(out_, ",\"late_us\":", alert.late_us);
  put_count(out_, ",\"truncated\":", alert.truncated);
  put_count(out_, ",\"lost_runs\":", alert.lost_runs);
  out_.push_back('}');
  return out_.text();
}

std::string format_alert(const Plan& plan, const Alert& alert) {
  return std::string(AlertFormat(plan).line(alert));
}
}  // namespace tocsin::cep
