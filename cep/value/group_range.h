/// Key groups next to each other, as they are divided among parts of a job.
#pragma once
#include <cstdint>

#include "cep/value/key.h"

namespace tocsin::cep {
/// From `begin` on, to before `end`.
struct KeyGroupRange {
  std::uint32_t begin = 0;
  std::uint32_t end = kKeyGroupCount;
  constexpr bool has(KeyGroup group) const { return begin <= group.value && group.value < end; }
  friend constexpr bool operator==(KeyGroupRange, KeyGroupRange) = default;
};
/// Which of `parts` a group is of, as Apache Flink divides 1,024 key groups.
constexpr std::uint32_t part_of_group(KeyGroup group, std::uint32_t parts) {
  return group.value * parts / kKeyGroupCount;
}
/// The groups of one of `parts`; at most kKeyGroupCount parts have any.
constexpr KeyGroupRange groups_of_part(std::uint32_t part, std::uint32_t parts) {
  return {(part * kKeyGroupCount + parts - 1) / parts,
          ((part + 1) * kKeyGroupCount + parts - 1) / parts};
}
}  // namespace tocsin::cep
