/// What a busy key of a rule with `all of` remembers (cep/record/members_state.h): made, filled,
/// counted, and as bytes.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/compile/program.h"
#include "cep/record/budget.h"
#include "cep/record/members_state.h"
#include "cep/record/pattern_state.h"
#include "cep/record/state_events.h"

namespace tocsin::cep {
class BusyMembers {
 public:
  /// An empty state of the rule.
  static std::unique_ptr<MembersState> make(const RuleProgram& rule);
  BusyMembers(const ProgramImpl& program, const TableProgram& table, const RuleProgram& rule,
              MembersState& state)
      : program_(program), table_(table), rule_(rule), state_(state) {}

  /// Fills an empty state with the events of partial matches, each for the steps that it was taken
  /// for. An event may fit others too. That changes no alert: what follows lies between what the
  /// partial matches hold, which includes every match that can still be selected, and what the rule
  /// allows; and the first match of both is the same.
  void fill(const PatternState& from);
  /// Copies an event behind the others. Gives its number.
  std::uint64_t push_event(const KeptEvent& event);
  /// As Matcher has them: events that began a match which may go on at `now_us`.
  void live_runs(std::int64_t now_us, std::vector<LiveRun>& runs) const;
  /// What budgets count.
  std::uint64_t budget_bytes() const;
  static void write(const MembersState& state, EventWriter& events, ByteWriter& to);
  /// Reads what write() wrote into an empty state; false for other bytes.
  bool read(ByteReader& from, const EventReader& events);

 private:
  bool read_step(ByteReader& from, std::uint32_t step);
  bool finish();

  const ProgramImpl& program_;
  const TableProgram& table_;
  const RuleProgram& rule_;
  MembersState& state_;
};
}  // namespace tocsin::cep
