// How the simple methods keep to the steps of an event (cep/eval/steps.h). Where partial matches
// may need more steps than there are, the event is offered to the newest first, and the oldest, to
// which it cannot be offered any more, are dropped: an event that they do not see could make them
// wrong. A match that cannot be decided on is given up, and costs the key the older half of its
// partial matches, so that later ones can be.
#include <algorithm>

#include "cep/match/matcher.h"
#include "cep/places/places.h"

namespace tocsin::cep {
namespace {
// What a partial match takes at most where no condition reads it: one for the offer, two for what
// may take the event.
constexpr std::uint64_t kStepsOfRun = 3;
}  // namespace

bool Matcher::may_run_out() const {
  return rule_->reads_matches || rule_->waits_from_first ||
         (std::uint64_t{state_.run_count} + 1) * kStepsOfRun > steps_.limit();
}

void Matcher::offer_start() {
  current_from_ = BudgetTally::kFresh;
  if (!fits(rule_->steps[0].take, 0, 0, true)) return;
  Run fresh;
  fresh.first_time_us = current_->row->engine_time.us;
  fresh.start = state_.next_start;
  take(fresh, 0, 1, false);
}

void Matcher::forget_lost_runs() {
  if (!any_live_ && current_->row->engine_time.us >= state_.lost_until_us) state_.lost_runs = 0;
}

// Offers the event to the key's partial matches and to a fresh one.
void Matcher::offer_all(const OperatorEntry* entry, bool may_start) {
  if (state_.run_count > 0 && may_run_out()) {
    const std::uint64_t lost = offer_newest_first(entry, may_start);
    forget_lost_runs();
    if (lost > 0) note_lost(lost, BudgetCause::kStepsPerEvent);
    return;
  }
  for (std::uint32_t i = 0; i < state_.run_count; ++i) {
    offer(RecordStore::at<Run>(record_, entry->state + header_words_)[i], i);
  }
  forget_lost_runs();
  if (may_start) offer_start();
}

// Gives how many were dropped.
std::uint64_t Matcher::offer_newest_first(const OperatorEntry* entry, bool may_start) {
  const Run* const runs = RecordStore::at<Run>(record_, entry->state + header_words_);
  const auto is_live = [&](const Run& run) {
    return (run.flags() & Run::kFinal) != 0 || !rule_->within ||
           current_->row->engine_time.us < run.first_time_us + rule_->within->us;
  };
  if (may_start) offer_start();
  std::uint64_t lost = 0;
  for (std::uint32_t i = state_.run_count; i-- > 0 && lost == 0;) {
    const std::size_t drafts = drafts_.size();
    const std::size_t candidates = candidates_.size();
    offer(runs[i], i);
    if (!steps_.is_over()) continue;
    drafts_.resize(drafts);
    candidates_.resize(candidates);
    lost = static_cast<std::uint64_t>(std::count_if(runs, runs + i + 1, is_live));
    changed_ = true;
  }
  reverse_drafts(drafts_);
  std::reverse(candidates_.begin(), candidates_.end());
  return lost;
}

void Matcher::give_up(std::size_t matches, const OrderKey& order) {
  gave_up_ = true;
  note_lost(matches, BudgetCause::kStepsPerEvent, order);
}

// Whether one more match of the event may become an alert.
bool Matcher::may_raise(const OrderKey& order) {
  if (order.ordinal == program_.limits.matches_per_event_max) return false;
  if (order.ordinal == 0 || steps_.may_list()) return true;
  if (context_->alerts.back().truncated == 0) {
    OrderKey at = order;
    at.level = at.ordinal = 0;
    budgets_.note(rule_->index, BudgetCause::kStepsPerEvent, std::move(at));
  }
  return false;
}

// Of `count` partial matches at a deadline. Gives how many are left.
std::uint32_t Matcher::drop_older_half(const RuleProgram& rule, Run* runs, std::uint32_t count,
                                       const OrderKey& order) {
  const auto is_live = [&](const Run& run) {
    const std::int64_t end = end_of(rule, record_, run);
    return (run.flags() & Run::kFinal) != 0 ? end >= order.time.us : end > order.time.us;
  };
  const auto live = static_cast<std::uint64_t>(std::count_if(runs, runs + count, is_live));
  const std::uint64_t lost = (live + 1) / 2;
  std::uint64_t dropped = 0;
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (dropped < lost) {
      if (is_live(runs[i])) ++dropped;
      continue;
    }
    runs[kept++] = runs[i];
  }
  if (lost > 0) note_lost(lost, BudgetCause::kStepsPerEvent, order);
  return kept;
}

// Of a busy key, whose partial matches are those that its first events began.
void Matcher::drop_older_starts(PlacesState& state) {
  const std::uint64_t before = state.starts();
  Places places(*rule_, state);
  while (state.starts() > before / 2) {
    places.drop_before(state.log.begin() + 1, current_->row->engine_time.us);
  }
  note_lost(before - state.starts(), BudgetCause::kStepsPerEvent);
}
}  // namespace tocsin::cep
