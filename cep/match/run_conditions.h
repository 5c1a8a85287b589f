/// Which steps of the current rule the current event fits: conditions on the event alone are
/// evaluated once, those that read earlier events for each partial match.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/eval/row_memo.h"
#include "cep/match/current_runs.h"

namespace tocsin::cep {
class RunConditions {
 public:
  explicit RunConditions(CurrentRuns& current) : current_(current) {}
  /// A new current event, or another rule at it.
  void begin() {
    if (current_.rule->row_places > 0) row_answers_.assign(current_.rule->row_places, 0);
    memo_.begin(current_.rule->row_parts);
  }
  /// Whether the event fits the element by what is the same for all partial matches; the conditions
  /// are evaluated after the events up to `head`, where it counts as that of step `taken_step` (-1:
  /// of none).
  bool fits_row(const ElementProgram& element, Offset head, int taken_step) {
    if (!current_.row->satisfies(element.predicate)) return false;
    return element.by_row.empty() || hold_by_row(element, head, taken_step);
  }
  /// Whether it fits the element after those events; `is_first`: as the first event of its step.
  bool fits(const ElementProgram& element, Offset head, int taken_step, bool is_first) {
    if (!fits_row(element, head, taken_step)) return false;
    for (const Conjunct& conjunct : element.by_run) {
      if (is_first && !conjunct.of_first) continue;
      if (!holds(conjunct, head, taken_step)) return false;
    }
    return true;
  }
  /// What conditions say of the current event alone.
  RowMemo& memo() { return memo_; }

 private:
  bool hold_by_row(const ElementProgram& element, Offset head, int taken_step) {
    std::int8_t& answer = row_answers_[element.place];
    if (answer == 0) {
      answer = 1;
      for (const Conjunct& conjunct : element.by_row) {
        if (!holds(conjunct, head, taken_step)) {
          answer = -1;
          break;
        }
      }
    }
    return answer > 0;
  }
  bool holds(const Conjunct& conjunct, Offset head, int taken_step) {
    const EvalScope& scope = current_.scope_at(head, taken_step);
    return memo_.ask(current_.scope,
                     [&] { return conjunct_holds(conjunct, current_.view(), scope); });
  }

  CurrentRuns& current_;
  std::vector<std::int8_t> row_answers_;  // of by_row conjuncts: 0 not asked yet, 1 true, -1 not
  RowMemo memo_;
};
}  // namespace tocsin::cep
