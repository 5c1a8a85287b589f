// What a busy key's places hold, written and read: the events, those that the loop took, and of
// each place the entries' events and the first entry that each may follow. All else follows from it
// (BusyKey::finish).
#include <algorithm>
#include <utility>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/places/busy_key.h"
#include "cep/places/places_part.h"
#include "cep/plan/pattern.h"

namespace tocsin::cep {
namespace {
bool is_in_subset(const RuleProgram& rule, std::uint32_t step, std::uint64_t subset,
                  const KeptEvent& event) {
  const std::vector<Subset>& subsets = rule.steps[step].take.element->events();
  return subset < subsets.size() && subsets[subset].type.value == event.type;
}
bool is_of_loop(const RuleProgram& rule, std::uint32_t place) {
  return rule.places->loop_of(rule.places->step_of(place)).has_value();
}
// A loop's last events follow its first ones by their numbers alone, unless `until` may end it.
bool has_lows(const RuleProgram& rule, std::uint32_t place) {
  const std::uint32_t step = rule.places->step_of(place);
  return place > 0 && (rule.places->first_place[step] == place || rule.steps[step].has_until);
}

void write_part(const PlacesPart& part, std::uint64_t first, const RuleProgram& rule,
                ByteWriter& to) {
  for (const LoopRecord& loop : part.loops) {
    to.varint(loop.taken.size());
    for (std::uint64_t i = loop.taken.begin(); i < loop.taken.end(); ++i) {
      to.varint(loop.taken[i].event - first);
      to.varint(loop.taken[i].subset);
    }
  }
  for (std::uint32_t place = 0; place < part.places.size(); ++place) {
    const Ring<PlaceEntry>& ring = part.places[place].ring;
    const std::uint64_t before = place > 0 ? part.places[place - 1].ring.begin() : 0;
    const auto low_of = [&](std::uint64_t low) { return low > before ? low - before : 0; };
    if (place == 1 && rule.places->reach) {  // they follow from what the loop took
      to.varint(0);
      continue;
    }
    to.varint(ring.size());
    for (std::uint64_t i = ring.begin(); i < ring.end(); ++i) {
      to.varint(ring[i].event - first);
      if (!is_of_loop(rule, place)) to.varint(ring[i].subset);
      if (has_lows(rule, place)) to.varint(low_of(ring[i].low));
    }
    if (has_lows(rule, place)) to.varint(low_of(part.places[place].low));
  }
}

bool read_taken(ByteReader& from, const RuleProgram& rule, std::uint32_t step, const EventLog& log,
                LoopRecord& loop) {
  const std::uint64_t taken = from.varint();
  for (std::uint64_t i = 0; i < taken; ++i) {
    const std::uint64_t event = from.varint();
    const std::uint64_t subset = from.varint_up_to(kKindsMax - 1);
    if (!from.ok() || event >= log.end() || (i > 0 && event <= loop.taken.back().event) ||
        !is_in_subset(rule, step, subset, log[event])) {
      return false;
    }
    loop.push(event, static_cast<std::uint32_t>(subset),
              log[event].ts() < log[event].engine_time());
  }
  return from.ok();
}

bool read_place(ByteReader& from, const RuleProgram& rule, std::uint32_t place, const EventLog& log,
                PlacesPart& part) {
  PatternPlace& to = part.places[place];
  const std::uint64_t before = place > 0 ? part.places[place - 1].ring.size() : 0;
  const std::uint64_t entries = from.varint();
  for (std::uint64_t i = 0; i < entries; ++i) {
    PlaceEntry entry;
    entry.event = from.varint();
    if (!is_of_loop(rule, place)) {
      entry.subset = static_cast<std::uint32_t>(from.varint_up_to(kKindsMax - 1));
    }
    if (has_lows(rule, place)) entry.low = from.varint_up_to(before);
    if (!from.ok() || entry.event >= log.end()) return false;
    if (!is_of_loop(rule, place) &&
        !is_in_subset(rule, rule.places->step_of(place), entry.subset, log[entry.event])) {
      return false;
    }
    to.ring.push(entry);
  }
  if (has_lows(rule, place)) to.low = from.varint_up_to(before);
  return from.ok();
}

bool read_part(ByteReader& from, const RuleProgram& rule, const EventLog& log, PlacesPart& part) {
  for (std::size_t i = 0; i < part.loops.size(); ++i) {
    if (!read_taken(from, rule, rule.places->loops[i], log, part.loops[i])) return false;
  }
  for (std::uint32_t place = 0; place < part.places.size(); ++place) {
    if (!read_place(from, rule, place, log, part)) return false;
  }
  return from.ok();
}
}  // namespace

void write_places(const RuleProgram& rule, const PlacesState& places, EventWriter& events,
                  ByteWriter& to) {
  const std::uint64_t first = places.log.begin();
  to.varint(places.log.size());
  for (std::uint64_t i = first; i < places.log.end(); ++i) {
    to.varint(events.number_of(places.log[i]));
  }
  if (!rule.places->value) {
    write_part(places.whole, first, rule, to);
    return;
  }
  std::vector<const PlacesPart*> parts;
  for (const auto& [value, part] : places.by_value) {
    if (!part.is_empty()) parts.push_back(&part);
  }
  std::ranges::sort(parts, {},
                    [](const PlacesPart* part) { return part->places.front().ring.front().event; });
  to.varint(parts.size());
  for (const PlacesPart* const part : parts) write_part(*part, first, rule, to);
}

bool BusyKey::read(ByteReader& from, const EventReader& events) {
  const std::uint64_t count = from.varint();
  for (std::uint64_t i = 0; i < count; ++i) {
    const KeptEvent* const event = events.next(from);
    if (event == nullptr) return false;
    push_event(*event);
  }
  if (!rule_.places->value) {
    if (!read_part(from, rule_, state_.log, state_.whole)) return false;
    return finish() && !state_.is_empty();
  }
  const std::uint64_t parts = from.varint();
  for (std::uint64_t i = 0; i < parts; ++i) {
    PlacesPart part = make_part(rule_);
    if (!read_part(from, rule_, state_.log, part) || !add_part(std::move(part))) return false;
  }
  return from.ok() && finish() && !state_.is_empty();
}
}  // namespace tocsin::cep
