/// Up to where a timeline's alerts are stored: what checkpoints and the effect store both keep.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "cep/base/byte_codec.h"
#include "cep/value/order.h"

namespace tocsin::runtime {
/// The last alert that was numbered. Every alert of the timeline up to `order` has a number up to
/// `number`, every later one a greater number. In a checkpoint the number of the last may be
/// greater, by alerts that topics brought: those up to `order` are then passed over.
struct EmittedMark {
  std::array<std::uint8_t, 16> timeline{};
  std::optional<cep::OrderKey> order;  // absent: no alert yet
  std::uint64_t number = 0;            // of the last alert; also of what was before the timeline
  friend bool operator==(const EmittedMark&, const EmittedMark&) = default;
};
/// Its bytes; equal marks have equal bytes.
void write_mark(const EmittedMark& mark, ByteWriter& to);
/// Reads what that wrote; the reader is not ok() after anything else.
EmittedMark read_mark(ByteReader& from);
/// For messages: "2026-03-02T12:01:00Z, record 812, line 4".
std::string describe_order(const cep::OrderKey& order);
}  // namespace tocsin::runtime
