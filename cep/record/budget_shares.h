/// What the drafts of a key's partial matches take of its budgets, for all matchers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "cep/compile/program.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
/// From when on a rule's partial matches that are dropped now can no longer be missed.
inline std::int64_t missed_until(const RuleProgram& rule, std::int64_t now_us) {
  return now_us + longest_life(rule).value_or(Duration{0}).us;
}

/// Adds the drafts, the newest first, until a budget is exceeded: gives how many of the oldest are
/// beyond it, and which. `taken`: what is there beside them; `shares`: what each takes before it
/// takes the current event, of `event_bytes()`; `shares_place(i)`: draft i will have the place that
/// draft i + 1 gets. `limit`: the most events and bytes.
template <typename Draft, typename SharesPlace, typename EventBytes>
std::pair<std::size_t, BudgetCause> beyond_budget(const BudgetShare& limit, BudgetShare taken,
                                                  const std::vector<Draft>& drafts,
                                                  const std::vector<BudgetShare>& shares,
                                                  SharesPlace&& shares_place,
                                                  EventBytes&& event_bytes) {
  bool has_event = false;
  for (std::size_t i = drafts.size(); i-- > 0;) {
    taken += shares[i];
    if (drafts[i].takes) {
      if (i + 1 == drafts.size() || !shares_place(i)) taken.bytes += kPlaceBytes;
      if (!std::exchange(has_event, true)) {
        taken.bytes += event_bytes();
        ++taken.events;
      }
    }
    if (taken.events > limit.events) return {i + 1, BudgetCause::kEventsPerKey};
    if (taken.bytes > limit.bytes) return {i + 1, BudgetCause::kBytesPerKey};
  }
  return {0, BudgetCause::kRunsPerKey};
}

/// The budgets of a key.
inline BudgetShare key_limit(const Limits& limits) {
  return {limits.bytes_per_key_max, limits.events_per_key_max, 0};
}

/// What beyond_budget() gives under a limit.
using BeyondBudget = std::pair<std::size_t, BudgetCause>;

/// Whether the slack of the shares makes no difference to `beyond`, which is theirs under `limit`.
/// `beyond_under(limit)` gives what it is under another limit.
template <typename BeyondUnder>
bool is_certain(const BeyondBudget& beyond, BudgetShare limit, const BudgetShare& slack,
                BeyondUnder&& beyond_under) {
  if (slack.bytes == 0 && slack.events == 0) return true;
  limit += slack;
  return beyond == beyond_under(limit);
}

/// Counts the drafts' shares, the newest first, until they alone exceed a budget.
template <typename Draft>
void count_shares(const Limits& limits, BudgetMeter& meter, const std::vector<Draft>& drafts,
                  std::vector<BudgetShare>& shares) {
  shares.assign(drafts.size(), {});
  for (std::size_t i = drafts.size(); i-- > 0;) {
    const BudgetShare before = meter.counted();
    meter.add(drafts[i].run.node);
    const BudgetShare after = meter.counted();
    shares[i] = {after.bytes - before.bytes, after.events - before.events,
                 after.event_bytes - before.event_bytes};
    if (meter.events() > limits.events_per_key_max || meter.bytes() > limits.bytes_per_key_max) {
      return;
    }
  }
}
}  // namespace tocsin::cep
