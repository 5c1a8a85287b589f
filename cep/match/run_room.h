/// What the rules behind the current one may want in the key's record at the current row, so that a
/// record that is laid out anew for one of several similar rules has room for all of them.
#pragma once
#include <vector>

#include "cep/match/current_runs.h"

namespace tocsin::cep {
/// Invariant: it says how much room is useful, never what a rule does.
class RunRoom {
 public:
  explicit RunRoom(CurrentRuns& current);
  /// Tells the store, before it is asked for the current rule's room, what rules behind it may take
  /// at the current row. Looks at a bounded number of them.
  void expect_later(const RuleProgram& rule, const CurrentRow& row) const;

 private:
  CurrentRuns& current_;
  std::vector<const RuleProgram*> rules_;  // of the table that begin runs, by operator
};
}  // namespace tocsin::cep
