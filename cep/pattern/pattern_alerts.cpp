#include "cep/pattern/pattern_alerts.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "cep/alert/alert_builder.h"
#include "cep/alert/current_row.h"
#include "cep/base/assert.h"
#include "cep/plan/calendar.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"
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

// Key bytes of values; missing ones are equal.
std::string values_key(const std::vector<ExprPtr>& parts, const EvalScope& scope,
                       const EventView& event) {
  std::string key;
  for (const ExprPtr& part : parts) {
    const Value value = as_kept(evaluate(*part, event, scope));
    std::string bytes;
    if (!value.is_missing()) append_key_part(bytes, value);
    key += std::to_string(bytes.size()) + ':' + bytes;
  }
  return key;
}

// Key bytes of what `once` is by.
std::string once_key(const CurrentPattern& current, const EventView& event) {
  const Suppression& suppression = current.rule->rule->suppression;
  return suppression.for_each.empty() ? std::string(current.scope.key)
                                      : values_key(suppression.for_each, current.scope, event);
}
}  // namespace

void PatternAlerts::StoredFeatures::begin(const RuleProgram& rule, const std::byte* block) {
  rule_ = &rule;
  block_ = block;
}
const Value& PatternAlerts::StoredFeatures::read(FeatureIndex feature) {
  const auto* word = reinterpret_cast<const std::uint64_t*>(block_) + 1;
  for (const FeatureIndex kept : rule_->deadline_features) {
    value_ = next_kept_value(word);
    if (kept == feature) return value_;
  }
  TOCSIN_ASSERT(false, "compile lists what alerts read");
}

const EvalScope& PatternAlerts::scope_of(const MatchCandidate& candidate) {
  if (candidate.takes) {
    current_.scope.features = current_.row != nullptr ? current_.row->reader : nullptr;
    return current_.scope_at(candidate.node, static_cast<int>(candidate.step));
  }
  stored_features_.begin(*current_.rule,
                         RecordStore::at<std::byte>(current_.scope.record, candidate.values));
  current_.scope.features = &stored_features_;
  return current_.scope_at(candidate.node, -1);
}

EventView PatternAlerts::last_of(const MatchCandidate& candidate) const {
  if (candidate.takes) return {current_.row->row, nullptr};
  return {nullptr, current_.event_of(candidate.node)};
}

bool PatternAlerts::passes(const EvalScope& scope, const EventView& last) {
  return memo_.ask(current_.scope, [&] { return passes_having(scope, last); });
}

bool PatternAlerts::is_excepted(const EvalScope& scope, const EventView& last, EventTime time) {
  const std::vector<Exception>& exceptions = current_.rule->rule->exceptions;
  return std::any_of(exceptions.begin(), exceptions.end(), [&](const Exception& exception) {
    if (exception.expires && day_of(time) >= *exception.expires) return false;
    return memo_.ask(current_.scope,
                     [&] { return evaluate(*exception.condition, last, scope).is_true(); });
  });
}

MatchFacts PatternAlerts::facts_of(const MatchCandidate& candidate, const EvalScope& scope,
                                   const EventView& last, EventTime time) {
  const Suppression& suppression = current_.rule->rule->suppression;
  MatchFacts facts;
  facts.time_us = time.us;
  if (suppression.kind() == Once::kPerUnit) {
    const Value zone = evaluate(*suppression.zone(), last, scope);
    const Zone* const known =
        zone.is_missing() ? nullptr : find_zone(current_.program.plan->zones, zone.text);
    if (known != nullptr) facts.unit = local_unit(*known, suppression.unit(), time);
  }
  if (suppression.kind() == Once::kPerVariable && current_.is_deferred()) {
    facts.var_events = suppression_.variable_events(candidate);
  }
  return facts;
}

