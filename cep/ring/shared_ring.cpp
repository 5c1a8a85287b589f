#include "cep/ring/shared_ring.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <queue>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::cep {
std::uint32_t RingShape::words() const {
  constexpr std::uint32_t kHeaderWords = sizeof(SharedRing) / 8;
  return kHeaderWords + time_words() + (has_values ? capacity : 0);
}

void SharedRing::start(const RingShape& shape) {
  clear();
  base_us_ = 0;
  packed_shape_ = shape.capacity << 2 | (shape.has_values ? 2U : 0U) | (shape.wide_times ? 1U : 0U);
}

void SharedRing::drop_front(std::uint32_t events) {
  head_ = place_of(first_ + events);
  first_ += events;
  count_ -= events;
}

void SharedRing::copy_to(SharedRing& to) const {
  TOCSIN_ASSERT(to.capacity() >= count_ && (to.packed_shape_ & 3) == (packed_shape_ & 3),
                "the caller chooses the shape");
  to.first_ = first_;
  to.count_ = count_;
  to.head_ = 0;
  to.base_us_ = base_us_;
  const std::uint32_t front = std::min(count_, capacity() - head_);
  const auto copy = [&](const std::byte* from, std::byte* into, std::size_t width) {
    std::memcpy(into, from + head_ * width, front * width);
    std::memcpy(into + front * width, from, (count_ - front) * width);
  };
  copy(reinterpret_cast<const std::byte*>(this + 1), reinterpret_cast<std::byte*>(&to + 1),
       has_wide_times() ? sizeof(std::int64_t) : sizeof(std::uint32_t));
  if (has_values()) {
    copy(reinterpret_cast<const std::byte*>(const_cast<SharedRing*>(this)->values()),
         reinterpret_cast<std::byte*>(to.values()), sizeof(std::int64_t));
  }
}

std::uint32_t EventGroup::words(std::uint32_t members, bool has_sums) {
  constexpr auto kHeaderWords = static_cast<std::uint32_t>(sizeof(EventGroup) / 8);
  return kHeaderWords + members * (has_sums ? 3 : 1);
}

// ---- members

namespace {
std::byte* sum_of(GroupMember& member) { return reinterpret_cast<std::byte*>(&member + 1); }
void add_to_sum(GroupMember& member, Int128 number) {
  Int128 sum = 0;
  std::memcpy(&sum, sum_of(member), sizeof(sum));
  sum += number;
  std::memcpy(sum_of(member), &sum, sizeof(sum));
}
}  // namespace

Int128 GroupView::sum(const GroupMember& member) const {
  Int128 sum = 0;
  std::memcpy(&sum, sum_of(const_cast<GroupMember&>(member)), sizeof(sum));
  return sum;
}

std::uint32_t GroupView::oldest() const {
  std::uint32_t oldest = newest();
  for (std::uint32_t i = 0; i < members_; ++i) {
    const GroupMember& one = member(i);
    if (count(one) > 0 && is_before(one.first, oldest)) oldest = one.first;
  }
  return oldest;
}

void GroupView::drop_oldest(GroupMember& member) const {
  if (has_sums_) add_to_sum(member, -Int128{ring_->value(member.first)});
  member.before = (member.before + 1) & kTakenMask;
  if (count(member) > 0) {
    member.first = next(member.first);
  } else {
    member.first = GroupMember::kHere;
    group_->mark_empty();
  }
}

void GroupView::drop_up_to(GroupMember& member, std::int64_t time_us) const {
  std::uint32_t left = count(member);
  std::uint32_t number = member.first;
  Int128 gone = 0;
  while (left > 0 && ring_->time(number) <= time_us) {
    if (has_sums_) gone += ring_->value(number);
    --left;
    number = left > 0 ? next(number) : GroupMember::kHere;
  }
  member = {number, (group_->taken() - left) & kTakenMask};
  if (has_sums_) add_to_sum(member, -gone);
  if (left == 0) group_->mark_empty();
}

void GroupView::copy_sum(const GroupMember& from, GroupMember& to) {
  std::memcpy(sum_of(to), sum_of(const_cast<GroupMember&>(from)), sizeof(Int128));
}

void GroupView::forget(GroupMember& member) const {
  member = {0, group_->taken()};
  if (has_sums_) add_to_sum(member, -sum(member));
  group_->mark_empty();
}

// The event is counted already.
void GroupView::add_to_members(std::uint32_t number, std::int64_t value) const {
  for (std::uint32_t i = 0; i < members_; ++i) {
    GroupMember& one = member(i);
    if (count(one) == 1) one.first = number;
    if (has_sums_) add_to_sum(one, value);
  }
  group_->set(group_->taken(), false);
}

