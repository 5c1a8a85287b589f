/// What becomes of partial matches at an event, before it is written, and its pruning: where the
/// selection prefers one match (PatternProgram, compile_pattern.cpp), of two partial matches of one
/// first event that are on the same transition with equal counters, gaps and deadlines and agree on
/// all events that anything later reads, the one that comes first in the order stays. Whatever
/// completes the other completes it too, at the same event, and it is selected first. Where nothing
/// is read and no window ends them apart, that is true of different first events too.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "cep/pattern/current_pattern.h"
#include "cep/record/pattern_state.h"

namespace tocsin::cep {
/// A partial match as it will be after the current event.
struct RunDraft {
  static constexpr std::uint32_t kFresh = std::numeric_limits<std::uint32_t>::max();
  PatternRun run;
  std::uint32_t counters = 0;   // into RunDrafts::counters
  bool takes = false;           // the current event is its last: `run.node` is the one before
  std::uint32_t step = 0;       // for which it was taken
  std::uint32_t from = kFresh;  // the place of the one that it comes from

  TakenEvents taken() const { return {run.node, takes, step}; }
};
/// The drafts of a rule and key at the current event.
struct RunDrafts {
  std::vector<RunDraft> runs;  // ascending by start
  std::vector<std::uint32_t> counters;
};

/// Invariant: pruning never changes an alert, but for what the steps of the event do not suffice
/// for.
class DraftPruning {
 public:
  /// Prunes `drafts`, which are of the current rule, key and event.
  DraftPruning(CurrentPattern& current, RunDrafts& drafts) : current_(current), drafts_(drafts) {}
  /// Drops the drafts that others stand in for. Gives how many of the oldest it has dropped because
  /// the steps did not suffice to compare them.
  std::size_t prune();

 private:
  // Of one first event: those that wait for members of one `all of`.
  struct MemberDraft {
    std::uint32_t draft = 0;
    std::uint64_t done = 0;
    std::uint64_t anchor = 0;
  };
  std::uint64_t anchor_of(const RunDraft& draft) const;
  // Of drafts by their places.
  std::uint64_t anchor_at(std::size_t draft);
  std::uint64_t last_event_of(const RunDraft& draft) const;
  bool same_future(std::size_t one, std::size_t other);
  std::uint64_t hash_of(std::size_t place);
  bool comes_first(const RunDraft& a, const RunDraft& b);
  void prune_group(std::size_t begin, std::size_t end);
  std::size_t prune_all();
  void erase_dropped(std::size_t lost);
  void prune_members();
  bool prune_members_of(std::size_t begin, std::size_t end);

  CurrentPattern& current_;
  RunDrafts& drafts_;
  std::vector<std::uint32_t> prune_table_;
  std::vector<std::uint8_t> dropped_;
  static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};
  std::vector<std::uint64_t> anchors_;  // by draft; some are kUnknown yet
  std::vector<MemberDraft> member_drafts_;
};
}  // namespace tocsin::cep
