#include "cep/places/member_choice.h"

#include <algorithm>
#include <bit>

namespace tocsin::cep {
namespace {
constexpr std::uint64_t bit(std::uint32_t place) { return std::uint64_t{1} << place; }
std::uint32_t take_lowest(std::uint64_t& bits) {
  const auto lowest = static_cast<std::uint32_t>(std::countr_zero(bits));
  bits &= bits - 1;
  return lowest;
}
}  // namespace

MemberChoice::MemberChoice(std::uint32_t members)
    : all_(members == kMembersMax ? ~std::uint64_t{0} : bit(members) - 1) {}

// Breadth first: members whose events may move, until one is found that has none.
bool MemberChoice::add(std::uint64_t event, std::uint64_t members) {
  std::uint64_t seen = members & ~closed_;
  if (seen == 0) return false;
  std::array<std::uint8_t, kMembersMax> wanted_by{};  // by member seen: the event that gets it
  const auto own = static_cast<std::uint8_t>(count_);
  for (std::uint64_t rest = seen; rest != 0;) wanted_by[take_lowest(rest)] = own;
  for (std::uint64_t next = seen & held_; (seen & ~held_) == 0;) {
    if (next == 0) {
      closed_ |= seen;
      return false;
    }
    const std::uint8_t other = holder_[take_lowest(next)];
    const std::uint64_t fresh = chosen_[other].members & ~closed_ & ~seen;
    for (std::uint64_t rest = fresh; rest != 0;) wanted_by[take_lowest(rest)] = other;
    seen |= fresh;
    next |= fresh & held_;
  }
  chosen_[own] = {event, members & ~closed_, 0};
  ++count_;
  auto member = static_cast<std::uint32_t>(std::countr_zero(seen & ~held_));
  held_ |= bit(member);
  for (bool is_done = false; !is_done;) {
    const std::uint8_t taker = wanted_by[member];
    is_done = taker == own;
    const std::uint32_t left = chosen_[taker].member;
    chosen_[taker].member = member;
    holder_[member] = taker;
    member = left;
  }
  return true;
}

std::uint64_t MemberChoice::open() const {
  std::uint64_t found = all_ & ~held_;
  for (bool is_growing = true; is_growing;) {
    is_growing = false;
    for (std::uint32_t i = 0; i < count_; ++i) {
      if ((chosen_[i].members & found) == 0 || (found & bit(chosen_[i].member)) != 0) continue;
      found |= bit(chosen_[i].member);
      is_growing = true;
    }
  }
  return found;
}

std::vector<MemberChoice::Given> MemberChoice::in_order() const {
  std::array<Chosen, kMembersMax> events = chosen_;
  const auto end = events.begin() + static_cast<std::ptrdiff_t>(count_);
  std::sort(events.begin(), end,
            [](const Chosen& a, const Chosen& b) { return a.event < b.event; });
  std::array<std::uint8_t, kMembersMax> holder{};
  std::array<std::uint64_t, kMembersMax> fitting{};  // by member: the events that fit it
  for (std::uint32_t i = 0; i < count_; ++i) {
    holder[events[i].member] = static_cast<std::uint8_t>(i);
    for (std::uint64_t rest = events[i].members; rest != 0;) fitting[take_lowest(rest)] |= bit(i);
  }
  std::uint64_t later = count_ == kMembersMax ? ~std::uint64_t{0} : bit(count_) - 1;
  std::uint64_t settled = 0;  // members of earlier events
  std::vector<Given> given;
  for (std::uint32_t i = 0; i < count_; ++i) {
    later &= ~bit(i);
    const std::uint32_t own = events[i].member;
    const std::uint64_t better = events[i].members & ~settled & held_ & (bit(own) - 1);
    // The members whose events can move, one to the place of another, until one gets `own`.
    std::array<std::uint32_t, kMembersMax> moves_to{};
    std::uint64_t movable = 0;
    std::uint64_t waiting = better == 0 ? 0 : later;  // events that were not found yet
    for (std::uint64_t next = better == 0 ? 0 : bit(own); next != 0;) {
      const std::uint32_t member = take_lowest(next);
      const std::uint64_t takers = fitting[member] & waiting;
      waiting &= ~takers;
      for (std::uint64_t rest = takers; rest != 0;) {
        const std::uint32_t from = events[take_lowest(rest)].member;
        moves_to[from] = member;
        movable |= bit(from);
        next |= bit(from);
      }
    }
    if ((better & movable) != 0) {
      const auto best = static_cast<std::uint32_t>(std::countr_zero(better & movable));
      std::uint8_t moved = holder[best];
      for (std::uint32_t to = best; to != own;) {
        to = moves_to[to];
        const std::uint8_t next = holder[to];
        events[moved].member = to;
        holder[to] = moved;
        moved = next;
      }
      events[i].member = best;
      holder[best] = static_cast<std::uint8_t>(i);
    }
    settled |= bit(events[i].member);
    given.push_back({events[i].event, events[i].member});
  }
  return given;
}
}  // namespace tocsin::cep
