/// Arrival numbers that say where an event was read: a function of what is read alone, whoever
/// reads it and when.
#pragma once
#include <cstdint>
#include <optional>

#include "cep/value/order.h"

namespace tocsin::cep {
/// Events of equal time are in the order of these members.
struct ReadPosition {
  static constexpr int kPlaceBits = 4;
  static constexpr int kPartitionBits = 12;
  static constexpr int kOffsetBits = 44;
  static constexpr std::uint64_t kPlaces = 1U << kPlaceBits;
  static constexpr std::uint64_t kPartitions = 1U << kPartitionBits;
  static constexpr std::uint64_t kOffsets = std::uint64_t{1} << kOffsetBits;
  /// Of inputs that have no partitions, by their place alone: it has the bits of both.
  static constexpr std::uint64_t kInputs = kPlaces * kPartitions;

  std::uint64_t place = 0;      // of the topic among those that are read
  std::uint64_t partition = 0;  // of the topic
  std::uint64_t offset = 0;     // of the message; of a file the line
  std::uint32_t index = 0;      // in the message

  /// Of a line of an input without partitions. Requires input < kInputs.
  static constexpr ReadPosition of_line(std::uint64_t input, std::uint64_t line) {
    return {input / kPartitions, input % kPartitions, line, 0};
  }
};
/// Record: 4 bits 0 | place 4 | partition 12 | offset 44. Nothing where a member does not fit.
constexpr std::optional<ArrivalNumber> arrival_at(const ReadPosition& at) {
  if (at.place >= ReadPosition::kPlaces || at.partition >= ReadPosition::kPartitions ||
      at.offset >= ReadPosition::kOffsets) {
    return std::nullopt;
  }
  const std::uint64_t partition = at.place * ReadPosition::kPartitions + at.partition;
  return ArrivalNumber{partition * ReadPosition::kOffsets + at.offset, at.index, 0};
}
/// The offset that such a number has.
constexpr std::uint64_t offset_of(ArrivalNumber arrival) {
  return arrival.record % ReadPosition::kOffsets;
}
}  // namespace tocsin::cep