void GroupView::restore(GroupMember& member, std::span<const std::uint32_t> numbers,
                        std::uint32_t count, std::span<const std::int64_t> values) const {
  const std::span<const std::uint32_t> held = numbers.last(count);
  member.first = held.empty() ? GroupMember::kHere : held.front();
  member.before = (group_->taken() - count) & kTakenMask;
  if (!has_sums_) return;
  for (const std::uint32_t number : held) add_to_sum(member, values[number]);
}

// ---- which events are the group's

std::uint32_t GroupView::next(std::uint32_t number) const {
  const std::uint32_t after = number + 1;
  const EventChunk& newest = group_->newest;
  if (!is_before(after, newest.start)) {
    return after +
           static_cast<std::uint32_t>(std::countr_zero(newest.bits >> (after - newest.start)));
  }
  if (!has_chunks()) return after;
  // The first chunk that starts behind it, and the one before that.
  const EventChunk* const begin = chunks_->chunks();
  const EventChunk* const end = begin + chunks_->count;
  const EventChunk* const behind = std::upper_bound(
      begin, end, after,
      [](std::uint32_t wanted, const EventChunk& chunk) { return is_before(wanted, chunk.start); });
  if (behind != begin) {
    const EventChunk& chunk = *(behind - 1);
    const std::uint32_t place = after - chunk.start;
    const std::uint32_t bits = place < 32 ? chunk.bits >> place : 0;
    if (bits != 0) return after + static_cast<std::uint32_t>(std::countr_zero(bits));
  }
  return behind == end ? newest.start : behind->start;
}

std::uint32_t GroupView::chunks_for_far(std::uint32_t number) const {
  const EventChunk& newest = group_->newest;
  if (is_empty()) return 0;
  const bool is_whole = !has_chunks() && newest.bits == ~0U && number == newest.start + 32;
  if (is_whole) return 0;
  const std::uint32_t oldest = this->oldest();
  if (!is_before(oldest, newest.start)) return 1;
  if (has_chunks()) return chunks_->count + 1;
  return (newest.start - oldest + 31) / 32 + 1;
}

void GroupView::drop_old_chunks() const {
  if (!has_chunks()) return;
  const std::uint32_t oldest = this->oldest();
  std::uint32_t kept = 0;
  EventChunk* const chunks = chunks_->chunks();
  for (std::uint32_t i = 0; i < chunks_->count; ++i) {
    if (is_before(chunks[i].start + 31, oldest)) continue;
    chunks[kept++] = chunks[i];
  }
  chunks_->count = kept;
}

// The group's first event, or one that is too far from the newest chunk.
void GroupView::mark_far(std::uint32_t number) const {
  EventChunk& newest = group_->newest;
  if (is_empty()) {
    if (chunks_ != nullptr) chunks_->count = 0;
    newest = {number, 1};
    return;
  }
  // Where the group has left out no number, nothing needs to say so.
  if (has_chunks() || newest.bits != ~0U || number != newest.start + 32) retire_newest();
  newest = {number, 1};
}

// The newest chunk becomes the last of the older ones.
void GroupView::retire_newest() const {
  const EventChunk& newest = group_->newest;
  EventChunk* const chunks = chunks_->chunks();
  const std::uint32_t oldest = this->oldest();
  if (!is_before(oldest, newest.start)) {
    chunks_->count = 0;
  } else if (!has_chunks()) {
    for (std::uint32_t from = oldest; from != newest.start;) {
      const std::uint32_t count = std::min(newest.start - from, std::uint32_t{32});
      chunks[chunks_->count++] = {from, ones(count)};
      from += count;
    }
  }
  TOCSIN_ASSERT(chunks_->count < chunks_->capacity, "the caller makes room");
  chunks[chunks_->count++] = newest;
}

// ---- merging

namespace {
// Whether `shorter` are the newest of `longer`.
bool is_end_of(const std::vector<std::int64_t>& shorter, const std::vector<std::int64_t>& longer) {
  return shorter.size() <= longer.size() &&
         std::equal(shorter.rbegin(), shorter.rend(), longer.rbegin());
}
bool is_end_of(const HeldEvents& shorter, const HeldEvents& longer) {
  return is_end_of(shorter.times, longer.times) && is_end_of(shorter.values, longer.values);
}
}  // namespace

RingMerge::Group& RingMerge::group_at(std::uint32_t number) {
  const auto place = std::ranges::lower_bound(groups_, number, {}, &Group::group);
  if (place != groups_.end() && place->group == number) return *place;
  Group fresh;
  fresh.group = number;
  return *groups_.insert(place, std::move(fresh));
}

