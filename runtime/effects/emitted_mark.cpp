#include "runtime/effects/emitted_mark.h"

#include <fmt/format.h>

#include <string_view>

namespace tocsin::runtime {
void write_order(const cep::OrderKey& order, ByteWriter& to) {
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

cep::OrderKey read_order(ByteReader& from) {
  const auto u32 = [&] { return static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX)); };
  cep::OrderKey order;
  order.time.us = from.i64();
  order.phase = from.varint_up_to(1) == 0 ? cep::Phase::kTimer : cep::Phase::kEvent;
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

void write_mark(const EmittedMark& mark, ByteWriter& to) {
  to.raw({reinterpret_cast<const char*>(mark.timeline.data()), mark.timeline.size()});
  to.varint(mark.number);
  to.u8(mark.order ? 1 : 0);
  if (mark.order) write_order(*mark.order, to);
}

EmittedMark read_mark(ByteReader& from) {
  EmittedMark mark;
  const std::string_view timeline = from.raw(mark.timeline.size());
  for (std::size_t i = 0; i < timeline.size(); ++i)
    mark.timeline[i] = static_cast<std::uint8_t>(timeline[i]);
  mark.number = from.varint();
  if (from.varint_up_to(1) == 1) mark.order = read_order(from);
  return mark;
}

std::string describe_order(const cep::OrderKey& order) {
  return fmt::format("{}, {} arrival {}:{}", cep::format_time(order.time),
                     order.phase == cep::Phase::kTimer ? "a timer of" : "at", order.arrival.record,
                     order.arrival.index);
}
}  // namespace tocsin::runtime
