/// What places remember of one rule and key (cep/record/places_state.h), made, filled and shown.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "cep/compile/program.h"
#include "cep/match/eval.h"
#include "cep/match/places_match.h"
#include "cep/record/budget.h"
#include "cep/record/key_record.h"
#include "cep/record/places_state.h"

namespace tocsin::cep {
class BusyKey {
 public:
  /// An empty state of the rule.
  static std::unique_ptr<PlacesState> make(const RuleProgram& rule);
  BusyKey(const ProgramImpl& program, const TableProgram& table, const RuleProgram& rule,
          PlacesState& state)
      : program_(program), table_(table), rule_(rule), state_(state) {}

  /// Fills an empty state with what partial matches hold. False where they do not say all that
  /// places have to know; then the state is void.
  bool fill(const std::byte* record, const Run* runs, std::uint32_t count);
  /// Copies an event behind the others. Gives its number.
  std::uint64_t push_event(const KeptEvent& event);
  /// Once the log, the events that the loop took, and of each place the entries' events and lows
  /// are there: makes all else. False where they do not go together.
  bool finish();
  /// Appends what the event that the loop took last adds to its totals; `scope` has the event's key
  /// and batch.
  void add_to_series(std::uint32_t loop, const EventView& event, EvalScope scope);
  /// Makes nodes for the match's events in `words`, which replaces what was there: for all but
  /// those of loops that no alert lists. Gives the last node, 0 where there is none.
  Offset write_nodes(const PlacesMatch& match, std::vector<std::uint64_t>& words) const;
  /// As Matcher has them: events that began a match which may go on at `now_us`.
  void live_runs(std::int64_t now_us, std::vector<LiveRun>& runs) const;
  /// What budgets count.
  std::uint64_t budget_bytes() const;

 private:
  std::uint64_t taken_since(std::uint32_t loop, std::uint64_t event) const;
  bool finish_entry(std::uint32_t place, PlaceEntry& entry) const;

  const ProgramImpl& program_;
  const TableProgram& table_;
  const RuleProgram& rule_;
  PlacesState& state_;
};

/// The loops of a match that places gave.
class BusyLoop : public LoopEvents {
 public:
  BusyLoop(const RuleProgram& rule, const PlacesState& state, const PlacesMatch& match)
      : rule_(rule), state_(state), match_(match) {}
  bool has(std::uint32_t step) const override { return rule_.places->loop_of(step).has_value(); }
  void for_each(std::uint32_t step,
                const std::function<bool(const KeptEvent&)>& visit) const override;
  std::optional<Value> total(std::uint32_t step, const Expr& aggregate) const override;
  std::uint64_t lateness_us() const override;

 private:
  // Without the current event.
  std::uint64_t kept_end(const PlacesMatch::Part& part) const {
    return part.step + 1 == rule_.steps.size() ? part.end - 1 : part.end;
  }

  const RuleProgram& rule_;
  const PlacesState& state_;
  const PlacesMatch& match_;
};
}  // namespace tocsin::cep
