// The general matcher: keys that have more partial matches of a rule with `all of` than a few. They
// are matched by the events that fit its members, where the rule allows it (cep/places/members.h).
// A key becomes a busy one at an event that gives it too many partial matches, and ceases to be one
// when nothing of them is left.
#include <cstring>

#include "cep/match/alert_builder.h"
#include "cep/match/busy_members.h"
#include "cep/match/current_row.h"
#include "cep/match/pattern_matcher.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
// False where all is over by the current event: then the key is an ordinary one again.
bool PatternMatcher::on_busy_event() {
  PatternState& state = *state_;
  MembersState& held = *state.members;
  const std::uint64_t before = held.starts.size();
  Members members(*rule_, held);
  members.expire(current_->row->engine_time.us);
  const std::uint64_t live = held.starts.size();
  stats_.runs -= before - live;
  if (live == 0) {
    end_busy();
    return false;
  }
  fitting_.clear();
  for (const std::uint32_t step : steps_here()) {
    if (fits_step(step, 0)) fitting_.push_back(step);
  }
  bool is_skipped = false;
  if (!fitting_.empty()) {
    if (const auto match = members.match(fitting_)) {
      const bool is_given = give_chain(held.log, *match);
      is_skipped = is_given && rule_->rule->selection.kind == SelectionKind::kSkipPastLast;
    }
  }
  if (is_skipped) {
    // All began at or before this event, the match's last.
    stats_.runs -= live;
    end_busy();
    return true;
  }
  const bool is_kept = !fitting_.empty() && keep_busy_event(members);
  if (gave_up_) drop_older_starts();
  if (is_kept) keep_busy_to_budget();
  stats_.runs += held.starts.size();
  stats_.runs -= live;
  if (held.is_empty()) {
    end_busy();
  } else {
    context_->patterns.count(state);
  }
  return true;
}

// Gives the match of a busy key whose events are in the log. Whether it was selected. Its nodes are
// there only until then.
bool PatternMatcher::give_chain(const EventLog& log, const ChainMatch& match) {
  PatternState& state = *state_;
  Offset last = 0;
  for (const ChainEvent& taken : match.events) {
    const KeptEvent& event = log[taken.event];
    const Offset place = state.cut(event.words);
    std::memcpy(&state.words[place], &event, std::size_t{event.words} * 8);
    last = make_node(last, place, taken.step, static_cast<std::uint16_t>(taken.subset),
                     EventView{nullptr, &event});
  }
  OrderKey order = order_here();
  bool is_given = true;
  if (is_stepwise()) {
    const CompleteMatch complete{state.next_start, write_node(last, match.last_step),
                                 write_values()};
    steps_.allow(StepMeter::kMatchesThen);
    is_given = steps_.take() && passes(complete);
    if (steps_.is_over()) {
      is_given = false;
      give_up(1, order);
    } else if (is_given) {
      give(complete, order);
    }
  } else {
    candidates_.assign(1, Candidate{last, 0, state.next_start, true, match.last_step});
    decide(order);
    candidates_.clear();
  }
  state.words.assign(1, 0);
  event_ = values_ = first_made_ = 0;
  scope_.record = state.base();
  return is_given;
}

// Whether it is kept.
bool PatternMatcher::keep_busy_event(Members& members) {
  const std::vector<std::uint32_t> steps = members.to_keep(fitting_);
  if (steps.empty()) return false;
  MembersState& held = *state_->members;
  BusyMembers key(program_, *scope_.table, *rule_, held);
  store_.read_features_by(*current_->reader, rule_->pass);
  store_.event_words(*current_->row);
  const std::uint64_t number = key.push_event(store_.captured());
  std::vector<ChainEvent> entries;
  for (const std::uint32_t step : steps) {
    const Element& element = *pattern_->steps[step].element;
    std::uint32_t subset = 0;
    if (element.events().size() > 1) {
      subset = static_cast<std::uint32_t>(
          subset_of_event(element, EventView{current_->row, nullptr}, scope_at(0, -1)));
    }
    entries.push_back({number, step, subset});
  }
  const std::size_t before = held.starts.size();
  members.keep(entries);
  groups_.spend(*rule_, held.starts.size() - before,
                held.sizes.back() + entries.size() * kPlaceBytes);
  return true;
}

// The oldest first events go.
void PatternMatcher::keep_busy_to_budget() {
  const Limits& limits = program_.limits;
  MembersState& held = *state_->members;
  const BusyMembers key(program_, *scope_.table, *rule_, held);
  const auto drop = [&](auto&& is_over, BudgetCause cause) {
    const std::size_t before = held.starts.size();
    while (!held.is_empty() && is_over()) held.pop_start();
    const std::size_t lost = before - held.starts.size();
    if (lost > 0) lose(lost, cause);
  };
  drop([&] { return held.log.size() > limits.events_per_key_max; }, BudgetCause::kEventsPerKey);
  drop([&] { return key.budget_bytes() > limits.bytes_per_key_max; }, BudgetCause::kBytesPerKey);
}

// Of the events that began a match: there were no steps left for one.
void PatternMatcher::drop_older_starts() {
  MembersState& held = *state_->members;
  const std::size_t before = held.starts.size();
  while (held.starts.size() > before / 2) held.pop_start();
  if (before > 0) lose(before - held.starts.size(), BudgetCause::kStepsPerEvent);
}

// Appends the events that began a match of a busy key.
void PatternMatcher::live_starts(std::int64_t now_us, std::vector<LiveRun>& runs) {
  busy_events_ = 0;
  if (state_->members == nullptr) return;
  BusyMembers(program_, *scope_.table, *rule_, *state_->members).live_runs(now_us, runs);
  if (!runs.empty()) busy_events_ = state_->members->log.size();
}

// So many of the oldest that live on, for a budget of their group.
void PatternMatcher::drop_starts(std::int64_t now_us, std::size_t count) {
  PatternState& state = *state_;
  MembersState& held = *state.members;
  const std::size_t before = held.starts.size();
  Members(*rule_, held).expire(now_us);
  std::size_t dropped = 0;
  for (; dropped < count && !held.is_empty(); ++dropped) held.pop_start();
  stats_.runs -= before - held.starts.size();
  stats_.runs_lost += dropped;
  state.lost_runs += dropped;
}

// The key's partial matches become what their events fit.
void PatternMatcher::make_busy() {
  PatternState& state = *state_;
  state.members = BusyMembers::make(*rule_);
  BusyMembers(program_, *scope_.table, *rule_, *state.members).fill(state);
  ++stats_.keys_made_busy;
  stats_.runs += state.members->starts.size();
  stats_.runs -= state.runs.size();
  state.next_start = 0;
  state.words = {0};
  state.runs.clear();
  state.counters.clear();
  state.tally.reset();
  state.budget_words = state.words_kept = 0;
  scope_.record = state.base();
  context_->patterns.count(state);
}

void PatternMatcher::end_busy() {
  state_->members.reset();
  context_->patterns.count(*state_);
}

std::int64_t PatternMatcher::busy_expiry(std::int64_t now_us) {
  MembersState& held = *state_->members;
  const std::size_t before = held.starts.size();
  Members(*rule_, held).expire(now_us);
  stats_.runs -= before - held.starts.size();
  if (held.is_empty()) {
    state_->members.reset();
    return kDead;
  }
  const KeptEvent& newest = held.log[held.starts.back()];
  return rule_->within ? newest.engine_time_us + rule_->within->us : kNeverDies;
}
}  // namespace tocsin::cep
