#include "cep/aggregate/ring_merge.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace tocsin::cep {
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

bool RingMerge::add(std::uint32_t group, std::uint32_t place, HeldEvents events) {
  has_values_ = has_values_ || !events.values.empty();
  Group& into = group_at(group);
  into.members.push_back({place, static_cast<std::uint32_t>(events.times.size())});
  if (events.times.size() > into.events.times.size()) std::swap(events, into.events);
  return is_end_of(events, into.events);
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
