#include "api/backtest/alert_tally.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::api {
namespace {
// "card c1", behind what is there.
void append_value(std::string& text, std::string_view name, const cep::Value& value) {
  if (value.is_missing()) return;
  if (!text.empty() && !text.ends_with(": ")) text += ", ";
  text += fmt::format("{} {}", name, cep::to_text(value));
}

std::string event_text(const cep::Plan& plan, const cep::Rule& rule, const cep::BoundEvent& event) {
  std::string text = fmt::format("{} {}: ", event.as, cep::format_time(event.ts));
  const auto captured = std::ranges::find(rule.captured, event.type, &cep::Captured::type);
  if (captured != rule.captured.end()) {
    const cep::EventType& type = plan.event_types[event.type.value];
    for (std::size_t i = 0; i < event.fields.size(); ++i) {
      append_value(text, type.fields[captured->fields[i].value].name, event.fields[i]);
    }
  }
  if (text.ends_with(": ")) text.resize(text.size() - 2);
  return text;
}
}  // namespace

AlertTally::AlertTally(const cep::Plan& plan, const Labels* labels, const TallyOptions& options)
    : plan_(plan),
      labels_(labels),
      options_(options),
      facts_maker_(plan),
      format_(plan),
      rules_(plan.rules.size()) {
  if (!options.value.empty()) value_reader_.emplace(plan, options.value);
}

void AlertTally::add(const cep::Alert& alert) {
  if (alert.budget) return;
  RuleTally& rule = rules_[alert.rule.value];
  ++rule.alerts;
  rule.held_back += alert.held_back;
  ++rule.by_day[day_of(alert.ts)];
  ++rule.by_hour[static_cast<std::size_t>(hour_of(alert.ts))];
  if (rule.samples.size() < options_.samples) rule.samples.push_back(sample_of(alert));
  const AlertFacts facts = facts_maker_.facts_of(alert);
  const AlertValue value = value_reader_ ? value_reader_->value_of(alert) : AlertValue{};
  if (facts_.size() < options_.facts_max) {
    facts_.push_back(facts);
    if (value_reader_) values_.push_back(value);
    if (options_.changed != nullptr) {
      options_.changed->add(options_.set, facts, [&] { return sample_of(alert); });
    }
  } else {
    ++facts_left_out_;
  }
  bool has_found = false;
  if (labels_ != nullptr) {
    found_.clear();
    labels_->find(alert, facts, found_);
    has_found = rule.labels.add(*labels_, found_, alert.ts);
    labels_of_all_.add(*labels_, found_, alert.ts);
  }
  if (!value_reader_) return;
  rule.value.add(value, has_found);
  value_of_all_.add(value, has_found);
}

SampleAlert AlertTally::sample_of(const cep::Alert& alert) {
  const cep::Rule& rule = plan_.rules[alert.rule.value];
  SampleAlert sample;
  sample.json = format_.line(alert);
  sample.time = cep::format_time(alert.ts);
  for (std::size_t i = 0; i < alert.key.size(); ++i) {
    append_value(sample.key, rule.key.parts[i].name, alert.key[i].view());
  }
  sample.message = alert.message;
  for (const cep::BoundEvent& event : alert.events) {
    sample.events.push_back(event_text(plan_, rule, event));
  }
  sample.events_omitted = alert.events_omitted;
  return sample;
}
}  // namespace tocsin::api