// Puts other newest events in the place of a group's, from the first of them on.
void RingMerge::correct(Group& group, HeldEvents right) {
  if (right.times.empty()) return;
  const std::vector<std::int64_t> times = std::move(group.events.times);
  const std::vector<std::int64_t> values = std::move(group.events.values);
  const auto older = std::ranges::lower_bound(times, right.times.front()) - times.begin();
  const auto right_count = static_cast<std::uint32_t>(right.times.size());
  for (Member& member : group.members) {
    const auto first = static_cast<std::ptrdiff_t>(times.size() - member.count);
    const std::vector<std::int64_t> held(times.begin() + first, times.end());
    if (is_end_of(held, right.times)) continue;
    if (first < older) {
      member.count = static_cast<std::uint32_t>(older - first) + right_count;
    } else {
      member.count = static_cast<std::uint32_t>(
          right.times.end() - std::ranges::lower_bound(right.times, held.front()));
    }
  }
  right.times.insert(right.times.begin(), times.begin(), times.begin() + older);
  if (!values.empty()) {
    right.values.insert(right.values.begin(), values.begin(), values.begin() + older);
  }
  group.events = std::move(right);
}

bool RingMerge::add(std::uint32_t group, std::uint32_t place, HeldEvents events) {
  has_values_ = has_values_ || !events.values.empty();
  Group& into = group_at(group);
  if (may_differ_) {
    const bool is_longer = events.times.size() > into.events.times.size();
    const auto count = static_cast<std::uint32_t>(events.times.size());
    const bool fits = is_longer ? is_end_of(into.events, events) : is_end_of(events, into.events);
    if (!fits) {
      correct(into, std::move(events));
      into.members.push_back({place, count});
      return true;
    }
  }
  into.members.push_back({place, static_cast<std::uint32_t>(events.times.size())});
  if (events.times.size() > into.events.times.size()) std::swap(events, into.events);
  return is_end_of(events, into.events);
}

bool RingMerge::add(const RingMerge& other) {
  const auto newest = [](const std::vector<std::int64_t>& all, std::size_t count) {
    return std::vector<std::int64_t>(all.end() - static_cast<std::ptrdiff_t>(count), all.end());
  };
  bool fit = true;
  for (const Group& group : other.groups_) {
    for (const Member& member : group.members) {
      const std::size_t values = group.events.values.empty() ? 0 : member.count;
      HeldEvents events{newest(group.events.times, member.count),
                        newest(group.events.values, values)};
      fit = add(group.group, member.place, std::move(events)) && fit;
    }
  }
  return fit;
}

// The group's events of one time, which is the newest so far; those of the ring begin at `begin`.
void RingMerge::take_events_at(std::int64_t time, Group& group, std::uint32_t begin) {
  // Further than this no equal event is looked for: it then is in the ring twice.
  constexpr std::uint32_t kLooksAhead = 64;
  const bool has_values = !group.events.values.empty();
  std::uint32_t from = begin;
  for (std::size_t i = group.numbers.size();
       i < group.events.times.size() && group.events.times[i] == time; ++i) {
    const std::int64_t value = has_values ? group.events.values[i] : 0;
    const auto end = static_cast<std::uint32_t>(times_.size());
    std::uint32_t number = from;
    while (number < end && number - from < kLooksAhead && has_values && known_[number] &&
           values_[number] != value) {
      ++number;
    }
    if (number == end || number - from == kLooksAhead) {
      number = end;
      times_.push_back(time);
      values_.push_back(0);
      known_.push_back(false);
    }
    if (has_values) {
      values_[number] = value;
      known_[number] = true;
    }
    group.numbers.push_back(number);
    if (group.chunks.empty() || number - group.chunks.back().start >= 32) {
      group.chunks.push_back({number, 0});
    }
    EventChunk& chunk = group.chunks.back();
    chunk.bits |= std::uint32_t{1} << (number - chunk.start);
    from = number + 1;
  }
}

void RingMerge::merge() {
  using Next = std::pair<std::int64_t, std::size_t>;  // the time of a group's next event
  std::priority_queue<Next, std::vector<Next>, std::greater<>> next;
  const auto push = [&](std::size_t i) {
    const Group& group = groups_[i];
    if (group.numbers.size() == group.events.times.size()) return;
    next.emplace(group.events.times[group.numbers.size()], i);
  };
  for (std::size_t i = 0; i < groups_.size(); ++i) push(i);
  std::vector<std::size_t> now;
  while (!next.empty()) {
    const std::int64_t time = next.top().first;
    now.clear();
    for (; !next.empty() && next.top().first == time; next.pop()) now.push_back(next.top().second);
    // Those with values come first, so that the others find their events.
    std::ranges::stable_sort(now, {},
                             [&](std::size_t i) { return groups_[i].events.values.empty(); });
    const auto begin = static_cast<std::uint32_t>(times_.size());
    for (const std::size_t i : now) {
      take_events_at(time, groups_[i], begin);
      push(i);
    }
  }
}
}  // namespace tocsin::cep
