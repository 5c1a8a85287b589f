#include "cep/pattern/members_matcher.h"

#include "cep/alert/alert_builder.h"
#include "cep/alert/current_row.h"
#include "cep/pattern/busy_members.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
bool MembersMatcher::on_event() {
  PatternState& state = *current_.state;
  MembersState& held = *state.members;
  const std::uint64_t before = held.starts.size();
  Members members(*current_.rule, held);
  members.expire(current_.row->row->engine_time.us);
  const std::uint64_t live = held.starts.size();
  const BusyMembers key(current_.program, *current_.scope.table, *current_.rule, held);
  const GroupShare counted{live, key.budget_bytes()};
  current_.stats.runs -= before - live;
  if (live == 0) {
    end();
    return false;
  }
  fitting_.clear();
  for (const std::uint32_t step : conditions_.steps_here()) {
    if (conditions_.fits_step(step, 0)) fitting_.push_back(step);
  }
  bool is_skipped = false;
  if (!fitting_.empty()) {
    if (const auto match = members.match(fitting_)) {
      const bool is_given = selection_.give_chain(held.log, *match);
      is_skipped = is_given && current_.rule->rule->selection.kind == SelectionKind::kSkipPastLast;
    }
  }
  if (is_skipped) {
    // All began at or before this event, the match's last.
    current_.stats.runs -= live;
    end();
    return true;
  }
  const bool is_kept = !fitting_.empty() && keep_event(members);
  if (lost_.gave_up()) drop_older_starts();
  groups_.spend_growth(*current_.rule, counted, {held.starts.size(), key.budget_bytes()});
  if (is_kept) keep_to_budget();
  current_.stats.runs += held.starts.size();
  current_.stats.runs -= live;
  if (held.is_empty()) {
    end();
  } else {
    current_.context->patterns.count(state);
  }
  return true;
}

// Whether it is kept.
bool MembersMatcher::keep_event(Members& members) {
  const std::vector<std::uint32_t> steps = members.to_keep(fitting_);
  if (steps.empty()) return false;
  MembersState& held = *current_.state->members;
  BusyMembers key(current_.program, *current_.scope.table, *current_.rule, held);
  current_.capture_row();
  const std::uint64_t number = key.push_event(current_.capture.captured());
  std::vector<ChainEvent> entries;
  for (const std::uint32_t step : steps) {
    const Element& element = *current_.pattern->steps[step].element;
    std::uint32_t subset = 0;
    if (element.events().size() > 1) {
      subset = static_cast<std::uint32_t>(subset_of_event(
          element, EventView{current_.row->row, nullptr}, current_.scope_at(0, -1)));
    }
    entries.push_back({number, step, subset});
  }
  members.keep(entries);
  return true;
}

// The oldest first events go.
void MembersMatcher::keep_to_budget() {
  const Limits& limits = current_.program.limits;
  MembersState& held = *current_.state->members;
  const BusyMembers key(current_.program, *current_.scope.table, *current_.rule, held);
  const auto drop = [&](auto&& is_over, BudgetCause cause) {
    const std::size_t before = held.starts.size();
    while (!held.is_empty() && is_over()) held.pop_start();
    const std::size_t lost = before - held.starts.size();
    if (lost > 0) lost_.lose(lost, cause);
  };
  drop([&] { return held.log.size() > limits.events_per_key_max; }, BudgetCause::kEventsPerKey);
  drop([&] { return key.budget_bytes() > limits.bytes_per_key_max; }, BudgetCause::kBytesPerKey);
}

// Of the events that began a match: there were no steps left for one.
void MembersMatcher::drop_older_starts() {
  MembersState& held = *current_.state->members;
  const std::size_t before = held.starts.size();
  while (held.starts.size() > before / 2) held.pop_start();
  if (before > 0) lost_.lose(before - held.starts.size(), BudgetCause::kStepsPerEvent);
}

std::uint64_t MembersMatcher::live_runs(std::int64_t now_us, std::vector<LiveRun>& runs) const {
  const MembersState& held = *current_.state->members;
  BusyMembers(current_.program, *current_.scope.table, *current_.rule, *current_.state->members)
      .live_runs(now_us, runs);
  return runs.empty() ? 0 : held.log.size();
}

void MembersMatcher::drop_starts(std::int64_t now_us, std::size_t count) {
  PatternState& state = *current_.state;
  MembersState& held = *state.members;
  const std::size_t before = held.starts.size();
  Members(*current_.rule, held).expire(now_us);
  std::size_t dropped = 0;
  for (; dropped < count && !held.is_empty(); ++dropped) held.pop_start();
  current_.stats.runs -= before - held.starts.size();
  current_.stats.runs_lost += dropped;
  state.lost_runs += dropped;
}

void MembersMatcher::make() {
  PatternState& state = *current_.state;
  state.settle();
  state.members = BusyMembers::make(*current_.rule);
  BusyMembers key(current_.program, *current_.scope.table, *current_.rule, *state.members);
  key.fill(state);
  groups_.spend(*current_.rule, state.members->starts.size(), key.budget_bytes());
  ++current_.stats.keys_made_busy;
  current_.stats.runs += state.members->starts.size();
  current_.stats.runs -= state.runs.size();
  state.next_start = 0;
  state.drop_runs();
  current_.scope.record = state.base();
  current_.context->patterns.count(state);
}

void MembersMatcher::end() {
  current_.state->members.reset();
  current_.context->patterns.count(*current_.state);
}

std::int64_t MembersMatcher::expiry(std::int64_t now_us) {
  MembersState& held = *current_.state->members;
  const std::size_t before = held.starts.size();
  Members(*current_.rule, held).expire(now_us);
  current_.stats.runs -= before - held.starts.size();
  if (held.is_empty()) {
    current_.state->members.reset();
    return CurrentPattern::kDead;
  }
  const KeptEvent& newest = held.log[held.starts.back()];
  return current_.rule->within ? newest.engine_time_us + current_.rule->within->us
                               : CurrentPattern::kNeverDies;
}
}  // namespace tocsin::cep
