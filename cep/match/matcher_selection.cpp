// The matcher of the simple methods: from complete matches to alerts, at an event and at a
// deadline.
#include <algorithm>
#include <utility>

#include "cep/alert/alert_builder.h"
#include "cep/base/assert.h"
#include "cep/match/matcher.h"
#include "cep/plan/rule.h"
#include "cep/record/suppressed_count.h"

namespace tocsin::cep {
bool Matcher::is_suppressed(std::int64_t time_us) const {
  return rule_->once && !once_.lets_pass(*rule_->once, time_us);
}

// For features that leave out the events at which the rule alerts.
void Matcher::mark_alerted() {
  if (rule_->is_watched && current_ != nullptr)
    context_->slice.mark_alerted(rule_->index, current_->number);
}

void Matcher::raise(const EvalScope& scope, const EventView& last, const OrderKey& order) {
  mark_alerted();
  Alert alert = build_alert(scope, last, order, context_->shared);
  if (rule_->once) {
    alert.held_back = take_suppressed(once_, suppressed_until(once_, *rule_->once), order.time.us);
  }
  // What ran out of steps is missing in it.
  if (steps_.is_over()) give_up(1, order);
  alert.lost_runs = std::exchange(state_.lost_runs, 0);
  steps_.list(alert.events.size(), alert.events_omitted);
  once_.last_alert_us = order.time.us;
  context_->alerts.push_back(std::move(alert));
}

void Matcher::hold_back() {
  mark_alerted();
  ++once_.held_back;
  ++stats_.alerts_suppressed;
}

// Decides which of `count` matches that complete together, in their order, become alerts.
// `scope_of(i)` and `last_of(i)` give what the alert sees. Returns the place of the match that
// `skip past last` selected, else -1.
template <typename ScopeOf, typename LastOf>
std::ptrdiff_t Matcher::select(std::size_t count, OrderKey order, ScopeOf&& scope_of,
                               LastOf&& last_of) {
  const SelectionKind kind = rule_->rule->selection.kind;
  bool any_suppressed = false;
  for (std::size_t i = 0; i < count; ++i) {
    if (!steps_.take()) {
      give_up(count - i, order);
      return -1;
    }
    const EvalScope& scope = scope_of(i);
    const EventView last = last_of(i);
    const bool passes = passes_having(scope, last);
    if (steps_.is_over()) {
      give_up(count - i, order);
      return -1;
    }
    if (!passes) continue;
    if (is_suppressed(order.time.us)) {
      if (kind != SelectionKind::kDefault || !any_suppressed) hold_back();
      any_suppressed = true;
    } else if (!may_raise(order)) {
      ++context_->alerts.back().truncated;
      ++stats_.matches_truncated;
    } else {
      raise(scope, last, order);
      ++order.ordinal;
      if (kind == SelectionKind::kDefault) {
        // What was suppressed before it in the same completion does not count: one of them alerts.
        return -1;
      }
    }
    if (kind == SelectionKind::kSkipPastLast) return static_cast<std::ptrdiff_t>(i);
  }
  return -1;
}

bool Matcher::select_at_event() {
  const auto last_step = static_cast<std::uint32_t>(rule_->steps.size() - 1);
  OrderKey order = order_at_event(current_->row->engine_time, current_->row->arrival);
  order.role = place_of_role(current_->roles);
  order.level = rule_->level;
  order.rule = rule_->index.value;
  order.key = scope_.key;
  steps_.allow(StepMeter::kSorting);
  const std::size_t sorted =
      sort_within_starts(candidates_, steps_, [&](const Candidate& a, const Candidate& b) {
        return compare(record_, {a.parent, true, last_step}, {b.parent, true, last_step}) < 0;
      });
  if (sorted < candidates_.size()) {
    give_up(candidates_.size() - sorted, order);
    candidates_.resize(sorted);
  }
  steps_.allow(StepMeter::kMatches);
  return select(
             candidates_.size(), std::move(order),
             [&](std::size_t i) -> const EvalScope& {
               return scope_at(candidates_[i].parent, static_cast<int>(last_step));
             },
             [&](std::size_t) {
               return EventView{current_->row, nullptr};
             }) >= 0;
}

namespace {
// Features as they were at a match's last event.
class StoredFeatures : public FeatureReader {
 public:
  StoredFeatures(const RuleProgram& rule, const StoredValue* values)
      : rule_(rule), values_(values) {}
  const Value& read(FeatureIndex feature) override {
    const auto& kept = rule_.deadline_features;
    const auto place = std::lower_bound(kept.begin(), kept.end(), feature);
    TOCSIN_ASSERT(place != kept.end() && *place == feature, "compile lists what alerts read");
    value_ = values_[place - kept.begin()].value();
    return value_;
  }

