/// What places remember of one rule and key (cep/record/places_state.h), made, filled and shown.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/compile/pattern_program.h"
#include "cep/compile/program.h"
#include "cep/eval/eval.h"
#include "cep/places/places_match.h"
#include "cep/record/budget.h"
#include "cep/record/key_record.h"
#include "cep/record/pattern_state.h"
#include "cep/record/places_state.h"
#include "cep/record/state_events.h"

namespace tocsin::cep {
/// What an expression says whose fields of the step's event are read from this event.
Value value_at_step(const Expr& expr, std::uint32_t step, const EventView& event, EvalScope scope);
/// The key bytes (cep/value/key.h) of a field of PlacesProgram::value in its event; absent where it
/// is missing. `scope` has the rule, and the event's table and batch.
std::optional<std::string> part_value(const Expr& own, const EventView& event, EvalScope scope);

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
  /// The same of the general matcher's partial matches: of a rule as PatternProgram::sequence has
  /// it, in a state without an order of them.
  bool fill(const PatternState& from, const PatternProgram& pattern);
  /// Reads what write_places() wrote into an empty state. False for other bytes.
  bool read(ByteReader& from, const EventReader& events);
  /// Copies an event behind the others. Gives its number.
  std::uint64_t push_event(const KeptEvent& event);
  /// Appends what the event that a part's loop took last adds to its totals; `scope` has the
  /// event's key and batch.
  void add_to_series(PlacesPart& part, std::uint32_t loop, const EventView& event, EvalScope scope);
  /// Makes nodes for the match's events in `words`, which replaces what was there: for all but
  /// those of loops that no alert lists. Gives the last node, 0 where there is none.
  Offset write_nodes(const PlacesPart& of, const PlacesMatch& match,
                     std::vector<std::uint64_t>& words) const;
  /// As Matcher has them: events that began a match which may go on at `now_us`.
  void live_runs(std::int64_t now_us, std::vector<LiveRun>& runs) const;
  /// What budgets count.
  std::uint64_t budget_bytes() const;

 private:
  class RunNodes;
  struct RunGroup;
  // Whether partial matches are missing that collect: another is selected before each.
  enum class Pruned : std::uint8_t { kNone, kSome };
  bool fill(const std::byte* record, std::span<const Run> runs, Pruned pruned);
  void fill_part(const RunNodes& nodes, const RunGroup& group, PlacesPart& part) const;
  bool add_part(PlacesPart part);
  bool finish();
  bool knows_loops(const RunNodes& nodes, const RunGroup& group, Pruned pruned,
                   PlacesPart& part) const;
  std::uint64_t reached_from(std::uint64_t event) const;
  static std::uint64_t taken_since(const PlacesPart& part, std::uint32_t loop, std::uint64_t event);
  bool finish_part(PlacesPart& part);
  void finish_compared(PlacesPart& part) const;
  bool finish_entry(const PlacesPart& part, std::uint32_t place, PlaceEntry& entry) const;
  EvalScope scope() const;

  const ProgramImpl& program_;
  const TableProgram& table_;
  const RuleProgram& rule_;
  PlacesState& state_;
};

/// Writes a busy key's state, whose events are numbered in `events`: the events, those that the
/// loops took, and of each place the entries' events and the first entry that each may follow. All
/// else follows from it.
void write_places(const RuleProgram& rule, const PlacesState& places, EventWriter& events,
                  ByteWriter& to);

/// The loops of a match that places gave.
class BusyLoop : public LoopEvents {
 public:
  BusyLoop(const RuleProgram& rule, const PlacesState& state, const PlacesPart& part,
           const PlacesMatch& match)
      : rule_(rule), state_(state), part_(part), match_(match) {}
  bool has(std::uint32_t step) const override { return rule_.places->loop_of(step).has_value(); }
  void for_each(std::uint32_t step,
                const std::function<bool(const KeptEvent&)>& visit) const override;
  std::optional<Value> total(std::uint32_t step, const Expr& aggregate) const override;
  std::uint64_t lateness_us() const override;

 private:
  // Without the current event.
  std::uint64_t kept_count(const PlacesMatch::Part& part) const {
    return part.step + 1 == rule_.steps.size() ? part.count() - 1 : part.count();
  }

  const RuleProgram& rule_;
  const PlacesState& state_;
  const PlacesPart& part_;
  const PlacesMatch& match_;
};
}  // namespace tocsin::cep
