/// The one total order of everything that the engine gives (ARCHITECTURE.md, Order).
#pragma once
#include <compare>
#include <cstdint>
#include <string>

#include "cep/time.h"

namespace tocsin::cep {
/// An event's place in arrival: which arrival record, and its place in it. Equal times follow it.
struct ArrivalNumber {
  std::uint64_t record = 0;
  std::uint32_t index = 0;
  friend constexpr auto operator<=>(ArrivalNumber, ArrivalNumber) = default;
};
enum class Phase : std::uint8_t { kTimer = 0, kEvent = 1 };
/// Compared member by member, in this order. For a timer: `time` is the deadline and `arrival` that
/// of the event that set it.
struct OrderKey {
  EventTime time;  // engine time
  Phase phase = Phase::kEvent;
  ArrivalNumber arrival;
  std::uint32_t level = 0;
  std::uint32_t rule = 0;  // the rule's ordinal in the plan
  std::uint32_t role = 0;  // place of the role in `by`
  std::string key;         // key bytes (cep/key.h)
  std::uint32_t ordinal = 0;
  friend auto operator<=>(const OrderKey&, const OrderKey&) = default;
  friend bool operator==(const OrderKey&, const OrderKey&) = default;
};
}  // namespace tocsin::cep
