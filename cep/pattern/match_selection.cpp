#include "cep/pattern/match_selection.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "cep/base/sorted_inserts.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
void MatchSelection::sort_candidates(const OrderKey& order) {
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

void MatchSelection::decide(const OrderKey& order) {
  sort_candidates(order);
  alerts_.give_candidates(order);
}

MatchSelection::Drop MatchSelection::drop_of(const CompleteMatch& match) const {
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

bool MatchSelection::is_dropped(const Drop& drop, Offset last) {
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

void MatchSelection::drop_runs(const Drop& drop) {
  if (!drop.any) return;
  current_.keep_runs([&](const PatternRun& run) { return !is_dropped(drop, run.node); });
}

void MatchSelection::give_in_turn(const OrderKey& at) {
  OrderKey order = at;
  for (std::size_t i = 0; i < matches_.given.size(); ++i) {
    const CompleteMatch match = matches_.given[i];
    const std::uint64_t asked = matches_.given.size() - i + current_.state->run_count() +
                                current_.node(match.node)->node.length;
    const bool is_given = current_.steps.take(1 + asked / 8) && alerts_.passes(match);
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
    alerts_.give(match, order);
    if (unchecked_ > 0) lost_.give_up(std::exchange(unchecked_, 0), at);
  }
  matches_.given.clear();
}

void MatchSelection::wait_in_order(const OrderKey& order) {
  SortedInserts waiting(current_.state->waiting);
  const auto comes_first = [&](const CompleteMatch& a, const CompleteMatch& b) {
    if (a.start != b.start) return a.start < b.start;
    return current_.compare({a.node}, {b.node}, false) < 0;
  };
  for (std::size_t i = 0; i < matches_.given.size(); ++i) {
    const CompleteMatch match = matches_.given[i];
    const bool waits = current_.steps.take() && alerts_.passes(match);
    const std::size_t place = waiting.upper_bound(match, comes_first);
    if (current_.steps.is_over()) {
      lost_.give_up(matches_.given.size() - i, order);
      break;
    }
    if (!waits) continue;
    waiting.insert(place, match);
    if (HeldPlaces* const held = current_.held_places()) held->hold(match.node);
  }
  waiting.finish();
  matches_.given.clear();
  give_waiting(order);
}

// Ends those that `ends` (of a CompleteMatch) ends; gives how many.
template <typename Ends>
std::size_t MatchSelection::end_waiting(Ends&& ends) {
  HeldPlaces* const held = current_.held_places();
  std::vector<CompleteMatch>& waiting = current_.state->waiting;
  std::size_t kept = 0;
  for (const CompleteMatch& match : waiting) {
    if (!ends(match)) {
      waiting[kept++] = match;
    } else if (held != nullptr) {
      held->release(match.node);
    }
  }
  const std::size_t ended = waiting.size() - kept;
  waiting.resize(kept);
  return ended;
}

// Gives those for which no partial match that began earlier is alive.
void MatchSelection::give_waiting(OrderKey order) {
  PatternState& state = *current_.state;
  while (!state.waiting.empty() &&
         (state.runs.empty() || state.runs.front().start >= state.waiting.front().start)) {
    if (!current_.steps.take(1 + (state.waiting.size() + state.runs.size()) / 8)) {
      give_up_waiting(order);
      return;
    }
    const CompleteMatch match = state.waiting.front();
    const Drop drop = drop_of(match);
    end_waiting([&, is_first = true](const CompleteMatch& other) mutable {
      return std::exchange(is_first, false) || is_dropped(drop, other.node);
    });
    drop_runs(drop);
    alerts_.give(match, order);
    if (unchecked_ > 0) lost_.give_up(std::exchange(unchecked_, 0), order);
  }
}

// Those whose turn has come, and that there are no steps left to give.
void MatchSelection::give_up_waiting(const OrderKey& order) {
  const std::size_t given_up = end_waiting([&](const CompleteMatch& match) {
    return current_.state->runs.empty() || current_.state->runs.front().start >= match.start;
  });
  lost_.give_up(given_up, order);
}

void MatchSelection::set_release_timer() {
  PatternState& state = *current_.state;
  if (state.waiting.empty()) return;
  EventPosition last{std::numeric_limits<std::int64_t>::min(), {}};
  for (const PatternRun& run : state.runs) {
    if (run.start >= state.waiting.front().start) break;
    last = std::max(last, current_.end_of(run));
  }
  if (last.time_us == PatternRun::kNever) return;
  if (last.time_us == std::numeric_limits<std::int64_t>::min()) return;  // nothing is in the way
  if (last.time_us == state.release_us && last.arrival == state.release_arrival) return;
  state.release_us = last.time_us;
  state.release_arrival = last.arrival;
  current_.push_timer(last.time_us, last.arrival);
}

void MatchSelection::drop_older_half(const OrderKey& order) {
  if (current_.rule->rule->selection.in_order) return;
  const auto is_live = [&](const PatternRun& run) {
    return current_.is_due(run) ? run.ends_us >= order.time.us
                                : current_.dies_at(run) > order.time.us;
  };
  std::size_t live = 0;
  current_.state->for_each_run([&](const PatternRun& run) { live += is_live(run) ? 1 : 0; });
  const std::size_t lost = (live + 1) / 2;
  std::size_t dropped = 0;
  current_.keep_runs([&](const PatternRun& run) {
    if (dropped == lost) return true;
    if (is_live(run)) ++dropped;
    return false;
  });
  if (lost > 0) lost_.lose(lost, BudgetCause::kStepsPerEvent, order);
}

bool MatchSelection::give_last(Offset last, std::uint32_t step) {
  const OrderKey order = current_.order_here();
  const MatchCandidate candidate{last, 0, current_.state->next_start, true, step};
  const bool is_given = alerts_.passes(candidate);
  matches_.candidates.assign(1, candidate);
  decide(order);
  matches_.candidates.clear();
  return is_given;
}

bool MatchSelection::give_chain(const EventLog& log, const ChainMatch& match) {
  PatternState& state = *current_.state;
  Offset last = 0;
  for (const ChainEvent& taken : match.events) {
    const KeptEvent& event = log[taken.event];
    const Offset place = state.cut(event.words);
    std::memcpy(&state.words[place], &event, std::size_t{event.words} * 8);
    last = nodes_.make_node(last, place, taken.step, static_cast<std::uint16_t>(taken.subset),
                            EventView{nullptr, &event});
  }
  OrderKey order = current_.order_here();
  bool is_given = true;
  if (current_.is_stepwise()) {
    const CompleteMatch complete{state.next_start, nodes_.write_node(last, match.last_step),
                                 nodes_.write_values()};
    current_.steps.allow(StepMeter::kMatchesThen);
    is_given = current_.steps.take() && alerts_.passes(complete);
    if (current_.steps.is_over()) {
      is_given = false;
      lost_.give_up(1, order);
    } else if (is_given) {
      alerts_.give(complete, order);
    }
  } else {
    matches_.candidates.assign(1, MatchCandidate{last, 0, state.next_start, true, match.last_step});
    decide(order);
    matches_.candidates.clear();
  }
  state.words.assign(1, 0);
  state.held.reset();
  nodes_.begin();
  current_.scope.record = state.base();
  return is_given;
}
}  // namespace tocsin::cep
