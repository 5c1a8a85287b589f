// The general matcher: `once` and `at most` by other values than the rule's key. What they let pass
// depends on all keys, so that it is decided after the pass, in the order of the alerts.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "cep/alert/alert_builder.h"
#include "cep/alert/current_row.h"
#include "cep/pattern/pattern_matcher.h"
#include "cep/plan/rule.h"
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

void PatternMatcher::add_deferred(DeferredMatches& deferred, const MatchCandidate& candidate) {
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
  match.alert = build_alert(scope, last, deferred.order, current_.context->shared);
  if (current_.rule->rule->window)
    match.alert.window_begin = EventTime{current_.state->window.begin_us};
  if (current_.steps.is_over()) lost_.give_up(1, deferred.order);
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
  DeferredMatches reset;
  reset.order = current_.order_here();
  reset.rule = current_.rule;
  reset.resets = true;
  reset.once_key = once_key(current_, event);
  deferred_.add(std::move(reset));
}
}  // namespace tocsin::cep