void PatternAlerts::raise(const MatchCandidate& candidate, const MatchFacts& facts,
                          OrderKey& order) {
  if (!lost_.may_raise(order.ordinal,
                       order.ordinal > 0 ? &current_.context->alerts.back() : nullptr, order)) {
    ++current_.context->alerts.back().truncated;
    ++current_.stats.matches_truncated;
    return;
  }
  suppression_.mark_alerted();
  const Suppression& suppression = current_.rule->rule->suppression;
  const EvalScope& scope = scope_of(candidate);
  const bool is_muted = current_.context->slice.is_muted(current_.rule->index);
  Alert alert;
  if (!is_muted) build_alert(scope, last_of(candidate), order, current_.context->lists, alert);
  if (current_.rule->rule->window) alert.window_begin = EventTime{current_.state->window.begin_us};
  // What ran out of steps is missing in it.
  if (current_.steps.is_over()) lost_.give_up(1, order);
  current_.steps.list(alert.events.size(), alert.events_omitted);
  if (suppression.kind() != Once::kNone || suppression.at_most) current_.make_state();
  if (current_.state != nullptr) {
    SuppressionState& held = current_.state->suppression;
    alert.held_back = take_suppressed(suppression, held, facts.time_us);
    alert.lost_runs = std::exchange(current_.state->lost_runs, 0);
    note_for_once(suppression, current_.state->suppression, facts);
    note_for_at_most(suppression, current_.state->suppression, facts.time_us);
    if (suppression.kind() == Once::kPerVariable) suppression_.note_variable_events(candidate);
    if (suppression.kind() == Once::kWhile) groups_.spend(*current_.rule, 1, kPartialMatchBytes);
  }
  if (is_muted) return;
  current_.context->alerts.push_back(std::move(alert));
  ++order.ordinal;
}

void PatternAlerts::add_deferred(DeferredMatches& deferred, const MatchCandidate& candidate) {
  suppression_.mark_alerted();
  const Suppression& suppression = current_.rule->rule->suppression;
  const EvalScope& scope = scope_of(candidate);
  const EventView last = last_of(candidate);
  DeferredMatches::Match match;
  match.once_key = once_key(current_, last);
  if (suppression.at_most) {
    match.most_key = suppression.at_most->for_each.empty()
                         ? std::string(current_.scope.key)
                         : values_key(suppression.at_most->for_each, scope, last);
  }
  // What is suppressed is counted by `once`'s key, without one by that of `at most`.
  if (suppression.kind() == Once::kNone) match.once_key = match.most_key;
  match.facts = facts_of(candidate, scope, last, deferred.order.time);
  if (current_.steps.is_over()) {
    lost_.give_up(1, deferred.order);
    return;
  }
  if (deferred.only_one) {
    // One that passes only where one before it does counts for nothing.
    for (const DeferredMatches::Match& other : deferred.matches) {
      if (other.once_key == match.once_key && other.most_key == match.most_key &&
          other.facts.unit == match.facts.unit &&
          std::ranges::includes(match.facts.var_events, other.facts.var_events)) {
        return;
      }
    }
  }
  if (!lost_.may_raise(deferred.matches.size(),
                       deferred.matches.empty() ? nullptr : &deferred.matches.back().alert,
                       deferred.order)) {
    if (deferred.only_one) return;
    ++deferred.matches.back().alert.truncated;
    ++current_.stats.matches_truncated;
    return;
  }
  match.is_muted = current_.context->slice.is_muted(current_.rule->index);
  if (!match.is_muted) {
    build_alert(scope, last, deferred.order, current_.context->lists, match.alert);
  }
  if (current_.rule->rule->window)
    match.alert.window_begin = EventTime{current_.state->window.begin_us};
  if (current_.steps.is_over()) lost_.give_up(1, deferred.order);
  current_.steps.list(match.alert.events.size(), match.alert.events_omitted);
  if (current_.state != nullptr)
    match.alert.lost_runs = std::exchange(current_.state->lost_runs, 0);
  deferred.matches.push_back(std::move(match));
}

