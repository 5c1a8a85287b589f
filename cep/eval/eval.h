/// Evaluates the plan's expressions: over one event alone, or at an event on offer to a run, with
/// what the run has bound.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/data/key_part.h"
#include "cep/record/feature_reader.h"
#include "cep/record/key_record.h"

namespace tocsin::cep {
/// An event: a row of the slice, or one captured in a record.
struct EventView {
  const Row* row = nullptr;
  const KeptEvent* kept = nullptr;  // where `row` is null

  EventTypeIndex type() const {
    return row != nullptr ? row->type : EventTypeIndex(std::size_t{kept->type});
  }
  EventTime engine_time() const { return row != nullptr ? row->engine_time : kept->engine_time(); }
};
/// The events of loops where nodes do not stand for all of them, without the current one.
class LoopEvents {
 public:
  virtual ~LoopEvents() = default;
  /// Whether the step is such a loop.
  virtual bool has(std::uint32_t step) const = 0;
  /// Visits the step's in order, until `visit` says no.
  virtual void for_each(std::uint32_t step,
                        const std::function<bool(const KeptEvent&)>& visit) const = 0;
  /// The aggregate over the step's and, where it counts as the loop's, the current event; nothing
  /// where the events have to be asked.
  virtual std::optional<Value> total(std::uint32_t step, const Expr& aggregate) const = 0;
  /// How late the latest of them came; 0: none did.
  virtual std::uint64_t lateness_us() const = 0;
};
class RowMemo;
class StepMeter;
/// What an expression may see besides the current event.
struct EvalScope {
  const ProgramImpl& program;
  const Batch* batch = nullptr;  // of rows
  const TableProgram* table =
      nullptr;  // of captured events, absent for atoms; then nothing below is read
  const RuleProgram* rule = nullptr;
  const std::byte* record = nullptr;  // holds `head`
  Offset head = 0;                    // the run's last node; 0: nothing bound
  const Offset* window =
      nullptr;  // of a strict rule, instead of `head`: the event of step s is window[s]
  const PatternProgram* pattern = nullptr;  // of the general matcher: nodes have slots
  const LoopEvents* loop = nullptr;  // of `head`'s match, where nodes do not have all of them
  int taken_step = -1;               // the step whose event the current one counts as; -1: none
  const EventView* offered =
      nullptr;  // inside an aggregate over a loop: the current event; the current is an element
  std::string_view key = {};  // key bytes
  std::uint32_t roles = 0;    // of the current row, as bits by place
  FeatureReader* features = nullptr;
  std::uint64_t* values_missing = nullptr;
  /// What reads a loop takes steps here; where they run out, its value is missing, and void.
  StepMeter* steps = nullptr;
  /// While conditions are asked of partial matches: what they say of the current event alone.
  RowMemo* memo = nullptr;
};

/// When the current event happened: entries of lists and tables that hold then are found. At a
/// deadline that is the match's last event.
inline EventTime current_time(const EventView& current, const EvalScope& scope) {
  return (scope.offered != nullptr ? *scope.offered : current).engine_time();
}
Value field_value(const EvalScope& scope, const EventView& event, const FieldRef& field);
/// The value of `expr` where `current` is the event on offer; texts borrowed from the batch, the
/// record or the plan.
Value evaluate(const Expr& expr, const EventView& current, const EvalScope& scope);
/// The same for what reads tables, searches text or calls functions (is_data()).
Value evaluate_data(const Expr& expr, const EventView& current, const EvalScope& scope);
/// The event that the run bound last (`last`) or first to a step; the current one where it counts
/// as such. False when there is none.
bool bound_event(const EvalScope& scope, const EventView& current, std::uint32_t step, bool last,
                 EventView& out);
/// The outcome of a fast test; kUnsure asks for the expression itself.
enum class Tried : std::uint8_t { kFalse, kTrue, kUnsure };
/// Whether `a op b`.
inline bool words_compare(Op op, std::int64_t a, std::int64_t b) {
  switch (op) {
    case Op::kEqual:
      return a == b;
    case Op::kNotEqual:
      return a != b;
    case Op::kLess:
      return a < b;
    case Op::kLessEqual:
      return a <= b;
    case Op::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}
/// How late the event came; 0: it did not.
std::uint64_t lateness_us(const EventView& event);
/// Whether a conjunct holds of the event on offer.
bool conjunct_holds(const Conjunct& conjunct, const EventView& current, const EvalScope& scope);
struct LoopTotal;
/// Adds the event to the total of `aggregate`.
void add_to_total(const Expr& aggregate, const EventView& event, const EvalScope& scope,
                  LoopTotal& total);
/// The aggregate's value from what the run's last node keeps, and from `current` where that counts
/// as the variable's; nothing where the events have to be asked.
std::optional<Value> value_of_total(const Expr& aggregate, const EventView& current,
                                    const EvalScope& scope);
/// The aggregate's value where `total` holds all events.
Value value_of(const Expr& aggregate, const LoopTotal& total);
/// What a comparison operator makes of an order; missing where that is unknown.
Value compared(Op op, Ordering order);
}  // namespace tocsin::cep
