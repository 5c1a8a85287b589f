#include "cep/places/busy_row.h"

#include <algorithm>

#include "cep/alert/alert_builder.h"
#include "cep/eval/loop_totals.h"
#include "cep/plan/comparison.h"
#include "cep/plan/pattern.h"

namespace tocsin::cep {
bool BusyRow::is_forbidden_after(std::uint32_t step) {
  return std::ranges::any_of(rule_.steps[step].guards,
                             [&](const ElementProgram& guard) { return fits_row(guard, -1); });
}

std::uint32_t BusyRow::subset(std::uint32_t step) {
  const Element& element = *rule_.steps[step].take.element;
  if (element.events().size() < 2) return 0;
  return static_cast<std::uint32_t>(subset_of_event(element, view(), scope_at(-1)));
}

Value BusyRow::compared(const Expr& expr, std::uint32_t step) {
  return value_at_step(expr, step, view(), scope_at(0));
}

const std::string* BusyRow::value(const Expr& own) {
  value_ = part_value(own, view(), scope_at(0));
  return value_ ? &*value_ : nullptr;
}

bool BusyRow::agrees(const KeptEvent& first) {
  EvalScope scope = scope_at(1);
  // The first event is all that conditions see beside the current one.
  const Offset place = 0;
  scope.record = reinterpret_cast<const std::byte*>(&first);
  scope.window = &place;
  scope.memo = &memo_;
  return std::ranges::all_of(rule_.places->pair->rest, [&](const Conjunct& conjunct) {
    return conjunct_holds(conjunct, view(), scope);
  });
}

bool BusyRow::take_step() {
  ++stats_.runs_visited;
  gave_up_ = !steps_.take();
  return !gave_up_;
}

bool BusyRow::allows_sum(Int128 sum) {
  const PlacesSum& asked = *rule_.places->sum;
  if (!bound_) {
    bound_ = evaluate(*asked.bound, view(), scope_at(static_cast<int>(rule_.steps.size() - 1)));
  }
  LoopTotal total;
  total.put(sum);
  const Ordering order = cep::compare(value_of(*asked.sum, total), *bound_);
  return order != Ordering::kUnknown && cep::holds(asked.op, order);
}

std::uint64_t BusyRow::capture() {
  if (!number_) number_ = key_.push_event(captured());
  return *number_;
}

void BusyRow::add_to_series(PlacesPart& part, std::uint32_t loop) {
  key_.add_to_series(part, loop, view(), scope_at(-1));
}
}  // namespace tocsin::cep
