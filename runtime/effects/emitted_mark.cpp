#include "runtime/effects/emitted_mark.h"

#include <fmt/format.h>

#include <string_view>

#include "cep/value/order_codec.h"

namespace tocsin::runtime {
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
  if (from.varint_up_to(1) == 1) mark.order = cep::read_order(from);
  return mark;
}

std::string describe_order(const cep::OrderKey& order) {
  return fmt::format("{}, {} arrival {}:{}", cep::format_time(order.time),
                     order.phase == cep::Phase::kTimer ? "a timer of" : "at", order.arrival.record,
                     order.arrival.index);
}
}  // namespace tocsin::runtime
