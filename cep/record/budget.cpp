#include "cep/record/budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <string_view>

#include "cep/compile/pattern_program.h"
#include "cep/data/key_part.h"
#include "cep/plan/rule.h"
#include "cep/value/identity.h"

namespace tocsin::cep {
namespace {
constexpr std::int64_t kHourUs = 3'600'000'000;

std::int64_t hour_of(EventTime time) {
  return (time.us >= 0 ? time.us : time.us - (kHourUs - 1)) / kHourUs;
}

bool is_of_key(BudgetCause cause) {
  return cause != BudgetCause::kRunsPerGroup && cause != BudgetCause::kBytesPerGroup;
}

struct CauseWords {
  const char* what;  // was exceeded
  const char* of;    // what shares it
};
std::string message_of(const std::string& rule, const std::vector<OwnedValue>& key,
                       BudgetCause cause, std::uint64_t limit) {
  if (cause == BudgetCause::kStepsPerEvent) {
    std::string shown;
    for (const OwnedValue& value : key) {
      shown += (shown.empty() ? " of the key " : ", ") + to_text(value.view());
    }
    return fmt::format(
        "{} needed more than {} steps at one event{}: the oldest partial matches were dropped, or "
        "further matches given up",
        rule, limit, shown);
  }
  constexpr std::array<CauseWords, 5> kWords = {{{"partial matches", "one key"},
                                                 {"captured events", "one key"},
                                                 {"bytes", "one key"},
                                                 {"partial matches", "a group of keys"},
                                                 {"bytes", "a group of keys"}}};
  const CauseWords& words = kWords[static_cast<std::size_t>(cause)];
  return fmt::format("{} remembered more than {} {} of {}: the oldest were dropped", rule, limit,
                     words.what, words.of);
}
}  // namespace

void BudgetMeter::begin(const Plan& plan, const Rule& rule,
                        const std::vector<CaptureLayout>& layouts, const std::byte* base,
                        std::size_t words) {
  plan_ = &plan;
  rule_ = &rule;
  layouts_ = &layouts;
  base_ = base;
  if (seen_.size() < words) seen_.resize(words, 0);
  if (++round_ == 0) {
    std::ranges::fill(seen_, 0);
    round_ = 1;
  }
  arrivals_.clear();
  events_ = bytes_ = 0;
}

bool BudgetMeter::is_new(Offset offset) { return std::exchange(seen_[offset], round_) != round_; }

void BudgetMeter::add(Offset node) {
  bytes_ += kPartialMatchBytes;
  for (Offset at = node; at != 0 && is_new(at);) {
    ++work_;
    const Node* const place = RecordStore::at<Node>(base_, at);
    bytes_ += kPlaceBytes;
    const auto* const event = RecordStore::at<KeptEvent>(base_, place->event);
    // It may be captured more than once: its arrival says which it is.
    if (is_new(place->event) && arrivals_.insert(event->arrival()).second) {
      ++events_;
      bytes_ += budget_bytes(*plan_, *rule_, (*layouts_)[event->type], *event);
    }
    at = place->parent;
  }
}

RunTally& BudgetTallies::at(RuleIndex rule, std::uint64_t hash) {
  Held& held = tallies_[{hash, rule.value}];
  held.is_used = true;
  return held.tally;
}

RunTally* BudgetTallies::find(RuleIndex rule, std::uint64_t hash) {
  const auto held = tallies_.find({hash, rule.value});
  if (held == tallies_.end()) return nullptr;
  held->second.is_used = true;
  return &held->second.tally;
}

void BudgetTallies::forget_held(std::uint64_t hash) {
  for (auto held = tallies_.lower_bound({hash, 0});
       held != tallies_.end() && held->first.first == hash; ++held) {
    held->second.tally.held.reset();
  }
}

std::size_t BudgetTallies::bytes() const {
  std::size_t sum = 0;
  for (const auto& [of, held] : tallies_) sum += held.tally.bytes();
  return sum;
}

void BudgetTallies::sweep() {
  for (auto held = tallies_.begin(); held != tallies_.end();) {
    const bool is_used = std::exchange(held->second.is_used, false);
    held = is_used ? std::next(held) : tallies_.erase(held);
  }
}

GroupBudgets::GroupBudgets(const ProgramImpl& program, std::uint32_t table)
    : program_(program),
      table_(table),
      counts_always_(program.limits.groups_counted_always),
      place_of_rule_(program.rules.size(), 0) {
  std::uint32_t next = 0;
  for (const RuleProgram& rule : program.rules) {
    if (rule.table == table) place_of_rule_[rule.index.value] = next++;
  }
}

std::vector<std::uint32_t> GroupBudgets::take_over(std::uint32_t pass) {
  if (counts_always_) {
    for (const RuleProgram& rule : program_.rules) {
      if (rule.table == table_ && rule.pass == pass) over_.push_back(rule.index.value);
    }
  }
  std::ranges::sort(over_);
  over_.erase(std::unique(over_.begin(), over_.end()), over_.end());
  return std::exchange(over_, {});
}

GroupCredit GroupBudgets::full() const {
  return {static_cast<std::int64_t>(program_.limits.runs_per_group_max),
          static_cast<std::int64_t>(program_.limits.bytes_per_group_max)};
}

void BudgetLog::note(RuleIndex rule, BudgetCause cause, OrderKey at) {
  ++exceeded_[{rule.value, cause}];
  note_once(rule, cause, std::move(at));
}

void BudgetLog::note_once(RuleIndex rule, BudgetCause cause, OrderKey at) {
  const std::int64_t hour = hour_of(at.time);
  const auto given = given_.find({rule.value, cause});
  if (given != given_.end() && given->second >= hour) return;
  for (Noted& noted : noted_) {
    if (noted.rule != rule || noted.cause != cause || hour_of(noted.at.time) != hour) continue;
    if (at < noted.at) noted.at = std::move(at);
    return;
  }
  noted_.push_back({rule, cause, std::move(at)});
}

void BudgetLog::take_over(BudgetLog& other) {
  for (const auto& [of, count] : other.exceeded_) exceeded_[of] += count;
  other.exceeded_.clear();
  for (Noted& noted : other.noted_) note_once(noted.rule, noted.cause, std::move(noted.at));
  other.noted_.clear();
}

bool BudgetLog::give(std::vector<Alert>& alerts) {
  if (noted_.empty()) return false;
  std::ranges::sort(noted_, [](const Noted& a, const Noted& b) {
    return a.at != b.at ? a.at < b.at : a.cause < b.cause;
  });
  for (const Noted& noted : noted_) {
    given_[{noted.rule.value, noted.cause}] = hour_of(noted.at.time);
    alerts.push_back(alert_of(noted));
  }
  noted_.clear();
  return true;
}

Alert BudgetLog::alert_of(const Noted& noted) const {
  const Plan& plan = *program_.plan;
  const Rule& rule = plan.rules[noted.rule.value];
  const std::uint64_t limit = limit_of(noted.cause);
  const bool has_key = is_of_key(noted.cause);
  Alert alert;
  alert.order = noted.at;
  // After all that rules raise at this event.
  alert.order.level = std::numeric_limits<std::uint32_t>::max();
  alert.order.ordinal = static_cast<std::uint32_t>(noted.cause);
  alert.rule = noted.rule;
  alert.ts = noted.at.time;
  for (std::uint32_t i = 0; has_key && i < rule.key.parts.size(); ++i) {
    alert.key.emplace_back(key_part_value(rule.key, noted.at.key, i));
  }
  if (!has_key) alert.order.key.clear();
  alert.message = message_of(rule.id, alert.key, noted.cause, limit);
  if (noted.cause == BudgetCause::kStepsPerEvent) alert.severity = Severity::kHigh;
  alert.budget = ExceededBudget{noted.cause, limit};
  const std::vector<std::string> causes = {std::string("b") + rule.id,
                                           std::string("c") + budget_name(noted.cause)};
  alert.digest = alert_digest(kBudgetRule, alert.order.key, alert.ts, causes, 0);
  return alert;
}

std::uint64_t BudgetLog::limit_of(BudgetCause cause) const {
  const Limits& limits = program_.limits;
  switch (cause) {
    case BudgetCause::kRunsPerKey:
      return limits.runs_per_key_max;
    case BudgetCause::kEventsPerKey:
      return limits.events_per_key_max;
    case BudgetCause::kBytesPerKey:
      return limits.bytes_per_key_max;
    case BudgetCause::kRunsPerGroup:
      return limits.runs_per_group_max;
    case BudgetCause::kBytesPerGroup:
      return limits.bytes_per_group_max;
    case BudgetCause::kStepsPerEvent:
      return limits.steps_per_event_max;
  }
  return 0;
}

void BudgetLog::save(ByteWriter& to) const {
  std::map<std::pair<std::string_view, BudgetCause>, std::int64_t> by_id;
  for (const auto& [of, hour] : given_) {
    by_id[{program_.plan->rules[of.first].id, of.second}] = hour;
  }
  to.varint(by_id.size());
  for (const auto& [of, hour] : by_id) {
    to.text(of.first);
    to.u8(static_cast<std::uint8_t>(of.second));
    to.signed_varint(hour);
  }
}

bool BudgetLog::restore(ByteReader& from) {
  given_.clear();
  const std::uint64_t count = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
    const std::string_view id = from.text();
    const auto cause = static_cast<BudgetCause>(
        from.varint_up_to(static_cast<std::uint64_t>(BudgetCause::kStepsPerEvent)));
    const std::int64_t hour = from.signed_varint();
    const std::vector<Rule>& rules = program_.plan->rules;
    const auto rule = std::ranges::find(rules, id, &Rule::id);
    if (rule == rules.end()) continue;
    given_[{static_cast<std::uint32_t>(rule - rules.begin()), cause}] = hour;
  }
  return from.ok();
}
}  // namespace tocsin::cep
