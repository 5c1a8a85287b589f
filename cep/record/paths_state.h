/// What a rule with optional steps or groups remembers of one busy key, where each condition looks
/// at one event (cep/places/paths.h): each event once, and which events may follow which.
///
/// Each place of PathsProgram has a ring of the events that can stand there. An entry names the
/// entries of its place's parent that it may follow, which are always an interval of that ring.
/// Invariants:
/// - `event`, `low`, `high` and `latest` ascend along a ring;
/// - `latest`, the latest first event from which an entry is reached, is that of the last entry of
///   its interval; when the time of that one is over, so is the entry's;
/// - what an entry of a live ring names is there.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/compile/paths_program.h"
#include "cep/queue/ring.h"
#include "cep/record/event_log.h"

namespace tocsin::cep {
struct PathEntry {
  std::uint64_t event = 0;  // number in the log
  std::uint64_t low = 0;    // of the parent: entries [low, high); of a place without one nothing
  std::uint64_t high = 0;
  std::uint64_t latest = 0;  // number of an event
  std::uint32_t step = 0;    // of the place's steps: the one that took the event
  std::uint32_t subset = 0;  // which of the step's subsets the event was in
};
struct PathRing {
  Ring<PathEntry> ring;
  std::uint64_t low = 0;  // what nothing may follow any more: entries of the parent before it
};
struct PathsState {
  EventLog log;
  Ring<std::uint32_t> sizes;      // of the log's events, in bytes as budgets count
  std::uint64_t floor = 0;        // first events before this number were dropped
  std::uint64_t event_bytes = 0;  // the sum of `sizes`
  std::vector<PathRing> places;   // by PathsProgram::places
  Ring<std::uint64_t> starts;     // the events that began a match, by their numbers
  std::uint64_t entry_count = 0;

  explicit PathsState(const PathsProgram& program) : places(program.places.size()) {}
  bool is_empty() const { return starts.empty(); }
  /// Copies an event behind the others. Gives its number.
  std::uint64_t push_event(const KeptEvent& event, std::uint32_t size);
  void pop_event();
  std::size_t bytes() const;
};
}  // namespace tocsin::cep
