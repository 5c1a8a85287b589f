// The general matcher: from complete matches to alerts. A match completes, `having`, selection,
// `except`, `once`.
#include <algorithm>
#include <limits>
#include <utility>

#include "cep/alert/alert_builder.h"
#include "cep/alert/current_row.h"
#include "cep/eval/loop_totals.h"
#include "cep/pattern/pattern_matcher.h"
#include "cep/plan/calendar.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"
#include "cep/record/suppressed_count.h"

namespace tocsin::cep {

// Puts the candidates, which ascend by their first events, in their order, each once.
void PatternMatcher::sort_candidates(const OrderKey& order) {
  const Selection& selection = current_.rule->rule->selection;
  if (selection.prefer_latest) std::ranges::reverse(matches_.candidates);
  current_.steps.allow(current_.is_stepwise() ? StepMeter::kSortingThen : StepMeter::kSorting);
  const std::size_t sorted = sort_within_starts(
      matches_.candidates, current_.steps, [&](const MatchCandidate& a, const MatchCandidate& b) {
        return current_.compare(a.taken(), b.taken(), !selection.in_order) < 0;
      });
  if (sorted < matches_.candidates.size()) {
    lost_.give_up(matches_.candidates.size() - sorted, order);
    matches_.candidates.resize(sorted);
  }
  current_.steps.allow(current_.is_stepwise() ? StepMeter::kMatchesThen : StepMeter::kMatches);
  const auto same = [](const MatchCandidate& a, const MatchCandidate& b) {
    return a.start == b.start && a.node == b.node && a.takes == b.takes && a.step == b.step;
  };
  matches_.candidates.erase(
      std::unique(matches_.candidates.begin(), matches_.candidates.end(), same),
      matches_.candidates.end());
}

// ---- conditions on a match

const EvalScope& PatternMatcher::scope_of(const MatchCandidate& candidate) {
  if (candidate.takes) {
    current_.scope.features = current_.row != nullptr ? current_.row->reader : nullptr;
    return current_.scope_at(candidate.node, static_cast<int>(candidate.step));
  }
  stored_features_.begin(*current_.rule,
                         RecordStore::at<std::byte>(current_.scope.record, candidate.values));
  current_.scope.features = &stored_features_;
  return current_.scope_at(candidate.node, -1);
}
EventView PatternMatcher::last_of(const MatchCandidate& candidate) const {
  if (candidate.takes) return {current_.row->row, nullptr};
  return {nullptr, current_.event_of(candidate.node)};
}

bool PatternMatcher::is_excepted(const EvalScope& scope, const EventView& last,
                                 EventTime time) const {
  const std::vector<Exception>& exceptions = current_.rule->rule->exceptions;
  return std::any_of(exceptions.begin(), exceptions.end(), [&](const Exception& exception) {
    if (exception.expires && day_of(time) >= *exception.expires) return false;
    return evaluate(*exception.condition, last, scope).is_true();
  });
}

MatchFacts PatternMatcher::facts_of(const MatchCandidate& candidate, const EvalScope& scope,
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

// ---- matches that drop nothing

void PatternMatcher::raise(const MatchCandidate& candidate, const MatchFacts& facts,
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
  Alert alert = build_alert(scope, last_of(candidate), order, current_.context->shared);
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
  current_.context->alerts.push_back(std::move(alert));
  ++order.ordinal;
}

// The default selection and `no skip`: which of the candidates become alerts.
void PatternMatcher::decide(const OrderKey& at) {
  sort_candidates(at);
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
      const bool passes = current_.steps.take(1 + deferred.matches.size() / 8) &&
                          passes_having(scope, last) && !is_excepted(scope, last, at.time);
      if (current_.steps.is_over()) {
        lost_.give_up(matches_.candidates.size() - i, at);
        break;
      }
      if (passes) add_deferred(deferred, candidate);
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
    const bool passes =
        current_.steps.take() && passes_having(scope, last) && !is_excepted(scope, last, at.time);
    if (current_.steps.is_over()) {
      lost_.give_up(matches_.candidates.size() - i, at);
      break;
    }
    if (!passes) continue;
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

// ---- matches that may drop others

PatternMatcher::Drop PatternMatcher::drop_of(const CompleteMatch& match) const {
  const Selection& selection = current_.rule->rule->selection;
  const PatternNode* const last = current_.node(match.node);
  const EventPosition first = CurrentPattern::position_of(*current_.event_of(last->first));
  Drop drop;
  drop.by_position = true;
  switch (selection.kind) {
    case SelectionKind::kDefault:
    case SelectionKind::kNoSkip:
      break;
    case SelectionKind::kSkipPastLast:
      drop.any = true;
      drop.last = CurrentPattern::position_of(*current_.event_of(match.node));
      break;
    case SelectionKind::kSkipToNext:
      drop.any = true;
      drop.last = first;
      break;
    case SelectionKind::kSkipToFirst:
    case SelectionKind::kSkipToLast: {
      const SlotEvents slot = last->slots()[current_.rule->step_of_var[selection.var.value]];
      const Offset target = selection.kind == SelectionKind::kSkipToFirst ? slot.first : slot.last;
      if (target == 0 || target == last->first) break;
      drop.any = true;
      drop.strictly = true;
      drop.last = CurrentPattern::position_of(*current_.event_of(target));
      break;
    }
    case SelectionKind::kConsume:
      drop.any = true;
      drop.by_position = false;
      for (Offset at = match.node; at != 0; at = current_.node(at)->node.parent) {
        drop.events.push_back(current_.node(at)->node.event);
      }
      std::sort(drop.events.begin(), drop.events.end());
      break;
  }
  return drop;
}

bool PatternMatcher::is_dropped(const Drop& drop, Offset last) {
  if (!drop.any) return false;
  if (drop.by_position) {
    const EventPosition first =
        CurrentPattern::position_of(*current_.event_of(current_.node(last)->first));
    return drop.strictly ? first < drop.last : first <= drop.last;
  }
  for (Offset at = last; at != 0; at = current_.node(at)->node.parent) {
    if (!current_.steps.take()) {
      ++unchecked_;
      return true;
    }
    if (std::binary_search(drop.events.begin(), drop.events.end(), current_.node(at)->node.event)) {
      return true;
    }
  }
  return false;
}

void PatternMatcher::drop_runs(const Drop& drop) {
  if (!drop.any) return;
  current_.keep_runs([&](const PatternRun& run) { return !is_dropped(drop, run.node); });
}

// Gives a selected match, which `except` and `once` may still hold back.
void PatternMatcher::give(const CompleteMatch& match, OrderKey& order) {
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

bool PatternMatcher::passes(const CompleteMatch& match) {
  const MatchCandidate candidate{match.node, match.values, match.start, false, 0};
  return passes_having(scope_of(candidate), last_of(candidate));
}

// `matches_.given`, complete now and in their order: each that those before it leave is given.
void PatternMatcher::give_in_turn(const OrderKey& at) {
  OrderKey order = at;
  for (std::size_t i = 0; i < matches_.given.size(); ++i) {
    const CompleteMatch match = matches_.given[i];
    const std::uint64_t asked = matches_.given.size() - i + current_.state->runs.size() +
                                current_.node(match.node)->node.length;
    const bool is_given = current_.steps.take(1 + asked / 8) && passes(match);
    if (current_.steps.is_over()) {
      lost_.give_up(matches_.given.size() - i, at);
      break;
    }
    if (!is_given) continue;
    const Drop drop = drop_of(match);
    matches_.given.erase(
        std::remove_if(matches_.given.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                       matches_.given.end(),
                       [&](const CompleteMatch& other) { return is_dropped(drop, other.node); }),
        matches_.given.end());
    drop_runs(drop);
    give(match, order);
    if (unchecked_ > 0) lost_.give_up(std::exchange(unchecked_, 0), at);
  }
  matches_.given.clear();
}

// `in order`: they wait for their turn.
void PatternMatcher::wait_in_order(const OrderKey& order) {
  std::vector<CompleteMatch>& waiting = current_.state->waiting;
  const auto comes_first = [&](const CompleteMatch& a, const CompleteMatch& b) {
    if (a.start != b.start) return a.start < b.start;
    return current_.compare({a.node}, {b.node}, false) < 0;
  };
  for (std::size_t i = 0; i < matches_.given.size(); ++i) {
    const CompleteMatch match = matches_.given[i];
    const bool waits = current_.steps.take() && passes(match);
    const auto place = std::upper_bound(waiting.begin(), waiting.end(), match, comes_first);
    if (current_.steps.is_over()) {
      lost_.give_up(matches_.given.size() - i, order);
      break;
    }
    if (waits) waiting.insert(place, match);
  }
  matches_.given.clear();
  release(order);
}

// Gives those for which no partial match that began earlier is alive.
void PatternMatcher::release(OrderKey order) {
  PatternState& state = *current_.state;
  while (!state.waiting.empty() &&
         (state.runs.empty() || state.runs.front().start >= state.waiting.front().start)) {
    if (!current_.steps.take(1 + (state.waiting.size() + state.runs.size()) / 8)) {
      give_up_waiting(order);
      return;
    }
    const CompleteMatch match = state.waiting.front();
    state.waiting.erase(state.waiting.begin());
    const Drop drop = drop_of(match);
    std::erase_if(state.waiting,
                  [&](const CompleteMatch& other) { return is_dropped(drop, other.node); });
    drop_runs(drop);
    give(match, order);
    if (unchecked_ > 0) lost_.give_up(std::exchange(unchecked_, 0), order);
  }
}

// Time itself releases what waits when the last partial match that began earlier runs out.
void PatternMatcher::set_release_timer() {
  PatternState& state = *current_.state;
  if (state.waiting.empty()) return;
  EventPosition last{std::numeric_limits<std::int64_t>::min(), {}};
  for (const PatternRun& run : state.runs) {
    if (run.start >= state.waiting.front().start) break;
    last = std::max(last, current_.end_of(run));
  }
  if (last.time_us == PatternRun::kNever) return;
  if (last.time_us == state.release_us && last.arrival == state.release_arrival) return;
  state.release_us = last.time_us;
  state.release_arrival = last.arrival;
  current_.push_timer(last.time_us, last.arrival);
}

void PatternMatcher::on_deadline(const RuleProgram& rule, const MatchContext& context,
                                 KeySlot& slot, std::string_view key, const Timer& timer,
                                 std::uint32_t queue) {
  OperatorEntry* const entry = current_.store.find(slot, rule.op);
  if (entry == nullptr) return;
  PatternState& state =
      context.patterns.at(*RecordStore::at<std::uint32_t>(current_.store.base(slot), entry->state));
  current_.select_rule(rule, &state, key);
  current_.context = &context;
  current_.row = nullptr;
  current_.scope.batch = &context.slice.batch();
  current_.timers = &context.timers;
  current_.queue = queue;
  current_.hash = slot.hash;
  nodes_.begin();
  matches_.candidates.clear();
  matches_.given.clear();
  lost_.begin();
  current_.steps.begin(current_.program.limits.steps_per_event_max);
  if (current_.pattern->opens) {
    on_window_deadline(timer);
    return;
  }
  const EventPosition at{timer.deadline_us, timer.arrival()};
  const bool in_order = rule.rule->selection.in_order;
  bool any = false;
  std::uint32_t role = 0;
  current_.keep_runs([&](const PatternRun& run) {
    if (current_.is_due(run)) {
      if (run.ends_us != at.time_us || current_.end_of(run) != at) return true;
      role = place_of_role(current_.end_setter(run).roles());
      matches_.candidates.push_back({run.node, run.values, run.start, false, 0});
      return false;
    }
    // What is given may look at all that are alive: no more, so that its steps are the same for any
    // cut.
    if (!in_order && current_.is_stepwise()) return current_.dies_at(run) > at.time_us;
    // Only what waits in order sees when a partial match ends.
    if (!in_order || current_.dies_at(run) > at.time_us || current_.end_of(run) > at) return true;
    if (current_.end_of(run) == at) role = place_of_role(current_.end_setter(run).roles());
    any = true;
    return false;
  });
  if (matches_.candidates.empty() && !any) return;
  OrderKey order = order_at_deadline(EventTime{timer.deadline_us}, timer.arrival());
  order.role = role;
  order.level = rule.level;
  order.rule = rule.index.value;
  order.key = key;
  if (current_.is_stepwise()) {
    sort_candidates(order);
    for (const MatchCandidate& match : matches_.candidates) {
      matches_.given.push_back({match.start, match.node, match.values});
    }
    matches_.candidates.clear();
    if (in_order) {
      wait_in_order(order);
      set_release_timer();
    } else {
      give_in_turn(order);
    }
  } else {
    decide(order);
  }
  if (lost_.gave_up()) drop_older_half(order);
  current_.context->patterns.count(state);
}
}  // namespace tocsin::cep
