#include "tests/support/rule_streams.h"

#include <algorithm>
#include <utility>

namespace tocsin::tests {
RuleStreams::RuleStreams(Random& random, const cep::Rule& rule) : random_(random), rule_(rule) {
  for (const cep::Subset& subset : rule.considered) {
    if (std::ranges::find(kinds_, subset.type) == kinds_.end()) kinds_.push_back(subset.type);
  }
  collect(rule.pattern);
  const auto add = [&](const std::optional<cep::Duration>& duration) {
    if (duration && duration->us > 0) durations_.push_back(duration->us);
  };
  add(rule.within);
  if (rule.without) add(rule.without->absent_for);
  if (rule.suppression.kind() == cep::Once::kPerDuration) add(rule.suppression.duration());
  if (rule.suppression.at_most) add(rule.suppression.at_most->duration);
}

std::vector<oracle::Event> RuleStreams::write(std::size_t most) {
  begin();
  if (random_.chance(30)) {
    const std::size_t count = 1 + random_.below(most);
    for (std::size_t i = 0; i < count; ++i) add(any_kind());
  } else {
    const std::size_t rounds = 1 + random_.weighted({40, 35, 15, 10});
    for (std::size_t i = 0; i < rounds && events_.size() < most; ++i) walk(rule_.pattern);
    while (events_.size() > most) events_.pop_back();
  }
  if (events_.empty()) add(any_kind());
  return std::move(events_);
}

std::vector<oracle::Event> RuleStreams::write(const std::vector<cep::EventTypeIndex>& word) {
  begin();
  for (const cep::EventTypeIndex kind : word) add(kind);
  return std::move(events_);
}

void RuleStreams::collect(const std::vector<cep::Element>& elements) {
  for (const cep::Element& element : elements) {
    if (element.gap) durations_.push_back(element.gap->us);
    if (element.absent_for()) durations_.push_back(element.absent_for()->us);
    collect(element.children());
  }
}
void RuleStreams::begin() {
  events_.clear();
  now_ = 1'000'000'000;
  pace_ = random_.weighted({40, 30, 30});
}
void RuleStreams::add(cep::EventTypeIndex kind) {
  now_ = std::max(now_, next_time());
  oracle::Event event;
  event.type = kind;
  event.ts = cep::EventTime{now_};
  event.fields = {cep::OwnedValue(cep::Value::time(event.ts)),
                  cep::OwnedValue(cep::Value::integer(static_cast<std::int64_t>(events_.size())))};
  events_.push_back(std::move(event));
}
std::int64_t RuleStreams::next_time() {
  if (pace_ == 0 && random_.chance(85)) return now_ + 1;
  const std::size_t how = random_.weighted({10, 25, 25, 40});
  if (how == 3 && !events_.empty() && !durations_.empty()) {
    const std::int64_t border =
        events_[random_.below(events_.size())].ts.us + durations_[random_.below(durations_.size())];
    return border + random_.pick({-1, 0, 1});
  }
  if (how == 0) return now_;
  if (how == 1) return now_ + 1;
  return now_ + (pace_ == 1 ? 100'000 : 500'000) * random_.between(1, 4);
}
void RuleStreams::noise() {
  for (std::size_t i = random_.weighted({70, 22, 8}); i > 0; --i) add(any_kind());
}
void RuleStreams::walk(const std::vector<cep::Element>& elements) {
  for (const cep::Element& element : elements) {
    noise();
    if (element.is_step()) {
      if (element.is_optional() && random_.chance(50)) continue;
      std::size_t count = element.quantifier().min + random_.weighted({60, 25, 15});
      if (random_.chance(5)) --count;
      for (; count > 0; --count) {
        add(element.events()[random_.below(element.events().size())].type);
        if (random_.chance(25)) noise();
      }
      if (!element.until_events().empty() && random_.chance(40))
        add(element.until_events()[0].type);
    } else if (random_.chance(30)) {
      add(element.events()[0].type);
    }
  }
  noise();
}
}  // namespace tocsin::tests
