/// What the budgets of one rule and key of a simple method counted last, kept up to date from event
/// to event, so that a key that stays near its budget is not counted afresh at each: a count goes
/// through all places of its partial matches, this through the partial matches alone. The general
/// matcher follows the places themselves (cep/record/held_places.h).
///
/// Of each partial match a **share**: what it takes beyond what all newer ones take. Those of the
/// newest n add up to what the newest n take, which is what budgets ask. An event leaves the shares
/// right where each partial match goes on, in one draft or several, or ends with all older ones, or
/// its share goes to the next older one, which holds all its places.
///
/// Where another one ends, it is not known which older one has its events and places. The places
/// are free if no older one has its first event. The next older one gets the rest, and the
/// **slack** counts how much of that may be free too: the newest n take what their shares add up
/// to, or less by the slack at most. If that leaves open what is dropped, everything is counted
/// again.
///
/// Beside them a bound: what was counted last and all that came since. While that is within the
/// budgets nothing has to be counted.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cep/value/order.h"

namespace tocsin::cep {
struct BudgetShare {
  std::uint64_t bytes = 0;
  std::uint64_t events = 0;
  std::uint64_t event_bytes = 0;  // of the bytes: those of the events

  BudgetShare& operator+=(const BudgetShare& other) {
    bytes += other.bytes;
    events += other.events;
    event_bytes += other.event_bytes;
    return *this;
  }
};
/// What tells a partial match from all others that its key has had.
struct RunMark {
  std::uint64_t start = 0;
  std::uint32_t length = 0;
  std::int64_t last_time_us = 0;
  ArrivalNumber last;
  // Where its last place is, and the one before; they move.
  std::uint32_t place = 0;
  std::uint32_t place_before = 0;

  bool is_same(const RunMark& other) const {
    return start == other.start && length == other.length && last_time_us == other.last_time_us &&
           last == other.last;
  }
  /// Whether it surely has all places of the other.
  bool holds_all_of(const RunMark& other) const {
    return place == other.place || place_before == other.place;
  }
};

class BudgetTally {
 public:
  static constexpr std::uint32_t kFresh = std::numeric_limits<std::uint32_t>::max();

  std::size_t bytes() const {
    return sizeof(*this) + shares_.capacity() * sizeof(BudgetShare) +
           marks_.capacity() * sizeof(RunMark) + (key_ ? key_->capacity() : 0);
  }
  /// Takes the partial matches as they are now, the oldest first, with the slack of their shares.
  void set(std::vector<BudgetShare>& shares, std::vector<RunMark>& marks,
           const BudgetShare& slack) {
    shares_.swap(shares);
    marks_.swap(marks);
    slack_ = slack;
  }
  /// Whether the shares are known.
  bool is_followed() const { return !marks_.empty(); }
  /// What the places and events of the key with these bytes take now.
  void set_most(std::string_view key, BudgetShare most) {
    key_ = std::string(key);
    most_ = most;
  }
  /// Whether the key stays within `limit` though `more` comes and it has `runs` partial matches
  /// then: if so the shares are not known any more. False where the bound does not tell.
  bool stays_within(std::string_view key, BudgetShare more, std::uint64_t runs, BudgetShare limit);
  /// What drafts take before they take the current event, by draft; `from`: the place of the
  /// partial match that each comes from among those of `now`, ascending, kFresh for none. `now`:
  /// what the key has, the oldest first, and those of one first event one after the other. Partial
  /// matches that are not among them have ended. `slack`: of those shares. False where it is not
  /// known.
  bool shares_of(std::span<const RunMark> now, std::span<const std::uint32_t> from,
                 std::vector<BudgetShare>& out, BudgetShare& slack);

 private:
  bool bring_up_to(std::span<const RunMark> now);

  std::vector<BudgetShare> shares_;
  std::vector<RunMark> marks_;
  BudgetShare slack_;
  std::optional<std::string> key_;  // whose bound it is; keys may share a hash
  BudgetShare most_;
};
}  // namespace tocsin::cep
