/// The events that suppression took for `once per VARIABLE`, in the order in which it took them, so
/// that a chain of captured events which had none of them is not searched again.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/record/suppression.h"

namespace tocsin::cep {
/// How many events were taken, and the earliest of the last ones.
class TakenLog {
 public:
  void note(const VariableEvent& event) {
    ++count_;
    // Of each suffix of what was taken only the earliest event matters.
    while (!earliest_.empty() && !(earliest_.back().event < event)) earliest_.pop_back();
    if (earliest_.size() == kEntriesMax) {
      known_from_ = earliest_.front().number + 1;
      earliest_.erase(earliest_.begin());
    }
    earliest_.push_back({count_, event});
  }
  std::uint64_t count() const { return count_; }
  /// Whether all events taken after the first `count` come after `event`; false where that is not
  /// known any more.
  bool only_later(std::uint64_t count, const VariableEvent& event) const {
    if (count == count_) return true;
    if (count + 1 < known_from_) return false;
    const auto first = std::upper_bound(
        earliest_.begin(), earliest_.end(), count,
        [](std::uint64_t number, const Entry& entry) { return number < entry.number; });
    return first != earliest_.end() && event < first->event;
  }
  std::size_t bytes() const { return earliest_.capacity() * sizeof(Entry); }

 private:
  static constexpr std::size_t kEntriesMax = 64;
  struct Entry {
    std::uint64_t number = 0;  // counted from 1
    VariableEvent event;
  };
  std::vector<Entry> earliest_;  // ascending by number and by event
  std::uint64_t count_ = 0;
  std::uint64_t known_from_ = 1;
};

/// Whether one of a chain's events was taken. The chain goes backwards in time: `begin()` is its
/// last link, `end()` stands before the first, `before(link)` leads on; `event(link)`;
/// `is_noted(link)`: all events up to it were taken; `clear(link)`, `set_clear(link, n)`: the
/// number of events taken when none of those up to the link was, plus one; 0: not known. A link is
/// looked at once, and again only after an event was taken that is not later than it.
template <typename Chain>
bool has_taken_event(const SuppressionState& state, const TakenLog& log, Chain&& chain) {
  bool found = false;
  auto at = chain.begin();
  for (; at != chain.end() && !found; at = found ? at : chain.before(at)) {
    const VariableEvent event = chain.event(at);
    const std::uint64_t clear = chain.clear(at);
    if (clear != 0 && log.only_later(clear - 1, event)) break;
    found = chain.is_noted(at) || state.has_taken(event);
  }
  if (found) return true;
  for (auto link = chain.begin(); link != at; link = chain.before(link)) {
    chain.set_clear(link, log.count() + 1);
  }
  // The rest stays as it is: what was taken since comes after it.
  return false;
}
}  // namespace tocsin::cep
