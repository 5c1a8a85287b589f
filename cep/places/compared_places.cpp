// Steps that compare their events with earlier ones.
#include <array>

#include "cep/places/places.h"
#include "cep/places/places_part.h"

namespace tocsin::cep {
// As follow(), where the step may compare its event.
std::optional<PlaceEntry> Places::follow_compared(std::uint32_t step, PlacesEvent& event) {
  std::optional<PlaceEntry> entry = follow(step);
  if (!entry || step == 0) return entry;
  if (program().pair) {
    entry->low = first_agreeing(*entry, event);
    if (entry->low == entry->high) entry.reset();
  } else if (program().chain && !part_->chain->any(step, own_value(step, event))) {
    entry.reset();
  }
  return entry;
}

// Of the first events that the entry may follow, the oldest one that agrees with the current event:
// its place, or entry.high where there is none.
std::uint64_t Places::first_agreeing(const PlaceEntry& entry, PlacesEvent& event) const {
  const PlacesPair& pair = *program().pair;
  std::array<Value, PlacesPair::kOrderedMax> bounds;
  for (std::size_t i = 0; i < pair.ordered.size(); ++i) {
    bounds[i] = value_of_side(pair.ordered[i].own,
                              [&](const Expr& expr) { return event.compared(expr, 1); });
  }
  const std::string* const other = pair.other ? event.value(*pair.other->own) : nullptr;
  const Ring<PlaceEntry>& firsts = part_->places.front().ring;
  std::uint64_t at = entry.low;
  while (at < entry.high) {
    if (!pair.ordered.empty()) at = part_->compared->first(at, entry.high, bounds);
    const std::uint64_t ordered = at;
    if (pair.other) at = part_->others->first(at, entry.high, other);
    if (at == entry.high || !pair.is_searched()) break;
    if (!event.take_step()) return entry.high;
    if (at != ordered && !pair.ordered.empty()) continue;  // it may not be large enough
    if (event.agrees(state_.log[firsts[at].event])) break;
    ++at;
  }
  return at;
}

// What the step compares; missing where it compares nothing.
Value Places::own_value(std::uint32_t step, PlacesEvent& event) const {
  const PlacesChain::Step& asked = program().chain->steps[step];
  if (asked.condition == nullptr) return Value::missing();
  return value_of_side(asked.own, [&](const Expr& expr) { return event.compared(expr, step); });
}

void Places::push_compared(std::uint32_t step, PlacesEvent& event) {
  if (program().pair) {
    push_pair(
        *part_, *program().pair, [&](const Expr& expr) { return event.compared(expr, step); },
        [&](const Expr& expr) { return event.value(expr); });
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
