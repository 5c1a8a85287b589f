// The general matcher: `once` and `at most` by other values than the rule's key. What they let pass
// depends on all keys, so that it is decided after the pass, in the order of the alerts.
#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "cep/data/alert_order.h"
#include "cep/match/alert_builder.h"
#include "cep/match/current_row.h"
#include "cep/match/pattern_matcher.h"
#include "cep/plan/rule.h"
#include "cep/record/suppressed_count.h"
#include "cep/value/decimal.h"
#include "cep/value/key.h"

namespace tocsin::cep {
namespace {
// Quotients are rounded, and what leaves 64 bits is missing.
Value as_kept(const Value& value) {
  const auto decimal_of = [](Int128 mantissa, int scale) {
    const bool fits = mantissa >= std::numeric_limits<std::int64_t>::min() &&
                      mantissa <= std::numeric_limits<std::int64_t>::max();
    return fits ? Value::decimal(mantissa, scale) : Value::missing();
  };
  switch (value.kind) {
    case ValueKind::kFraction: {
      const auto mantissa = divide_half_even(value.number, value.denominator, kScaleMax);
      return mantissa ? decimal_of(*mantissa, kScaleMax) : Value::missing();
    }
    case ValueKind::kInt:
      return decimal_of(value.number, 0).is_missing() ? Value::missing() : value;
    case ValueKind::kDecimal:
      return decimal_of(value.number, value.scale);
    default:
      return value;
  }
}
}  // namespace

// Key bytes of values; missing ones are equal.
std::string PatternMatcher::values_key(const std::vector<ExprPtr>& parts, const EvalScope& scope,
                                       const EventView& event) const {
  std::string key;
  for (const ExprPtr& part : parts) {
    const Value value = as_kept(evaluate(*part, event, scope));
    std::string bytes;
    if (!value.is_missing()) append_key_part(bytes, value);
    key += std::to_string(bytes.size()) + ':' + bytes;
  }
  return key;
}

std::string PatternMatcher::once_key(const EvalScope& scope, const EventView& event) const {
  const Suppression& suppression = current_.rule->rule->suppression;
  return suppression.for_each.empty() ? std::string(current_.scope.key)
                                      : values_key(suppression.for_each, scope, event);
}

void PatternMatcher::add_deferred(Deferred& deferred, const Candidate& candidate) {
  mark_alerted();
  const Suppression& suppression = current_.rule->rule->suppression;
  const EvalScope& scope = scope_of(candidate);
  const EventView last = last_of(candidate);
  Deferred::Match match;
  match.once_key = once_key(scope, last);
  if (suppression.at_most) {
    match.most_key = suppression.at_most->for_each.empty()
                         ? std::string(current_.scope.key)
                         : values_key(suppression.at_most->for_each, scope, last);
  }
  // What is suppressed is counted by `once`'s key, without one by that of `at most`.
  if (suppression.kind() == Once::kNone) match.once_key = match.most_key;
  match.facts = facts_of(candidate, scope, last, deferred.order.time);
  if (current_.steps.is_over()) {
    give_up(1, deferred.order);
    return;
  }
  if (deferred.only_one) {
    // One that passes only where one before it does counts for nothing.
    for (const Deferred::Match& other : deferred.matches) {
      if (other.once_key == match.once_key && other.most_key == match.most_key &&
          other.facts.unit == match.facts.unit &&
          std::ranges::includes(match.facts.var_events, other.facts.var_events)) {
        return;
      }
    }
  }
  if (!may_raise(deferred.matches.size(),
                 deferred.matches.empty() ? nullptr : &deferred.matches.back().alert,
                 deferred.order)) {
    if (deferred.only_one) return;
    ++deferred.matches.back().alert.truncated;
    ++current_.stats.matches_truncated;
    return;
  }
  match.alert = build_alert(scope, last, deferred.order, current_.context->shared);
  if (current_.rule->rule->window)
    match.alert.window_begin = EventTime{current_.state->window.begin_us};
  if (current_.steps.is_over()) give_up(1, deferred.order);
  current_.steps.list(match.alert.events.size(), match.alert.events_omitted);
  if (current_.state != nullptr)
    match.alert.lost_runs = std::exchange(current_.state->lost_runs, 0);
  deferred.matches.push_back(std::move(match));
}

// `once while C`: the quiet ends with an event at which C is not true.
void PatternMatcher::look_at_quiet() {
  const Suppression& suppression = current_.rule->rule->suppression;
  const bool deferred = current_.is_deferred();
  if (!deferred && (current_.state == nullptr || !current_.state->suppression.quiet)) return;
  const EvalScope& scope = current_.scope_at(0, -1);
  const EventView event{current_.row->row, nullptr};
  if (evaluate(*suppression.condition(), event, scope).is_true()) {
    if (!deferred) current_.state->suppression.last_alert_us = current_.row->row->engine_time.us;
    return;
  }
  if (!deferred) {
    cep::end_quiet(current_.state->suppression);
    return;
  }
  Deferred reset;
  reset.order = current_.order_here();
  reset.rule = current_.rule;
  reset.resets = true;
  reset.once_key = once_key(scope, event);
  deferred_.push_back(std::move(reset));
}

// Values that are quiet until an event ends it are partial matches to the budgets of their group.
void PatternMatcher::keep_quiet(const Deferred& deferred, const std::string& values) {
  const Limits& limits = current_.program.limits;
  const std::uint64_t by_bytes = limits.bytes_per_group_max / kPartialMatchBytes;
  const bool is_by_count = limits.runs_per_group_max <= by_bytes;
  const std::uint64_t most = is_by_count ? limits.runs_per_group_max : by_bytes;
  if (!by_value(deferred.rule->index, false).keep_quiet(values, most)) return;
  budgets_.note(deferred.rule->index,
                is_by_count ? BudgetCause::kRunsPerGroup : BudgetCause::kBytesPerGroup,
                deferred.order);
}

void PatternMatcher::settle_one(Deferred& deferred, std::uint32_t& ordinal,
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
    ++current_.stats.alerts_suppressed;
  };
  for (Deferred::Match& match : deferred.matches) {
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
    match.alert.order.ordinal = ordinal++;
    match.alert.lost_runs = std::exchange(lost_runs, 0) + std::exchange(once.lost_runs, 0);
    alerts.push_back(std::move(match.alert));
    if (deferred.only_one) return;
  }
  if (first_suppressed == nullptr) return;
  if (deferred.only_one) hold_back(*first_suppressed, *first_facts);
  first_suppressed->lost_runs += lost_runs;
}

