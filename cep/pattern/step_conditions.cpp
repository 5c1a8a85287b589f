#include "cep/pattern/step_conditions.h"

#include <algorithm>
#include <iterator>

#include "cep/alert/current_row.h"

namespace tocsin::cep {
void StepConditions::begin() {
  if (current_.rule->row_places > 0) row_answers_.assign(current_.rule->row_places, 0);
  memo_.begin(current_.rule->row_parts);
  knows_steps_ = false;
}

bool StepConditions::fits_step(std::uint32_t step, Offset head) {
  const PatternStep& program = current_.pattern->steps[step];
  return fits(program.take, head, static_cast<int>(step), program.own_slot);
}

bool StepConditions::fits(const ElementProgram& element, Offset head, int taken_step,
                          std::uint32_t own_slot) {
  if (!current_.row->satisfies(element.predicate)) return false;
  if (!element.by_row.empty() && !fits_by_row(element, head, taken_step)) return false;
  for (const Conjunct& conjunct : element.by_run) {
    if (!conjunct.of_first && (head == 0 || current_.node(head)->slots()[own_slot].last == 0))
      continue;
    if (!holds(conjunct, head, taken_step)) return false;
  }
  return true;
}

bool StepConditions::fits_by_row(const ElementProgram& element, Offset head, int taken_step) {
  std::int8_t& answer = row_answers_[element.place];
  if (answer == 0) {
    answer = std::all_of(element.by_row.begin(), element.by_row.end(),
                         [&](const Conjunct& c) { return holds(c, head, taken_step); })
                 ? 1
                 : -1;
  }
  return answer > 0;
}

bool StepConditions::holds(const Conjunct& conjunct, Offset head, int taken_step) {
  const EvalScope& scope = current_.scope_at(head, taken_step);
  const EventView row{current_.row->row, nullptr};
  return memo_.ask(current_.scope, [&] { return conjunct_holds(conjunct, row, scope); });
}

const std::vector<std::uint32_t>& StepConditions::steps_here() {
  if (knows_steps_) return steps_here_;
  knows_steps_ = true;
  steps_here_.clear();
  StepsByPredicate& steps = steps_by_predicate_[current_.rule->index.value];
  if (steps.all.empty()) {
    for (std::uint32_t i = 0; i < current_.pattern->steps.size(); ++i) {
      steps.all.emplace_back(current_.pattern->steps[i].take.predicate, i);
    }
    std::sort(steps.all.begin(), steps.all.end());
    const auto is_sparse = [&](const auto& step) {
      return current_.row->places != nullptr &&
             current_.row->places[step.first] == TableProgram::kSparse;
    };
    std::copy_if(steps.all.begin(), steps.all.end(), std::back_inserter(steps.dense),
                 [&](const auto& step) { return !is_sparse(step); });
  }
  for (const auto& [predicate, step] : steps.dense) {
    if (current_.row->satisfies(predicate)) steps_here_.push_back(step);
  }
  if (steps.dense.size() < steps.all.size()) {
    for (const std::uint32_t predicate : current_.row->sparse) {
      auto step = std::lower_bound(steps.all.begin(), steps.all.end(), std::pair(predicate, 0U));
      for (; step != steps.all.end() && step->first == predicate; ++step) {
        steps_here_.push_back(step->second);
      }
    }
  }
  std::sort(steps_here_.begin(), steps_here_.end());
  return steps_here_;
}
}  // namespace tocsin::cep
