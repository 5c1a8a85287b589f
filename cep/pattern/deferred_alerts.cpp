#include "cep/pattern/deferred_alerts.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "cep/data/alert_order.h"
#include "cep/plan/rule.h"
#include "cep/record/suppressed_count.h"

namespace tocsin::cep {
void DeferredAlerts::settle(std::vector<Alert>& alerts, const OrderKey* upto) {
  if (deferred_.empty()) return;
  std::stable_sort(
      deferred_.begin(), deferred_.end(),
      [](const DeferredMatches& a, const DeferredMatches& b) { return a.order < b.order; });
  std::uint32_t ordinal = 0;
  const OrderKey* before = nullptr;
  auto next = deferred_.begin();
  for (; next != deferred_.end(); ++next) {
    if (upto != nullptr && level_place(next->order) > level_place(*upto)) break;
    if (before == nullptr || *before != next->order) ordinal = 0;
    before = &next->order;
    settle_one(*next, ordinal, alerts);
  }
  deferred_.erase(deferred_.begin(), next);
}

void DeferredAlerts::settle_one(DeferredMatches& deferred, std::uint32_t& ordinal,
                                std::vector<Alert>& alerts) {
  const Suppression& suppression = deferred.rule->rule->suppression;
  ValueSuppression& once_states = by_value(deferred.rule->index, false);
  ValueSuppression* const most_states =
      suppression.at_most ? &by_value(deferred.rule->index, true) : nullptr;
  if (deferred.resets) {
    once_states.end_quiet(deferred.once_key);
    return;
  }
  SuppressionState* first_suppressed = nullptr;
  const MatchFacts* first_facts = nullptr;
  std::uint64_t lost_runs = 0;
  const auto hold_back = [&](SuppressionState& once, const MatchFacts& facts) {
    note_suppressed(suppression, once, facts.time_us);
    // A match that `once` holds back has taken its events too.
    if (suppression.kind() == Once::kPerVariable && !once_lets_pass(suppression, once, facts)) {
      note_for_once(suppression, once, facts);
    }
    ++stats_.alerts_suppressed;
  };
  for (DeferredMatches::Match& match : deferred.matches) {
    SuppressionState& once = once_states.at(match.once_key);
    SuppressionState* const most =
        most_states != nullptr ? &most_states->at(match.most_key) : nullptr;
    lost_runs += match.alert.lost_runs;
    const bool passes =
        once_lets_pass(suppression, once, match.facts) &&
        (most == nullptr || at_most_lets_pass(suppression, *most, match.facts.time_us));
    if (!passes) {
      if (first_suppressed == nullptr) {
        first_suppressed = &once;
        first_facts = &match.facts;
      }
      if (!deferred.only_one) hold_back(once, match.facts);
      continue;
    }
    match.alert.held_back = take_suppressed(suppression, once, match.facts.time_us);
    note_for_once(suppression, once, match.facts);
    if (suppression.kind() == Once::kWhile) keep_quiet(deferred, match.once_key);
    if (most != nullptr) note_for_at_most(suppression, *most, match.facts.time_us);
    if (!match.is_muted) match.alert.order.ordinal = ordinal++;
    match.alert.lost_runs = std::exchange(lost_runs, 0) + std::exchange(once.lost_runs, 0);
    if (!match.is_muted) alerts.push_back(std::move(match.alert));
    if (deferred.only_one) return;
  }
  if (first_suppressed == nullptr) return;
  if (deferred.only_one) hold_back(*first_suppressed, *first_facts);
  first_suppressed->lost_runs += lost_runs;
}

// Values that are quiet until an event ends it are partial matches to the budgets of their group.
void DeferredAlerts::keep_quiet(const DeferredMatches& deferred, const std::string& values) {
  const Limits& limits = program_.limits;
  const std::uint64_t by_bytes = limits.bytes_per_group_max / kPartialMatchBytes;
  const bool is_by_count = limits.runs_per_group_max <= by_bytes;
  const std::uint64_t most = is_by_count ? limits.runs_per_group_max : by_bytes;
  if (!by_value(deferred.rule->index, false).keep_quiet(values, most)) return;
  budgets_.note(deferred.rule->index,
                is_by_count ? BudgetCause::kRunsPerGroup : BudgetCause::kBytesPerGroup,
                deferred.order);
}

void DeferredAlerts::take_unsettled(DeferredAlerts& other) {
  deferred_.insert(deferred_.end(), std::make_move_iterator(other.deferred_.begin()),
                   std::make_move_iterator(other.deferred_.end()));
  other.deferred_.clear();
}

const OrderKey* DeferredAlerts::first_unsettled() const {
  const auto first =
      std::ranges::min_element(deferred_, std::ranges::less(), &DeferredMatches::order);
  return first == deferred_.end() ? nullptr : &first->order;
}

ValueSuppression& DeferredAlerts::by_value(RuleIndex rule, bool at_most) {
  auto& by_rule = at_most ? most_by_value_ : once_by_value_;
  const RuleProgram& program = program_.rules[rule.value];
  return by_rule
      .try_emplace(rule.value, program.rule->suppression, program.suppression_life, tracks_)
      .first->second;
}

void DeferredAlerts::track_changes() {
  tracks_ = true;
  for (auto* const by_rule : {&once_by_value_, &most_by_value_}) {
    for (auto& [rule, states] : *by_rule) states.track_changes();
  }
}

void DeferredAlerts::sweep_values(std::int64_t now_us) {
  for (auto* const by_rule : {&once_by_value_, &most_by_value_}) {
    for (auto& [rule, states] : *by_rule) states.sweep(now_us);
  }
}

std::size_t DeferredAlerts::values() const {
  std::size_t count = 0;
  for (const auto* const by_rule : {&once_by_value_, &most_by_value_}) {
    for (const auto& [rule, states] : *by_rule) count += states.size();
  }
  return count;
}

std::size_t DeferredAlerts::bytes() const {
  std::size_t sum = 0;
  for (const auto& [rule, states] : once_by_value_) sum += states.bytes();
  for (const auto& [rule, states] : most_by_value_) sum += states.bytes();
  return sum;
}

void DeferredAlerts::end() {
  for (auto* const by_rule : {&once_by_value_, &most_by_value_}) {
    for (auto& [rule, states] : *by_rule) states.end();
  }
}
}  // namespace tocsin::cep
