/// Writes what becomes of a key's partial matches of the current rule: the captured event, a node
/// for each draft that takes it, the runs, and their deadlines.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/match/current_runs.h"
#include "cep/match/run_room.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
/// Invariant: the event is captured once in a record, and drafts that differ only in what they wait
/// for share their node.
class RunWriter {
 public:
  /// Writes `drafts`, which are of the current rule, key and event.
  RunWriter(CurrentRuns& current, GroupBudgets& groups, const RunRoom& room,
            std::vector<Draft>& drafts)
      : current_(current), groups_(groups), room_(room), drafts_(drafts) {}
  /// Makes the drafts the rule's runs of the key, behind the first `kept` of those that are there;
  /// `entry` is the rule's, null where it has no state yet. The drafts get their nodes.
  void commit(const OperatorEntry* entry, std::uint32_t kept = 0);
  /// Sets the deadlines of the drafts that commit() has written, in queue `queue`.
  void set_deadlines(std::uint32_t queue);

 private:
  std::uint32_t node_words(const Draft& draft) const;
  Offset write_node(const Draft& draft);

  CurrentRuns& current_;
  GroupBudgets& groups_;
  const RunRoom& room_;
  std::vector<Draft>& drafts_;
};
}  // namespace tocsin::cep
