#include "cep/record/places_state.h"

#include <algorithm>

namespace tocsin::cep {
std::uint64_t PlacesState::push_event(const KeptEvent& event, std::uint32_t size) {
  sizes.push(size);
  event_bytes += size;
  return log.push(event);
}

void PlacesState::pop_event() {
  event_bytes -= sizes.front();
  sizes.pop();
  log.pop();
}

void LoopRecord::push(std::uint64_t event, std::uint32_t subset, bool is_late) {
  const std::uint64_t before = taken.empty() ? late_base : taken.back().late;
  taken.push({event, before + (is_late ? 1 : 0), subset});
}

void LoopRecord::pop() {
  late_base = taken.front().late;
  taken.pop();
  for (LoopSeries& one : series) {
    if (!one.sums.empty()) {
      one.base = one.sums.front();
      one.sums.pop();
    }
    if (one.numbers != nullptr) one.numbers->pop();
    if (one.distinct != nullptr) one.distinct->pop();
    if (one.ranges != nullptr) one.ranges->pop();
  }
}

void LoopRecord::pop_back() {
  taken.pop_back();
  for (LoopSeries& one : series) {
    if (!one.sums.empty()) one.sums.pop_back();
    if (one.numbers != nullptr) one.numbers->pop_back();
    if (one.distinct != nullptr) one.distinct->pop_back();
    if (one.ranges != nullptr) one.ranges->pop_back();
  }
}

std::size_t LoopRecord::bytes() const {
  std::size_t sum = sizeof(*this) + taken.size() * sizeof(LoopEvent);
  for (const LoopSeries& one : series) {
    sum += sizeof(one) + one.sums.size() * sizeof(LoopSum);
    if (one.numbers != nullptr) sum += one.numbers->bytes();
    if (one.distinct != nullptr) sum += one.distinct->bytes();
    if (one.ranges != nullptr) sum += one.ranges->bytes();
  }
  return sum;
}

std::size_t PlacesPart::entries() const {
  std::size_t sum = 0;
  for (const PatternPlace& place : places) sum += place.ring.size();
  return sum;
}

std::size_t PlacesPart::bytes() const {
  std::size_t sum = places.capacity() * sizeof(PatternPlace);
  for (const LoopRecord& loop : loops) sum += loop.bytes();
  if (longest != nullptr) sum += longest->bytes();
  if (borders != nullptr) sum += borders->bytes();
  if (lengths != nullptr) sum += lengths->bytes();
  if (compared != nullptr) sum += compared->bytes();
  if (others != nullptr) sum += others->bytes();
  if (chain != nullptr) sum += chain->bytes();
  return sum;
}

void PlacesState::add(PlacesPart& part, std::size_t place, const PlaceEntry& entry) {
  part.places[place].ring.push(entry);
  part.latest_least = std::min(part.latest_least, entry.latest);
  ++entry_count;
  if (place == 0) ++start_count;
}

void PlacesState::count(const PlacesPart& part) {
  entry_count += part.entries();
  start_count += part.places.front().ring.size();
  for (const LoopRecord& loop : part.loops) taken_count += loop.taken.size();
}

std::size_t PlacesState::bytes() const {
  std::size_t sum = sizeof(*this) + log.bytes() + whole.bytes() + entry_count * sizeof(PlaceEntry);
  // Parts are many: they are not asked one by one.
  const std::size_t part = sizeof(PlacesPart) + 64 + whole.places.size() * sizeof(PatternPlace) +
                           whole.loops.size() * sizeof(LoopRecord);
  sum += by_value.size() * part + order.size() * sizeof(PlaceStart);
  if (!by_value.empty()) {
    sum += taken_count * (sizeof(LoopEvent) + sizeof(LoopSum));
  }
  return sum;
}
}  // namespace tocsin::cep
