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
/// draft i + 1 gets.
template <typename Draft, typename SharesPlace, typename EventBytes>
std::pair<std::size_t, BudgetCause> beyond_budget(const Limits& limits, BudgetShare taken,
                                                  const std::vector<Draft>& drafts,
                                                  const std::vector<BudgetShare>& shares,
                                                  SharesPlace&& shares_place,
                                                  EventBytes&& event_bytes) {
  bool has_event = false;
  for (std::size_t i = drafts.size(); i-- > 0;) {
    taken.bytes += shares[i].bytes;
    taken.events += shares[i].events;
    if (drafts[i].takes) {
      if (i + 1 == drafts.size() || !shares_place(i)) taken.bytes += kPlaceBytes;
      if (!std::exchange(has_event, true)) {
        taken.bytes += event_bytes();
        ++taken.events;
      }
    }
    if (taken.events > limits.events_per_key_max) return {i + 1, BudgetCause::kEventsPerKey};
    if (taken.bytes > limits.bytes_per_key_max) return {i + 1, BudgetCause::kBytesPerKey};
  }
  return {0, BudgetCause::kRunsPerKey};
}

/// Counts the drafts' shares, the newest first, until they alone exceed a budget.
template <typename Draft>
void count_shares(const Limits& limits, BudgetMeter& meter, const std::vector<Draft>& drafts,
                  std::vector<BudgetShare>& shares) {
  shares.assign(drafts.size(), {});
  for (std::size_t i = drafts.size(); i-- > 0;) {
    const BudgetShare before{meter.bytes(), meter.events()};
    meter.add(drafts[i].run.node);
    shares[i] = {meter.bytes() - before.bytes, meter.events() - before.events};
    if (meter.events() > limits.events_per_key_max || meter.bytes() > limits.bytes_per_key_max) {
      return;
    }
  }
}
}  // namespace tocsin::cep
