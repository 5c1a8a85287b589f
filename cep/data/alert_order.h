/// What is asked of alerts' places in the one total order while they are raised.
#pragma once
#include <tuple>

#include "cep/value/order.h"

namespace tocsin::cep {
/// Cause and level: all that a rule raises at one cause has one such place.
inline auto level_place(const OrderKey& order) {
  return std::tie(order.time, order.phase, order.arrival, order.level);
}
/// Whether alert `a` comes before `b` where their ordinals were not yet counted through.
inline bool is_raised_before(const OrderKey& a, const OrderKey& b) {
  const auto place = [](const OrderKey& x) {
    return std::tie(x.time, x.phase, x.arrival, x.level, x.rule, x.role, x.key, x.after, x.ordinal);
  };
  return place(a) < place(b);
}
/// Several events of alerts may have one cause. What a rule raises at them is counted through:
/// `order` gets the ordinal that comes after `before`, the alert directly before it.
inline void count_through(const OrderKey& before, OrderKey& order) {
  OrderKey same = before;
  same.ordinal = order.ordinal;
  same.after = order.after;
  if (same == order) order.ordinal = before.ordinal + 1;
}
}  // namespace tocsin::cep
