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
  places_[place] = {label, before, next, {}, {}};
  (before == kNone ? first_ : places_[before].next) = place;
  (next == kNone ? last_ : places_[next].before) = place;
  ++size_;
  return place;
}

void ClassedList::append(Class& to, std::uint32_t place, Links Place::*links) {
  (places_[place].*links).before = to.last;
  (to.last == kNone ? to.first : (places_[to.last].*links).next) = place;
  to.last = place;
  ++to.size;
}

void ClassedList::take_out(Class& from, const Links& at, Links Place::*links) {
  (at.before == kNone ? from.first : (places_[at.before].*links).next) = at.next;
  (at.next == kNone ? from.last : (places_[at.next].*links).before) = at.before;
  --from.size;
}

void ClassedList::join(std::uint32_t place, std::uint32_t of_class) {
  places_[place].in_class.of = of_class;
  append(classes_[of_class], place, &Place::in_class);
}

void ClassedList::join(std::uint32_t place, std::uint32_t of_class, std::uint64_t key) {
  join(place, of_class);
  const auto [part, is_new] = parts_.try_emplace(PartKey{of_class, key}, kNone);
  if (is_new) {
    if (free_parts_.empty()) {
      part->second = static_cast<std::uint32_t>(kept_parts_.size());
      kept_parts_.emplace_back();
    } else {
      part->second = free_parts_.back();
      free_parts_.pop_back();
    }
    kept_parts_[part->second].of_class = of_class;
    kept_parts_[part->second].key = key;
  }
  places_[place].in_part.of = part->second;
  append(kept_parts_[part->second], place, &Place::in_part);
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
  if (at.in_class.of == kNone) return;
  take_out(classes_[at.in_class.of], at.in_class, &Place::in_class);
  if (at.in_part.of == kNone) return;
  Part& part = kept_parts_[at.in_part.of];
  take_out(part, at.in_part, &Place::in_part);
  if (part.size > 0) return;
  parts_.erase(PartKey{part.of_class, part.key});
  free_parts_.push_back(at.in_part.of);
}
}  // namespace tocsin::cep
