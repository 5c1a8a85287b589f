// Parts of which the events, the entries and their lows are there: makes what follows from them.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/places/busy_key.h"
#include "cep/places/places_part.h"
#include "cep/places/reached_loop.h"
#include "cep/places/two_loops.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
bool BusyKey::finish_entry(const PlacesPart& part, std::uint32_t place, PlaceEntry& entry) const {
  const PlacesProgram& places = *rule_.places;
  const std::uint32_t step = places.step_of(place);
  const std::optional<std::uint32_t> loop = places.loop_of(step);
  if (loop) {
    const Ring<LoopEvent>& taken = part.loops[*loop].taken;
    entry.taken = taken.first([&](const LoopEvent& one) { return one.event >= entry.event; });
    if (entry.taken == taken.end() || taken[entry.taken].event != entry.event) return false;
  }
  if (place == 0) {
    entry.latest = entry.event;
    return true;
  }
  const Ring<PlaceEntry>& before = part.places[place - 1].ring;
  if (place > places.first_place[step]) {  // a loop's last event
    const StepProgram& program = rule_.steps[step];
    if (!program.has_until) {
      entry.low = before.first([&](const PlaceEntry& first) {
        return program.max == kUnbounded || first.taken + program.max > entry.taken;
      });
    }
    entry.high = before.first(
        [&](const PlaceEntry& first) { return first.taken + program.min > entry.taken + 1; });
  } else {
    entry.high = before.first([&](const PlaceEntry& other) { return other.event >= entry.event; });
  }
  if (entry.low >= entry.high) return false;
  entry.latest = before[entry.high - 1].latest;
  return true;
}

bool BusyKey::finish_part(PlacesPart& part) {
  if (rule_.places->reach) {
    // What follows the first events is found again, from what the loop took.
    for (std::size_t place = 1; place < part.places.size(); ++place) part.places[place] = {};
  }
  for (std::uint32_t place = 0; place < part.places.size(); ++place) {
    Ring<PlaceEntry>& ring = part.places[place].ring;
    for (std::uint64_t i = ring.begin(); i < ring.end(); ++i) {
      if (!finish_entry(part, place, ring[i])) return false;
      if (i == ring.begin()) continue;
      if (ring[i].event <= ring[i - 1].event || ring[i].low < ring[i - 1].low) return false;
    }
  }
  for (std::uint32_t loop = 0; loop < part.loops.size(); ++loop) {
    const Ring<LoopEvent>& taken = part.loops[loop].taken;
    skip_full_loops(part, rule_, loop);
    for (std::uint64_t i = taken.begin(); i < taken.end(); ++i) {
      add_to_series(part, loop, EventView{nullptr, &state_.log[taken[i].event]}, scope());
    }
  }
  if (part.lengths != nullptr) {
    const std::uint32_t place = rule_.places->first_place[rule_.places->loops.front()];
    const Ring<PlaceEntry>& lasts = part.places[place + 1].ring;
    for (std::uint64_t i = lasts.begin(); i < lasts.end(); ++i) push_length(part, place, i);
  }
  finish_compared(part);
  state_.count(part);
  if (part.loops.size() == 2) TwoLoops(rule_, part).follow();
  if (rule_.places->reach) ReachedLoop(rule_, state_).make();
  return true;
}

// What is compared, of the entries that are there.
void BusyKey::finish_compared(PlacesPart& part) const {
  if (const auto& pair = rule_.places->pair) {
    const Ring<PlaceEntry>& starts = part.places.front().ring;
    std::optional<std::string> known;
    for (std::uint64_t i = starts.begin(); i < starts.end(); ++i) {
      const EventView event{nullptr, &state_.log[starts[i].event]};
      const auto compared = [&](const Expr& expr) {
        return value_at_step(expr, 0, event, scope());
      };
      const auto value = [&](const Expr& expr) {
        known = part_value(expr, event, scope());
        return known ? &*known : nullptr;
      };
      push_pair(part, *pair, compared, value);
    }
  }
  if (part.chain == nullptr) return;
  std::vector<std::pair<std::uint64_t, std::uint32_t>>
      taken;  // events, and the steps below the top
  const auto steps = static_cast<std::uint32_t>(rule_.steps.size());
  for (std::uint32_t step = 0; step < part.places.size(); ++step) {
    const Ring<PlaceEntry>& ring = part.places[step].ring;
    for (std::uint64_t i = ring.begin(); i < ring.end(); ++i) {
      taken.emplace_back(ring[i].event, steps - step);
    }
  }
  std::ranges::sort(taken);
  for (const auto& [number, below] : taken) {
    const std::uint32_t step = steps - below;
    const PlacesChain::Step& of = rule_.places->chain->steps[step];
    const EventView event{nullptr, &state_.log[number]};
    const auto value = [&](const Expr& expr) { return value_at_step(expr, step, event, scope()); };
    part.chain->push(number, step,
                     of.condition != nullptr ? value_of_side(of.own, value) : Value::missing(),
                     of.carried != nullptr ? value(*of.carried) : Value::missing());
  }
}

bool BusyKey::add_part(PlacesPart part) {
  const Ring<PlaceEntry>& starts = part.places.front().ring;
  std::optional<std::string> value;
  for (std::uint64_t i = starts.begin(); i < starts.end(); ++i) {
    const EventView event{nullptr, &state_.log[starts[i].event]};
    const std::optional<std::string> own =
        part_value(*rule_.places->value->of_steps[0], event, scope());
    if (!own || (value && *own != *value)) return false;
    value = own;
  }
  if (!value) return false;
  const auto [at, is_new] = state_.by_value.emplace(*value, std::move(part));
  at->second.value = &at->first;
  return is_new;
}

bool BusyKey::finish() {
  if (!rule_.places->value) return finish_part(state_.whole);
  std::vector<PlaceStart> starts;
  for (auto& [value, part] : state_.by_value) {
    if (!finish_part(part)) return false;
    const Ring<PlaceEntry>& ring = part.places.front().ring;
    for (std::uint64_t i = ring.begin(); i < ring.end(); ++i) {
      starts.push_back({ring[i].event, &part});
      ++part.in_order;
    }
  }
  std::ranges::sort(starts, {}, &PlaceStart::event);
  for (const PlaceStart& start : starts) state_.order.push(start);
  return std::ranges::none_of(state_.by_value, [](const auto& of) { return of.second.is_empty(); });
}
}  // namespace tocsin::cep
