/// Matching of a busy key of a rule with `all of`, without partial matches: a sequence of groups,
/// each a single step or the members of an `all of`, which follow each other by plain `then`, under
/// the default selection or `skip past last`. Each condition looks at one event (MembersProgram).
///
/// For each step the key's events that fit it are known (cep/record/members_state.h). Of a group
/// the events that come first in order are found greedily (cep/places/member_choice.h). They are
/// the least one by one too: the k-th of them is no later than the k-th of any other choice. So the
/// first match in order takes of each group the first events behind those of the group before; of
/// the last group it takes the current event and the first others. If that is no match there is
/// none. Finding it takes the square of a group's members at most, whatever the number of events.
///
/// Where time ends no match (no `within`), what was chosen first stays chosen. Then an event is
/// kept only for the first group that is not complete, and only beside those kept for it: a key
/// keeps no more events than the rule has steps.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cep/compile/program.h"
#include "cep/places/chain_match.h"
#include "cep/places/member_choice.h"
#include "cep/record/members_state.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// How far matches that begin with one event came, for people.
struct MembersProgress {
  std::vector<ChainEvent> events;
  std::vector<std::uint32_t> waits_for;  // steps, any of which may be the next
};

/// One rule's matching at one key, at one event.
class Members {
 public:
  Members(const RuleProgram& rule, MembersState& state)
      : rule_(rule), program_(*rule.members), state_(state) {}
  /// Drops what is over at `now_us`.
  void expire(std::int64_t now_us);
  /// Of the matches that the current event completes, which comes after all others and fits these
  /// steps (ascending): the one that comes first in order.
  std::optional<ChainMatch> match(std::span<const std::uint32_t> steps);
  /// For which of these steps the current event has to be kept. Asked before it is.
  std::vector<std::uint32_t> to_keep(std::span<const std::uint32_t> steps);
  /// Keeps the event, which is the log's last, for these steps, each with its subset.
  void keep(std::span<const ChainEvent> entries);
  /// Of an event that begins a match.
  MembersProgress progress_from(std::uint64_t start) const;

 private:
  // Takes of `group` the first events from `from` on, until the choice has `most`.
  void choose(const MemberGroup& group, std::uint64_t from, std::uint32_t most,
              MemberChoice& choice) const;
  void append(const MemberGroup& group, const MemberChoice& choice,
              std::vector<ChainEvent>& to) const;
  static std::uint64_t members_of(const MemberGroup& group, std::span<const std::uint32_t> steps);
  void find_begin();

  const RuleProgram& rule_;
  const MembersProgram& program_;
  MembersState& state_;
  // Of the match that comes first: what the groups before the last one take, as far as they are
  // complete.
  bool knows_begin_ = false;
  std::uint32_t complete_ = 0;  // groups
  std::uint64_t next_ = 0;      // the first event behind them
  std::vector<ChainEvent> begin_;
};
}  // namespace tocsin::cep
