/// The one total order of everything that the engine gives (ARCHITECTURE.md, Order).
#pragma once
#include <compare>
#include <cstdint>
#include <string>

#include "cep/value/time.h"

namespace tocsin::cep {
enum class Phase : std::uint8_t { kTimer = 0, kEvent = 1 };
/// An event's place in arrival: which arrival record, and its place in it. Equal times follow it.
/// An alert taken as an event has its cause's numbers and a place after it in `after`; the alert of
/// a timer stands before all events of its time.
struct ArrivalNumber {
  static constexpr std::uint32_t kOfTimer = 1U << 31;
  std::uint64_t record = 0;
  std::uint32_t index = 0;
  std::uint32_t after = 0;  // 0: an event from outside; else 1, 2, …, with kOfTimer for a timer's

  constexpr Phase phase() const { return (after & kOfTimer) != 0 ? Phase::kTimer : Phase::kEvent; }
  /// The numbers of what came from outside.
  constexpr ArrivalNumber cause() const { return {record, index, 0}; }
  friend constexpr bool operator==(ArrivalNumber, ArrivalNumber) = default;
  friend constexpr std::strong_ordering operator<=>(ArrivalNumber a, ArrivalNumber b) {
    if (a.phase() != b.phase()) return a.phase() <=> b.phase();
    if (a.record != b.record) return a.record <=> b.record;
    if (a.index != b.index) return a.index <=> b.index;
    return a.after <=> b.after;
  }
};
/// Compared member by member, in this order. For a timer: `time` is the deadline and `arrival` that
/// of the event that set it.
struct OrderKey {
  EventTime time;  // engine time
  Phase phase = Phase::kEvent;
  ArrivalNumber arrival;
  std::uint32_t level = 0;
  std::uint32_t rule = 0;  // the rule's ordinal in the plan
  std::uint32_t role = 0;  // place of the role in `by`
  std::string key;         // key bytes (cep/value/key.h)
  std::uint32_t ordinal = 0;
  std::uint32_t after = 0;  // the cause's, where it is an alert: what ordinals are counted by
  friend auto operator<=>(const OrderKey&, const OrderKey&) = default;
  friend bool operator==(const OrderKey&, const OrderKey&) = default;
};
/// The place of what an event raises at its engine time, all but level, rule, role, key, ordinal.
inline OrderKey order_at_event(EventTime time, ArrivalNumber event) {
  OrderKey order;
  order.time = time;
  order.phase = event.phase();
  order.arrival = event.cause();
  order.after = event.after;
  return order;
}
/// The same at a deadline that an event set.
inline OrderKey order_at_deadline(EventTime deadline, ArrivalNumber event) {
  OrderKey order = order_at_event(deadline, event);
  order.phase = Phase::kTimer;
  return order;
}
}  // namespace tocsin::cep
