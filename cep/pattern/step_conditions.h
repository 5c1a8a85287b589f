/// Which steps of the current rule the current event fits: conditions on the event alone are
/// evaluated once, those that read earlier events for each partial match.
#pragma once
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "cep/alert/current_row.h"
#include "cep/eval/row_memo.h"
#include "cep/pattern/current_pattern.h"

namespace tocsin::cep {
class StepConditions {
 public:
  explicit StepConditions(CurrentPattern& current) : current_(current) {}
  /// A new current event, or another rule at it.
  void begin();
  /// Whether the event fits the element, after the events up to `head` (0: none), where it counts
  /// as that of step `taken_step` (-1: of none). `own_slot` is the slot of the step's variable,
  /// which conditions that read its own past need.
  bool fits(const ElementProgram& element, Offset head, int taken_step, std::uint32_t own_slot);
  /// Whether it does by the conditions that read the event alone.
  bool fits_row(const ElementProgram& element, int taken_step) {
    return current_.row->satisfies(element.predicate) &&
           (element.by_row.empty() || fits_by_row(element, 0, taken_step));
  }
  /// Whether the event fits the step's own element.
  bool fits_step(std::uint32_t step, Offset head);
  /// Whether the event fits what ends the step's loop.
  bool fits_until(const PatternStep& step, Offset head) {
    return step.until && fits(*step.until, head, -1, PatternStep::kNoSlot);
  }
  /// The steps whose event the current one may be, by its predicates alone; ascending. Valid until
  /// the next event.
  const std::vector<std::uint32_t>& steps_here();
  /// What conditions say of the current event alone.
  RowMemo& memo() { return memo_; }

 private:
  // Steps by the predicate of their events.
  struct StepsByPredicate {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> all;  // ascending
    std::vector<std::pair<std::uint32_t, std::uint32_t>> dense;
  };
  bool fits_by_row(const ElementProgram& element, Offset head, int taken_step);
  bool holds(const Conjunct& conjunct, Offset head, int taken_step);

  CurrentPattern& current_;
  std::vector<std::int8_t> row_answers_;  // of by_row conjuncts: 0 not asked yet, 1 true, -1 not
  RowMemo memo_;
  std::map<std::uint32_t, StepsByPredicate> steps_by_predicate_;  // by rule
  std::vector<std::uint32_t> steps_here_;
  bool knows_steps_ = false;  // steps_here_ is of the current event
};
}  // namespace tocsin::cep
