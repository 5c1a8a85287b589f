#include "cep/queue/distinct_count.h"

namespace tocsin::cep {
void DistinctCount::set_counts(std::uint64_t place, bool counts) {
  if (places_[place].counts == counts) return;
  places_[place].counts = counts;
  for (unsigned level = 0; level < blocks_.size(); ++level) {
    std::uint32_t& block = blocks_[level][place >> (kBits * (level + 1))];
    counts ? ++block : --block;
  }
}

void DistinctCount::push(const std::optional<std::string>& value) {
  const std::uint64_t place = places_.end();
  places_.push({});
  for (unsigned level = 0; level < blocks_.size(); ++level) {
    if (place >> (kBits * (level + 1)) == blocks_[level].end()) blocks_[level].push(0);
  }
  if (!value) return;
  const auto [last, is_new] = last_.try_emplace(*value, place);
  if (is_new) {
    value_bytes_ += value->size();
  } else {
    places_[place].before = last->second;
    set_counts(last->second, false);
    last->second = place;
  }
  places_[place].last = &*last;
  set_counts(place, true);
}

void DistinctCount::pop() {
  const std::uint64_t place = places_.begin();
  if (LastPlaces::value_type* const last = places_[place].last;
      last != nullptr && last->second == place) {
    value_bytes_ -= last->first.size();
    last_.erase(last_.find(last->first));
  }
  set_counts(place, false);
  places_.pop();
  for (unsigned level = 0; level < blocks_.size(); ++level) {
    if (blocks_[level].begin() < places_.begin() >> (kBits * (level + 1))) blocks_[level].pop();
  }
}

void DistinctCount::pop_back() {
  const std::uint64_t place = places_.end() - 1;
  const Place taken = places_[place];
  set_counts(place, false);
  if (taken.last != nullptr && taken.before != kNone && taken.before >= places_.begin()) {
    taken.last->second = taken.before;
    set_counts(taken.before, true);
  } else if (taken.last != nullptr) {
    value_bytes_ -= taken.last->first.size();
    last_.erase(last_.find(taken.last->first));
  }
  places_.pop_back();
  for (unsigned level = 0; level < blocks_.size(); ++level) {
    Ring<std::uint32_t>& blocks = blocks_[level];
    if ((blocks.end() - 1) << (kBits * (level + 1)) >= places_.end()) blocks.pop_back();
  }
}

std::uint64_t DistinctCount::since(std::uint64_t from) const {
  constexpr std::uint64_t kMask = (1U << kBits) - 1;
  std::uint64_t count = 0;
  for (; from < places_.end() && (from & kMask) != 0; ++from) count += places_[from].counts ? 1 : 0;
  if (from >= places_.end()) return count;
  std::uint64_t block = from >> kBits;
  for (; block < blocks_[0].end() && (block & kMask) != 0; ++block) count += blocks_[0][block];
  if (block >= blocks_[0].end()) return count;
  for (block >>= kBits; block < blocks_[1].end(); ++block) count += blocks_[1][block];
  return count;
}

std::uint64_t DistinctCount::between(std::uint64_t from, std::uint64_t to) const {
  if (to == places_.end()) return since(from);
  std::uint64_t count = 0;
  for (std::uint64_t i = from; i < to; ++i) {
    const Place& place = places_[i];
    if (place.last != nullptr && (place.before == kNone || place.before < from)) ++count;
  }
  return count;
}

std::size_t DistinctCount::bytes() const {
  constexpr std::size_t kNode = sizeof(LastPlaces::value_type) + 24;
  return places_.size() * sizeof(Place) + last_.size() * kNode + value_bytes_ +
         (blocks_[0].size() + blocks_[1].size()) * sizeof(std::uint32_t);
}
}  // namespace tocsin::cep
