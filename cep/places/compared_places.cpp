// Steps that compare their events with earlier ones.
#include "cep/places/places.h"

namespace tocsin::cep {
// As follow(), where the step may compare its event.
std::optional<PlaceEntry> Places::follow_compared(std::uint32_t step, PlacesEvent& event) {
  std::optional<PlaceEntry> entry = follow(step);
  if (!entry || step == 0) return entry;
  if (program().comparison) {
    const Expr& own = *program().comparison->own;
    entry->low = part_->others != nullptr
                     ? part_->others->first(entry->low, entry->high, event.value(own))
                     : part_->compared->first(entry->low, entry->high, event.compared(own, step));
    if (entry->low == entry->high) entry.reset();
  } else if (program().chain && !part_->chain->any(step, own_value(step, event))) {
    entry.reset();
  }
  return entry;
}

// What the step compares; missing where it compares nothing.
Value Places::own_value(std::uint32_t step, PlacesEvent& event) const {
  const Expr* const own = program().chain->steps[step].own;
  return own != nullptr ? event.compared(*own, step) : Value::missing();
}

void Places::push_compared(std::uint32_t step, PlacesEvent& event) {
  if (part_->others != nullptr) {
    part_->others->push(event.value(*program().comparison->of_first));
    return;
  }
  if (part_->compared != nullptr) {
    part_->compared->push(event.compared(*program().comparison->of_first, step));
    return;
  }
  const Expr* const carried = program().chain->steps[step].carried;
  const Value own = own_value(step, event);
  part_->chain->push(event.capture(), step, own,
                     carried != nullptr ? event.compared(*carried, step) : Value::missing());
}

PlacesMatch Places::compared_match(PlacesEvent& event) const {
  const auto last = static_cast<std::uint32_t>(rule_.steps.size() - 1);
  PlacesMatch match;
  for (const std::uint64_t number : part_->chain->first(last, own_value(last, event), current_)) {
    PlacesMatch::Part part;
    part.step = static_cast<std::uint32_t>(match.parts.size());
    part.number = number;
    const Ring<PlaceEntry>& ring = part_->places[part.step].ring;
    part.subset =
        ring[ring.first([&](const PlaceEntry& entry) { return entry.event >= number; })].subset;
    match.parts.push_back(part);
  }
  return match;
}
}  // namespace tocsin::cep
