#include "cep/value/order_codec.h"

#include <cstdint>

namespace tocsin::cep {
void write_order(const OrderKey& order, ByteWriter& to) {
  to.i64(order.time.us);
  to.u8(static_cast<std::uint8_t>(order.phase));
  to.varint(order.arrival.record);
  to.varint(order.arrival.index);
  to.varint(order.arrival.after);
  to.varint(order.level);
  to.varint(order.rule);
  to.varint(order.role);
  to.text(order.key);
  to.varint(order.ordinal);
  to.varint(order.after);
}

OrderKey read_order(ByteReader& from) {
  const auto u32 = [&] { return static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX)); };
  OrderKey order;
  order.time.us = from.i64();
  order.phase = from.varint_up_to(1) == 0 ? Phase::kTimer : Phase::kEvent;
  order.arrival.record = from.varint();
  order.arrival.index = u32();
  order.arrival.after = u32();
  order.level = u32();
  order.rule = u32();
  order.role = u32();
  order.key = from.text();
  order.ordinal = u32();
  order.after = u32();
  return order;
}
}  // namespace tocsin::cep
