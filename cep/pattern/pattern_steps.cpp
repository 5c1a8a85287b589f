// How the general matcher keeps to the steps of an event, as the simple methods do
// (cep/match/matcher_steps.cpp).
#include <algorithm>

#include "cep/alert/current_row.h"
#include "cep/pattern/pattern_matcher.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
bool PatternMatcher::may_run_out() const {
  const std::uint64_t most = current_.state->runs.size() + current_.pattern->starts.size();
  return current_.rule->reads_matches ||
         most * (1 + current_.pattern->transitions.size() + current_.pattern->fan_targets.size()) >
             current_.steps.limit();
}

void PatternMatcher::offer_starts(bool may_start) {
  current_from_ = BudgetTally::kFresh;
  if (!may_start) return;
  for (const std::uint32_t transition : current_.pattern->starts) offer_start(transition);
}

// Offers the event to the key's partial matches and to fresh ones.
void PatternMatcher::offer_all(bool may_start) {
  if (current_.state == nullptr) {
    offer_starts(may_start);
    return;
  }
  if (!current_.state->runs.empty() && may_run_out()) {
    const std::uint64_t lost = offer_newest_first(may_start);
    lost_.forget(any_live_);
    if (lost > 0) lost_.lose(lost, BudgetCause::kStepsPerEvent);
    return;
  }
  for (std::size_t i = 0; i < current_.state->runs.size(); ++i) {
    current_from_ = static_cast<std::uint32_t>(i);
    offer(current_.state->runs[i],
          current_.state->counters.data() + i * current_.pattern->counter_count);
  }
  lost_.forget(any_live_);
  offer_starts(may_start);
}

// Gives how many were dropped.
std::uint64_t PatternMatcher::offer_newest_first(bool may_start) {
  const std::vector<PatternRun>& runs = current_.state->runs;
  offer_starts(may_start);
  std::uint64_t lost = 0;
  for (std::size_t i = runs.size(); i-- > 0 && lost == 0;) {
    const std::size_t drafts = drafts_.runs.size();
    const std::size_t candidates = matches_.candidates.size();
    current_from_ = static_cast<std::uint32_t>(i);
    offer(runs[i], current_.state->counters.data() + i * current_.pattern->counter_count);
    if (!current_.steps.is_over()) continue;
    drafts_.runs.resize(drafts);
    matches_.candidates.resize(candidates);
    const std::int64_t now = current_.row->row->engine_time.us;
    lost = static_cast<std::uint64_t>(
        std::count_if(runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                      [&](const PatternRun& run) { return now < current_.dies_at(run); }));
    changed_ = true;
  }
  reverse_drafts(drafts_.runs);
  std::ranges::reverse(matches_.candidates);
  return lost;
}

// The key's, once what becomes of them at the event or deadline is written. With `in order` their
// ends release what waits for them: they stay.
void PatternMatcher::drop_older_half(const OrderKey& order) {
  if (current_.rule->rule->selection.in_order) return;
  const auto is_live = [&](const PatternRun& run) {
    return current_.is_due(run) ? run.ends_us >= order.time.us
                                : current_.dies_at(run) > order.time.us;
  };
  const auto live = static_cast<std::size_t>(std::ranges::count_if(current_.state->runs, is_live));
  const std::size_t lost = (live + 1) / 2;
  std::size_t dropped = 0;
  current_.keep_runs([&](const PatternRun& run) {
    if (dropped == lost) return true;
    if (is_live(run)) ++dropped;
    return false;
  });
  if (lost > 0) lost_.lose(lost, BudgetCause::kStepsPerEvent, order);
}

// Those whose turn has come, and that there are no steps left to give.
void PatternMatcher::give_up_waiting(const OrderKey& order) {
  const std::size_t given_up =
      std::erase_if(current_.state->waiting, [&](const CompleteMatch& match) {
        return current_.state->runs.empty() || current_.state->runs.front().start >= match.start;
      });
  lost_.give_up(given_up, order);
}
}  // namespace tocsin::cep