void PatternAlerts::give_candidates(const OrderKey& at) {
  OrderKey order = at;
  const bool only_one = current_.rule->rule->selection.kind == SelectionKind::kDefault;
  if (current_.is_deferred()) {
    DeferredMatches deferred;
    deferred.order = std::move(order);
    deferred.rule = current_.rule;
    deferred.only_one = only_one;
    for (std::size_t i = 0; i < matches_.candidates.size(); ++i) {
      const MatchCandidate& candidate = matches_.candidates[i];
      const EvalScope& scope = scope_of(candidate);
      const EventView last = last_of(candidate);
      const bool is_given = current_.steps.take(1 + deferred.matches.size() / 8) &&
                            passes(scope, last) && !is_excepted(scope, last, at.time);
      if (current_.steps.is_over()) {
        lost_.give_up(matches_.candidates.size() - i, at);
        break;
      }
      if (is_given) add_deferred(deferred, candidate);
    }
    if (deferred.matches.empty()) return;
    suppression_.mark_alerted();  // whether it is suppressed is known later
    deferred_.add(std::move(deferred));
    return;
  }
  const MatchCandidate* first_suppressed = nullptr;
  for (std::size_t i = 0; i < matches_.candidates.size(); ++i) {
    const MatchCandidate& candidate = matches_.candidates[i];
    const EvalScope& scope = scope_of(candidate);
    const EventView last = last_of(candidate);
    const bool is_given =
        current_.steps.take() && passes(scope, last) && !is_excepted(scope, last, at.time);
    if (current_.steps.is_over()) {
      lost_.give_up(matches_.candidates.size() - i, at);
      break;
    }
    if (!is_given) continue;
    const MatchFacts facts = facts_of(candidate, scope, last, at.time);
    if (!suppression_.lets_pass(candidate, facts)) {
      if (!only_one) suppression_.hold_back(candidate, at.time);
      if (first_suppressed == nullptr) first_suppressed = &candidate;
      continue;
    }
    raise(candidate, facts, order);
    if (only_one) return;
  }
  if (only_one && first_suppressed != nullptr) suppression_.hold_back(*first_suppressed, at.time);
}

void PatternAlerts::give(const CompleteMatch& match, OrderKey& order) {
  const MatchCandidate candidate{match.node, match.values, match.start, false, 0};
  const EvalScope& scope = scope_of(candidate);
  const EventView last = last_of(candidate);
  const bool excepted = is_excepted(scope, last, order.time);
  if (current_.steps.is_over()) lost_.give_up(1, order);
  if (excepted || current_.steps.is_over()) return;
  if (current_.is_deferred()) {
    DeferredMatches deferred;
    deferred.order = order;
    deferred.rule = current_.rule;
    add_deferred(deferred, candidate);
    suppression_.mark_alerted();
    deferred_.add(std::move(deferred));
    return;
  }
  const MatchFacts facts = facts_of(candidate, scope, last, order.time);
  if (suppression_.lets_pass(candidate, facts)) {
    raise(candidate, facts, order);
  } else {
    suppression_.hold_back(candidate, order.time);
  }
}

bool PatternAlerts::passes(const CompleteMatch& match) {
  return passes(MatchCandidate{match.node, match.values, match.start, false, 0});
}
bool PatternAlerts::passes(const MatchCandidate& candidate) {
  return passes(scope_of(candidate), last_of(candidate));
}

bool PatternAlerts::is_suppressed() {
  const Rule& rule = *current_.rule->rule;
  const Suppression& suppression = rule.suppression;
  const bool is_by_time = suppression.kind() == Once::kPerDuration &&
                          suppression.for_each.empty() && !suppression.at_most;
  if (!is_by_time || rule.having || !rule.exceptions.empty()) return false;
  const MatchCandidate candidate;
  MatchFacts facts;
  facts.time_us = current_.row->row->engine_time.us;
  if (suppression_.lets_pass(candidate, facts)) return false;
  suppression_.hold_back(candidate, EventTime{facts.time_us});
  return true;
}

void PatternAlerts::look_at_quiet() {
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
  DeferredMatches reset;
  reset.order = current_.order_here();
  reset.rule = current_.rule;
  reset.resets = true;
  reset.once_key = once_key(current_, event);
  deferred_.add(std::move(reset));
}
}  // namespace tocsin::cep