void PatternMatcher::settle(std::vector<Alert>& alerts, const OrderKey* upto) {
  if (deferred_.empty()) return;
  std::stable_sort(deferred_.begin(), deferred_.end(),
                   [](const Deferred& a, const Deferred& b) { return a.order < b.order; });
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

void PatternMatcher::take_unsettled(PatternMatcher& other) {
  deferred_.insert(deferred_.end(), std::make_move_iterator(other.deferred_.begin()),
                   std::make_move_iterator(other.deferred_.end()));
  other.deferred_.clear();
}

const OrderKey* PatternMatcher::first_unsettled() const {
  const auto first = std::ranges::min_element(deferred_, std::ranges::less(), &Deferred::order);
  return first == deferred_.end() ? nullptr : &first->order;
}

void PatternMatcher::sweep_values(std::int64_t now_us) {
  for (auto* const by_rule : {&once_by_value_, &most_by_value_}) {
    for (auto& [rule, states] : *by_rule) states.sweep(now_us);
  }
}

std::size_t PatternMatcher::values() const {
  std::size_t count = 0;
  for (const auto* const by_rule : {&once_by_value_, &most_by_value_}) {
    for (const auto& [rule, states] : *by_rule) count += states.size();
  }
  return count;
}

ValueSuppression& PatternMatcher::by_value(RuleIndex rule, bool at_most) {
  auto& by_rule = at_most ? most_by_value_ : once_by_value_;
  const RuleProgram& program = current_.program.rules[rule.value];
  return by_rule
      .try_emplace(rule.value, program.rule->suppression, program.suppression_life, tracks_)
      .first->second;
}

void PatternMatcher::track_changes() {
  tracks_ = true;
  for (auto* const by_rule : {&once_by_value_, &most_by_value_}) {
    for (auto& [rule, states] : *by_rule) states.track_changes();
  }
}

void PatternMatcher::end() {
  for (auto* const by_rule : {&once_by_value_, &most_by_value_}) {
    for (auto& [rule, states] : *by_rule) states.end();
  }
}
}  // namespace tocsin::cep
