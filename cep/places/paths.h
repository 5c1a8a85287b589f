/// Matching of a busy key without partial matches, for rules with optional steps or groups of which
/// each condition looks at one event (PathsProgram), under the default selection or `skip past
/// last`. An event costs the rule's places, an alert their number times the steps, however many
/// matches have begun.
///
/// A match takes one of the pattern's **paths**: for each optional step, whether it is there; of
/// `one of`, which alternative. Along one path the rule is a sequence of steps, and what may follow
/// what is an interval, as cep/places/places.h has it: so a path has one **least chain** to an
/// event, which has the oldest first event and the earliest event at each place. All matches of a
/// path are equally long. So the one that comes first in order is the least chain of some path: of
/// those with the oldest first event the longest, of these the one with the earliest events, then
/// with the earliest steps.
///
/// Paths share places up to where they part, and an event is an entry of several places at once. Of
/// the steps of one place an event takes the first that it fits: whatever follows is the same, and
/// an earlier step comes first.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/compile/paths_program.h"
#include "cep/places/chain_match.h"
#include "cep/record/paths_state.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// What the current event is to the rule. Steps and absences are those of its pattern.
class PathsEvent {
 public:
  virtual ~PathsEvent() = default;
  virtual bool fits(std::uint32_t step) = 0;
  virtual bool is_forbidden(std::uint32_t absence) = 0;
  /// Which of the step's subsets it is in.
  virtual std::uint32_t subset(std::uint32_t step) = 0;
  /// Captures it, once. Gives its number in the log.
  virtual std::uint64_t capture() = 0;
};

/// One rule's matching at one key. Each event that the rule considers is to be taken in.
class Paths {
 public:
  Paths(const PathsProgram& program, std::optional<Duration> within, PathsState& state)
      : program_(program), within_(within), state_(state) {}
  /// Drops what is over at `now_us`.
  void expire(std::int64_t now_us);
  /// Takes the event in, which comes after all others. Whether it completes a match.
  bool take(PathsEvent& event);
  /// Of the matches that the event taken last completes, the one that comes first in order.
  ChainMatch match() const;
  /// Drops all that began before event `number`.
  void drop_before(std::uint64_t number, std::int64_t now_us);
  void clear() { drop_before(state_.log.end(), now_us_); }
  /// Of the places that a match which begins with event `start` has come to, the one with the last
  /// step.
  std::uint32_t furthest_place(std::uint64_t start) const;

 private:
  struct End {
    std::uint32_t place = 0;
    PathEntry entry;
  };
  void take_at(std::uint32_t place, PathsEvent& event);
  void begin_at(std::uint32_t place, PathsEvent& event);
  static std::optional<PathEntry> entry_of(const PathPlace& place, PathsEvent& event);
  void push(std::uint32_t place, PathEntry entry, PathsEvent& event);
  void skip_late(std::uint32_t place);
  bool is_over(std::uint64_t start) const;
  void pop(std::uint32_t place);
  void let_go();
  ChainMatch least_chain(const End& end) const;

  const PathsProgram& program_;
  const std::optional<Duration> within_;
  PathsState& state_;
  std::int64_t now_us_ = 0;
  std::vector<End> ends_;  // of the matches that the current event completes
};
}  // namespace tocsin::cep
