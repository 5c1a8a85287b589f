/// A row's place in the one total order, by which all stages know it.
#pragma once
#include <compare>
#include <tuple>

#include "cep/base/index.h"
#include "cep/value/order.h"

namespace tocsin::cep {
/// The rows that have one cause stand in the order event, then alerts in theirs. Two events have
/// different arrival numbers.
struct RowPlace {
  OrderKey order;  // of an event that of order_at_event(); of an alert taken as one the alert's
  bool is_alert = false;
  EventTypeIndex type;

  friend std::strong_ordering operator<=>(const RowPlace& a, const RowPlace& b) {
    const auto cause = [](const RowPlace& x) {
      return std::tie(x.order.time, x.order.phase, x.order.arrival, x.is_alert);
    };
    if (const auto order = cause(a) <=> cause(b); order != 0) return order;
    if (const auto order = a.order <=> b.order; order != 0) return order;
    return a.type <=> b.type;
  }
  friend bool operator==(const RowPlace& a, const RowPlace& b) { return (a <=> b) == 0; }
  bool has_cause_of(const RowPlace& other) const {
    return order.time == other.order.time && order.phase == other.order.phase &&
           order.arrival == other.order.arrival;
  }
};
}  // namespace tocsin::cep
