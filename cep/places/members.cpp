#include "cep/places/members.h"

#include <algorithm>
#include <array>
#include <bit>

namespace tocsin::cep {
namespace {
constexpr std::uint64_t kCurrent = ~std::uint64_t{0};

constexpr std::uint64_t bit(std::uint32_t place) { return std::uint64_t{1} << place; }
// Calls `visit(place)` for each bit.
template <typename Visit>
void for_each_bit(std::uint64_t bits, Visit&& visit) {
  for (; bits != 0; bits &= bits - 1) visit(static_cast<std::uint32_t>(std::countr_zero(bits)));
}
}  // namespace

void Members::expire(std::int64_t now_us) {
  if (!rule_.within) return;
  while (!state_.is_empty() &&
         state_.log[state_.starts.front()].engine_time_us + rule_.within->us <= now_us) {
    state_.pop_start();
  }
}

// Bit i stands for the group's i-th member.
std::uint64_t Members::members_of(const MemberGroup& group, std::span<const std::uint32_t> steps) {
  std::uint64_t members = 0;
  for (const std::uint32_t step : steps) {
    if (step >= group.begin && step < group.end) members |= bit(step - group.begin);
  }
  return members;
}

void Members::choose(const MemberGroup& group, std::uint64_t from, std::uint32_t most,
                     MemberChoice& choice) const {
  // By member: the entry to be looked at next, and its event; `left` are those that have one.
  std::array<std::uint64_t, kMembersMax> at{};
  std::array<std::uint64_t, kMembersMax> event{};
  std::uint64_t left = 0;
  for (std::uint32_t member = 0; member < group.size(); ++member) {
    const Ring<MemberEntry>& ring = state_.by_step[group.begin + member];
    if (ring.empty() || ring.back().event < from) continue;
    left |= bit(member);
    at[member] = ring.front().event >= from
                     ? ring.begin()
                     : ring.first([&](const MemberEntry& entry) { return entry.event >= from; });
    event[member] = ring[at[member]].event;
  }
  while (choice.size() < most && (left &= ~choice.closed()) != 0) {
    std::uint64_t oldest = kCurrent;
    std::uint64_t members = 0;  // that the oldest event fits, of those that are open
    for_each_bit(left, [&](std::uint32_t member) {
      if (event[member] > oldest) return;
      members = event[member] < oldest ? bit(member) : members | bit(member);
      oldest = event[member];
    });
    for_each_bit(members, [&](std::uint32_t member) {
      const Ring<MemberEntry>& ring = state_.by_step[group.begin + member];
      if (++at[member] == ring.end()) {
        left &= ~bit(member);
      } else {
        event[member] = ring[at[member]].event;
      }
    });
    choice.add(oldest, members);
  }
}

void Members::append(const MemberGroup& group, const MemberChoice& choice,
                     std::vector<ChainEvent>& to) const {
  for (const MemberChoice::Given& given : choice.in_order()) {
    const std::uint32_t step = group.begin + given.member;
    ChainEvent taken{given.event, step, 0};
    if (given.event != kCurrent) {
      const Ring<MemberEntry>& ring = state_.by_step[step];
      taken.subset =
          ring[ring.first([&](const MemberEntry& entry) { return entry.event >= given.event; })]
              .subset;
    }
    to.push_back(taken);
  }
}

void Members::find_begin() {
  if (knows_begin_) return;
  knows_begin_ = true;
  next_ = state_.log.begin();
  for (; complete_ + 1 < program_.groups.size(); ++complete_) {
    const MemberGroup& group = program_.groups[complete_];
    MemberChoice choice(group.size());
    choose(group, next_, group.size(), choice);
    if (!choice.is_complete()) return;
    append(group, choice, begin_);
    next_ = begin_.back().event + 1;
  }
}

std::optional<ChainMatch> Members::match(std::span<const std::uint32_t> steps) {
  const MemberGroup& last = program_.groups.back();
  const std::uint64_t own = members_of(last, steps);
  if (own == 0) return std::nullopt;
  // Most often some member has no event at all.
  std::uint64_t missing = 0;
  for (std::uint32_t member = 0; member < last.size(); ++member) {
    if (state_.by_step[last.begin + member].empty()) missing |= bit(member);
  }
  if ((missing & ~own) != 0 || std::popcount(missing) > 1) return std::nullopt;
  find_begin();
  if (complete_ + 1 < program_.groups.size()) return std::nullopt;
  MemberChoice choice(last.size());
  choice.add(kCurrent, own);
  choose(last, next_, last.size(), choice);
  if (!choice.is_complete()) return std::nullopt;
  ChainMatch match;
  match.events = begin_;
  append(last, choice, match.events);
  match.last_step = match.events.back().step;
  match.events.pop_back();
  return match;
}

std::vector<std::uint32_t> Members::to_keep(std::span<const std::uint32_t> steps) {
  std::vector<std::uint32_t> kept;
  for (std::uint32_t i = 0; i < program_.groups.size(); ++i) {
    const MemberGroup& group = program_.groups[i];
    const std::uint64_t own = members_of(group, steps);
    // A single step at the end takes the current event alone.
    const bool is_last = i + 1 == program_.groups.size();
    if (own == 0 || (is_last && group.size() == 1)) continue;
    if (i > 0 || !rule_.within) find_begin();
    if (i > complete_) break;
    if (!rule_.within) {
      if (i < complete_) continue;
      MemberChoice choice(group.size());
      choose(group, next_, group.size(), choice);
      if (!choice.add(kCurrent, own)) continue;
    }
    for_each_bit(own, [&](std::uint32_t member) { kept.push_back(group.begin + member); });
  }
  return kept;
}

void Members::keep(std::span<const ChainEvent> entries) {
  const MemberGroup& first = program_.groups.front();
  bool begins = false;
  for (const ChainEvent& entry : entries) {
    state_.push_entry(entry.step, {entry.event, entry.subset});
    begins = begins || entry.step < first.end;
  }
  if (begins) state_.starts.push(entries.front().event);
}

MembersProgress Members::progress_from(std::uint64_t start) const {
  MembersProgress progress;
  std::uint64_t next = start;
  for (std::uint32_t i = 0; i < program_.groups.size(); ++i) {
    const MemberGroup& group = program_.groups[i];
    MemberChoice choice(group.size());
    if (i == 0) {
      std::uint64_t own = 0;
      for (std::uint32_t member = 0; member < group.size(); ++member) {
        const Ring<MemberEntry>& ring = state_.by_step[group.begin + member];
        const std::uint64_t at =
            ring.first([&](const MemberEntry& entry) { return entry.event >= start; });
        if (at < ring.end() && ring[at].event == start) own |= bit(member);
      }
      choice.add(start, own);
      ++next;
    }
    // The last event of a match is not kept.
    const bool is_last = i + 1 == program_.groups.size();
    choose(group, next, is_last ? group.size() - 1 : group.size(), choice);
    append(group, choice, progress.events);
    if (!choice.is_complete()) {
      for_each_bit(choice.open(), [&](std::uint32_t member) {
        progress.waits_for.push_back(group.begin + member);
      });
      break;
    }
    next = progress.events.back().event + 1;
  }
  return progress;
}
}  // namespace tocsin::cep