 private:
  Value value_;
  const RuleProgram& rule_;
  const StoredValue* values_;
};
}  // namespace

// Of `count` partial matches, those that began at or before the event go. Gives how many are left.
std::uint32_t Matcher::drop_begun_by(const KeptEvent& event, Run* runs, std::uint32_t count) const {
  std::uint32_t dropped = 0;
  for (; dropped < count; ++dropped) {
    const Run& run = runs[dropped];
    if (run.first_time_us > event.engine_time_us) break;
    if (run.first_time_us == event.engine_time_us &&
        first_event(run.node)->arrival() > event.arrival()) {
      break;
    }
  }
  std::move(runs + dropped, runs + count, runs);
  return count - dropped;
}

void Matcher::on_deadline(const RuleProgram& rule, const MatchContext& context, KeySlot& slot,
                          std::string_view key, const Timer& timer) {
  OperatorEntry* const entry = store_.find(slot, rule.op);
  if (entry == nullptr) return;
  select_rule(rule, store_.base(slot));
  context_ = &context;
  current_ = nullptr;
  scope_.batch = &context.slice.batch();
  scope_.key = key;
  scope_.features = nullptr;
  steps_.begin(program_.limits.steps_per_event_max);
  gave_up_ = false;
  header_words_ = rule_header_words(rule);
  auto* const header = RecordStore::at<RuleHeader>(record_, entry->state);
  Run* const runs = RecordStore::at<Run>(record_, entry->state + header_words_);
  due_.clear();
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < header->run_count; ++i) {
    const Run run = runs[i];
    bool is_due = false;
    const bool is_of_first =
        rule.waits_from_first || (rule.steps.size() == 1 && rule.steps[0].max == 1);
    const bool may_be_due = !is_of_first || run.first_time_us + rule.wait.us == timer.deadline_us;
    if (may_be_due && (run.flags() & Run::kFinal) != 0) {
      const KeptEvent* cause = rule.waits_from_first ? first_event(run.node) : last_event(run.node);
      is_due = cause->engine_time_us + rule.wait.us == timer.deadline_us &&
               cause->arrival() == timer.arrival();
    }
    if (is_due) {
      due_.push_back(run);
    } else {
      runs[kept++] = run;
    }
  }
  if (due_.empty()) return;
  tallies_->forget(rule.index, slot.hash);
  read_state(entry);
  steps_.allow(StepMeter::kSorting);
  const std::size_t sorted = sort_within_starts(due_, steps_, [&](const Run& a, const Run& b) {
    return compare(record_, {a.node, false, 0}, {b.node, false, 0}) < 0;
  });
  OrderKey order = order_at_deadline(EventTime{timer.deadline_us}, timer.arrival());
  const KeptEvent* const setter =
      rule.waits_from_first ? first_event(due_[0].node) : last_event(due_[0].node);
  order.role = place_of_role(setter->roles());
  order.level = rule.level;
  order.rule = rule.index.value;
  order.key = key;
  const OrderKey at = order;
  if (sorted < due_.size()) {
    give_up(due_.size() - sorted, order);
    due_.resize(sorted);
  }
  steps_.allow(StepMeter::kMatches);
  std::optional<StoredFeatures> features;
  const std::ptrdiff_t selected = select(
      due_.size(), std::move(order),
      [&](std::size_t i) -> const EvalScope& {
        features.emplace(rule, RecordStore::at<StoredValue>(record_, due_[i].node + kNodeWords));
        scope_.features = &*features;
        return scope_at(due_[i].node, -1);
      },
      [&](std::size_t i) {
        return EventView{nullptr, last_event(due_[i].node)};
      });
  scope_.features = nullptr;
  if (selected >= 0) {
    kept = drop_begun_by(*last_event(due_[static_cast<std::size_t>(selected)].node), runs, kept);
  }
  if (gave_up_) kept = drop_older_half(rule, runs, kept, at);
  stats_.runs -= header->run_count - kept;
  state_.run_count = kept;
  write_state(entry->state);
}

std::int64_t Matcher::expiry(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                             Offset state, std::int64_t now_us) {
  auto* const header = RecordStore::at<RuleHeader>(record, state);
  Run* const runs = RecordStore::at<Run>(record, state + rule_header_words(rule));
  std::int64_t latest = kDead;
  if (header->lost_runs > 0 && header->lost_until_us > now_us) latest = header->lost_until_us;
  if (rule.once) {
    const auto& once = *reinterpret_cast<const OnceState*>(header + 1);
    latest = std::max(latest, once_until(once, *rule.once, now_us));
  }
  std::uint32_t kept = 0;
  record_ = record;
  for (std::uint32_t i = 0; i < header->run_count; ++i) {
    const Run run = runs[i];
    const std::int64_t end = end_of(rule, record, run);
    if (end <= now_us) {
      if (kept > 0) tallies_->forget(rule.index);
      continue;
    }
    latest = std::max(latest, end);
    runs[kept++] = run;
  }
  stats_.runs -= header->run_count - kept;
  header->run_count = kept;
  if (header->is_busy()) latest = std::max(latest, busy_expiry(rule, patterns, *header, now_us));
  return latest;
}
}  // namespace tocsin::cep
