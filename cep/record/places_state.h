/// What a rule remembers of one busy key, where each condition looks at one event
/// (cep/places/places.h): each event once, and which events may follow which.
///
/// A step is one **place**, a loop two: its first and its last event. A place has a ring of the
/// events that can stand there. An entry names the entries of the place before that it may follow,
/// which are always an interval of that ring. Invariants:
/// - `event`, `low`, `high` and `latest` ascend along a ring;
/// - `latest`, the latest first event from which an entry is reached, is that of the last entry of
///   its interval; when the time of that one is over, so is the entry's;
/// - what an entry of a live ring names is there.
///
/// Where each later step compares a field of its event for equality with one and the same field of
/// the first event (PlacesProgram::value), events of one value make a **part** with places of its
/// own. Parts have the log and the time in common.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cep/queue/compared_chain.h"
#include "cep/queue/distinct_count.h"
#include "cep/queue/first_beyond.h"
#include "cep/queue/first_other.h"
#include "cep/queue/range_least.h"
#include "cep/queue/range_sums.h"
#include "cep/queue/ring.h"
#include "cep/record/event_log.h"
#include "cep/record/longest_lists.h"
#include "cep/record/loop_borders.h"

namespace tocsin::cep {
struct PlaceEntry {
  std::uint64_t event = 0;  // number in the log
  std::uint64_t low = 0;    // of the place before: entries [low, high); of the first place nothing
  std::uint64_t high = 0;
  std::uint64_t latest = 0;  // number of an event
  std::uint64_t taken = 0;   // of a loop's places: number among the events that the loop took
  std::uint32_t subset = 0;  // which of the step's subsets the event was in; of a loop: LoopEvent's
};
struct PatternPlace {
  Ring<PlaceEntry> ring;
  std::uint64_t low = 0;   // what nothing may follow any more: entries of the place before it
  std::uint64_t high = 0;  // of a loop's last place: entries of the first that have enough events
};
/// An aggregate over a loop's events, so that that of any stretch of them is a difference.
struct LoopSum {
  std::uint64_t count = 0;  // up to an event: how many of the events count
  std::uint64_t odd = 0;    // how many of those are too large, or of another form, for `sum`
  unsigned __int128 sum = 0;
};
struct LoopSeries {
  Ring<LoopSum> sums;
  LoopSum base;                             // of the events that have left
  std::unique_ptr<RangeLeast> numbers;      // of `min` and `max`
  std::unique_ptr<DistinctCount> distinct;  // of `distinct`
  std::unique_ptr<RangeSums> ranges;        // of the sum that `having` bounds
};
/// An event that a loop took.
struct LoopEvent {
  std::uint64_t event = 0;
  std::uint64_t late = 0;  // how many up to it came late
  std::uint32_t subset = 0;
};

/// All that a loop took since its oldest first event.
struct LoopRecord {
  Ring<LoopEvent> taken;
  std::vector<LoopSeries> series;  // by PlacesProgram::totals
  std::uint64_t late_base = 0;     // of events that have left

  void push(std::uint64_t event, std::uint32_t subset, bool is_late);
  /// Lets the oldest, or the newest, event go.
  void pop();
  void pop_back();
  std::size_t bytes() const;
};

struct PlacesPart {
  std::vector<PatternPlace> places;
  std::vector<LoopRecord> loops;  // by PlacesProgram::loops
  // Follows from the rest.
  /// Where there are three loops or more and a match was given: what its first event leads to.
  std::unique_ptr<LongestLists> longest;
  std::unique_ptr<FirstBeyond> compared;  // by entries of the first place
  std::unique_ptr<FirstOther> others;     // the same, where the comparison is `!=`
  std::unique_ptr<ComparedChain> chain;   // of the entries of all places
  std::unique_ptr<LoopBorders> borders;   // of two loops
  /// Of the entries of a loop's last place, where `until` may end the loop and steps are on both
  /// sides of it: the events of the longest loop that ends there.
  std::unique_ptr<RangeLeast> lengths;
  const std::string* value = nullptr;  // of PlacesState::by_value
  /// No place's oldest entry has an older `latest`: until that event is over, no entry is.
  std::uint64_t latest_least = 0;
  /// Of a loop that reaches for a time (cep/places/reached_loop.h): some of its events came late.
  bool is_scattered = false;
  /// Nothing has gone, and nothing may follow less, since what nothing can reach was let go.
  bool is_settled = false;
  std::uint64_t in_order = 0;  // how often PlacesState::order names it

  bool is_empty() const { return places.front().ring.empty(); }
  std::size_t entries() const;
  /// Without the entries.
  std::size_t bytes() const;
};
/// An event that began a match, of the part with that value.
struct PlaceStart {
  std::uint64_t event = 0;
  PlacesPart* part = nullptr;
};

struct PlacesState {
  EventLog log;
  Ring<std::uint32_t> sizes;      // of the log's events, in bytes as budgets count
  std::uint64_t floor = 0;        // first events before this number were dropped
  std::uint64_t event_bytes = 0;  // the sum of `sizes`
  PlacesPart whole;               // where there are no values
  std::unordered_map<std::string, PlacesPart> by_value;
  /// Of all values; a part may have let go of an event that stands here.
  Ring<PlaceStart> order;
  /// Of all parts: entries, those that begin a match, and events that loops took.
  std::uint64_t entry_count = 0;
  std::uint64_t start_count = 0;
  std::uint64_t taken_count = 0;

  bool is_empty() const { return start_count == 0; }
  /// The event that began the newest; there is one.
  std::uint64_t newest_start() const {
    return order.empty() ? whole.places.front().ring.back().event : order.back().event;
  }
  /// Partial matches, as people count them: events that begin one.
  std::uint64_t starts() const { return start_count; }
  /// Calls `visit(part, entry of its first place)` for each, the oldest first.
  template <typename Visit>
  void for_each_start(Visit&& visit) {
    const Ring<PlaceEntry>& starts = whole.places.front().ring;
    for (std::uint64_t i = starts.begin(); i < starts.end(); ++i) visit(whole, i);
    for (std::uint64_t i = order.begin(); i < order.end(); ++i) {
      PlacesPart& part = *order[i].part;
      const Ring<PlaceEntry>& own = part.places.front().ring;
      const std::uint64_t at =
          own.first([&](const PlaceEntry& entry) { return entry.event >= order[i].event; });
      if (at < own.end() && own[at].event == order[i].event) visit(part, at);
    }
  }
  /// Copies an event behind the others. Gives its number.
  std::uint64_t push_event(const KeptEvent& event, std::uint32_t size);
  void pop_event();
  /// Adds an entry to a place of a part.
  void add(PlacesPart& part, std::size_t place, const PlaceEntry& entry);
  /// Counts a part's entries and events afresh.
  void count(const PlacesPart& part);
  std::size_t bytes() const;
};
}  // namespace tocsin::cep
