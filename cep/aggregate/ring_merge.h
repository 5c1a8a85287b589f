/// Makes one ring of what several features hold (cep/aggregate/shared_ring.h), each by itself:
/// their bytes do not say which events they share. Events of one time and value become one where
/// that keeps each feature's order; whether they once were one makes no difference to anybody.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/aggregate/shared_ring.h"

namespace tocsin::cep {
/// What a feature holds, the oldest first; values for features with an argument.
struct HeldEvents {
  std::vector<std::int64_t> times;
  std::vector<std::int64_t> values;
};

class RingMerge {
 public:
  struct Member {
    std::uint32_t place = 0;
    std::uint32_t count = 0;  // the group's newest events, so many
  };
  struct Group {
    std::uint32_t group = 0;
    std::vector<Member> members;
    HeldEvents events;                   // of the member that holds the most
    std::vector<std::uint32_t> numbers;  // of these events in the ring
    std::vector<EventChunk> chunks;      // the same as chunks; the newest last
  };

  /// Adds a feature, by its group and its place there. False where it and another feature of the
  /// group hold different events: one of them holds the newest of the other's.
  bool add(std::uint32_t group, std::uint32_t place, HeldEvents events);
  /// Numbers the events of all groups; call once, after the last add().
  void merge();
  const std::vector<Group>& groups() const { return groups_; }
  /// Of the ring, by number.
  const std::vector<std::int64_t>& times() const { return times_; }
  const std::vector<std::int64_t>& values() const { return values_; }
  bool has_values() const { return has_values_; }

 private:
  Group& group_at(std::uint32_t number);
  void take_events_at(std::int64_t time, Group& group, std::uint32_t begin);

  std::vector<Group> groups_;  // ascending
  std::vector<std::int64_t> times_;
  std::vector<std::int64_t> values_;
  std::vector<bool> known_;  // values that some feature has given
  bool has_values_ = false;
};
}  // namespace tocsin::cep
