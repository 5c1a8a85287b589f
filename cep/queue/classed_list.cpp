#include "cep/queue/classed_list.h"

#include <algorithm>
#include <limits>

namespace tocsin::cep {
// 0: there is no room.
std::uint64_t ClassedList::label_before(std::uint32_t next) const {
  const std::uint32_t before = next == kNone ? last_ : places_[next].before;
  const std::uint64_t low = before == kNone ? 0 : places_[before].label;
  const std::uint64_t high =
      next == kNone ? std::numeric_limits<std::uint64_t>::max() : places_[next].label;
  if (high - low < 2) return 0;
  return low + std::min((high - low) / 2, next == kNone ? kApart : kClose);
}

void ClassedList::label_all() {
  std::uint64_t label = 0;
  for (std::uint32_t at = first_; at != kNone; at = places_[at].next) {
    label += kApart;
    places_[at].label = label;
  }
}

std::uint32_t ClassedList::insert(std::uint32_t next) {
  std::uint64_t label = label_before(next);
  if (label == 0) {
    label_all();
    label = label_before(next);
  }
  auto place = static_cast<std::uint32_t>(places_.size());
  if (free_.empty()) {
    places_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  const std::uint32_t before = next == kNone ? last_ : places_[next].before;
  places_[place] = {label, before, next};
  (before == kNone ? first_ : places_[before].next) = place;
  (next == kNone ? last_ : places_[next].before) = place;
  ++size_;
  return place;
}

void ClassedList::join(std::uint32_t place, std::uint32_t of_class) {
  Class& joined = classes_[of_class];
  Place& at = places_[place];
  at.of_class = of_class;
  at.class_before = joined.last;
  (joined.last == kNone ? joined.first : places_[joined.last].class_next) = place;
  joined.last = place;
  ++joined.size;
}

void ClassedList::join(std::uint32_t place, std::uint32_t of_class, std::uint64_t key) {
  const auto [part, is_new] = parts_.try_emplace(PartKey{of_class, key}, kNone);
  if (is_new) {
    if (free_parts_.empty()) {
      part->second = static_cast<std::uint32_t>(classes_.size());
      classes_.emplace_back();
    } else {
      part->second = free_parts_.back();
      free_parts_.pop_back();
    }
    classes_[part->second].whole = of_class;
    classes_[part->second].key = key;
  }
  join(place, part->second);
  ++classes_[of_class].size;
}

std::uint32_t ClassedList::part_of(std::uint32_t of_class, std::uint64_t key) const {
  const auto part = parts_.find(PartKey{of_class, key});
  return part == parts_.end() ? kNone : part->second;
}

void ClassedList::erase(std::uint32_t place) {
  const Place at = places_[place];
  (at.before == kNone ? first_ : places_[at.before].next) = at.next;
  (at.next == kNone ? last_ : places_[at.next].before) = at.before;
  --size_;
  free_.push_back(place);
  if (at.of_class == kNone) return;
  Class& left = classes_[at.of_class];
  (at.class_before == kNone ? left.first : places_[at.class_before].class_next) = at.class_next;
  (at.class_next == kNone ? left.last : places_[at.class_next].class_before) = at.class_before;
  --left.size;
  if (left.whole == kNone) return;
  --classes_[left.whole].size;
  if (left.size > 0) return;
  parts_.erase(PartKey{left.whole, left.key});
  free_parts_.push_back(at.of_class);
}
}  // namespace tocsin::cep
