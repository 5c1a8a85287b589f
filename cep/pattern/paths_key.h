/// What places of paths remember of one rule and key (cep/record/paths_state.h), filled and
/// counted, and as bytes.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/compile/program.h"
#include "cep/record/budget.h"
#include "cep/record/paths_state.h"
#include "cep/record/pattern_state.h"
#include "cep/record/state_events.h"

namespace tocsin::cep {
class PathsKey {
 public:
  PathsKey(const ProgramImpl& program, const TableProgram& table, const RuleProgram& rule,
           PathsState& state)
      : program_(program), table_(table), rule_(rule), state_(state) {}

  /// Fills an empty state with what partial matches hold. False where they do not say all that
  /// places have to know; then the state is void.
  bool fill(const PatternState& from);
  /// Copies an event behind the others. Gives its number.
  std::uint64_t push_event(const KeptEvent& event);
  /// As PatternMatcher has them: events that began a match which may go on at `now_us`.
  void live_runs(std::int64_t now_us, std::vector<LiveRun>& runs) const;
  /// What budgets count.
  std::uint64_t budget_bytes() const;
  /// Reads what write_paths() wrote into an empty state. False for other bytes.
  bool read(ByteReader& from, const EventReader& events);

 private:
  class RunNodes;
  bool finish();
  bool finish_place(std::uint32_t place);
  bool read_place(std::uint32_t place, ByteReader& from);

  const ProgramImpl& program_;
  const TableProgram& table_;
  const RuleProgram& rule_;
  PathsState& state_;
};

/// Writes the state, whose events are numbered in `events`: the events, and of each place the
/// entries' events and the first entry that each may follow. All else follows from it.
void write_paths(const RuleProgram& rule, const PathsState& state, EventWriter& events,
                 ByteWriter& to);
}  // namespace tocsin::cep
