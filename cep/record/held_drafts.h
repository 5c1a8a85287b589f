/// Keeps the drafts of a rule and key to its budgets by what they hold, for all matchers that draft
/// partial matches. A draft has `run.node`, its last place before the current event (0: none yet),
/// and says whether it `takes` that event.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/data/alert.h"
#include "cep/record/budget_bytes.h"
#include "cep/record/held_places.h"

namespace tocsin::cep {
/// What had to go of some drafts.
struct DraftsCut {
  std::size_t dropped = 0;  // the oldest
  BudgetCause cause = BudgetCause::kRunsPerKey;
  BudgetShare taken;  // by the others and what is held beside them, with the current event
};

/// Which budget `share`, with so many partial and complete matches, exceeds.
inline std::optional<BudgetCause> exceeded_by(const BudgetShare& share, std::uint64_t matches,
                                              const BudgetShare& limit) {
  if (share.events > limit.events) return BudgetCause::kEventsPerKey;
  if (share.bytes + matches * kPartialMatchBytes > limit.bytes) return BudgetCause::kBytesPerKey;
  return std::nullopt;
}

/// Holds what the drafts, the oldest first, have before they take the current event, instead of
/// what partial matches had that were held, and releases the oldest of them until the rest are
/// within `limit`. `waiting`: how many matches are held beside them; `shares_place(i)`: draft i
/// will have the place that draft i + 1 gets; `event_bytes()`: of the current event.
template <typename Draft, typename SharesPlace, typename EventBytes>
DraftsCut hold_within(HeldMatches& held, const std::vector<Draft>& drafts, std::uint64_t waiting,
                      const BudgetShare& limit, SharesPlace&& shares_place,
                      EventBytes&& event_bytes) {
  std::vector<HeldEnd> ends;
  ends.reserve(drafts.size());
  for (const Draft& draft : drafts) ends.push_back({draft.run.start, draft.run.node});
  HeldPlaces& places = held.places;
  places.replace(held.ends(), ends);
  const auto place_bytes = [&](std::size_t i) {
    if (!drafts[i].takes) return std::uint64_t{0};
    return i + 1 < drafts.size() && shares_place(i) ? std::uint64_t{0} : kPlaceBytes;
  };
  std::uint64_t matches = drafts.size() + waiting;
  std::uint64_t new_places = 0;  // bytes
  std::size_t taking = 0;        // drafts that take the event
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    new_places += place_bytes(i);
    taking += drafts[i].takes ? 1 : 0;
  }
  const std::uint64_t event = taking > 0 ? event_bytes() : 0;
  DraftsCut cut;
  for (std::size_t& i = cut.dropped;; ++i) {
    cut.taken = {places.bytes() + new_places + (taking > 0 ? event : 0),
                 places.events() + (taking > 0 ? 1 : 0)};
    const std::optional<BudgetCause> cause = exceeded_by(cut.taken, matches, limit);
    if (i == drafts.size() || !cause) break;
    cut.cause = *cause;
    places.release(ends[i].node);
    new_places -= place_bytes(i);
    taking -= drafts[i].takes ? 1 : 0;
    --matches;
  }
  ends.erase(ends.begin(), ends.begin() + static_cast<std::ptrdiff_t>(cut.dropped));
  held.partial.swap(ends);
  held.gone = 0;
  return cut;
}

/// The drafts that hold_within() left are written: those that take the current event end with it.
template <typename Draft>
void hold_taken(HeldMatches& held, const std::vector<Draft>& drafts) {
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    if (!drafts[i].takes) continue;
    held.places.hold(drafts[i].run.node);
    held.places.release(held.partial[i].node);
    held.partial[i].node = drafts[i].run.node;
  }
}
}  // namespace tocsin::cep
