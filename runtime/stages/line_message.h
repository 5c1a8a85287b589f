/// A line on its way from a judge to the part of the intake that has its key group.
#pragma once
#include <cstdint>
#include <string_view>

#include "cep/base/byte_codec.h"
#include "cep/value/key.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/unique/recent_ids.h"

namespace tocsin::runtime {
struct LineMessage {
  cep::EventTime engine_time;
  cep::ArrivalNumber arrival;
  cep::EventTime ts;  // the event's own time, at or before engine_time
  std::string_view source;
  std::uint64_t number = 0;  // of the line
  /// The bytes of the event's identity, of number 0, where its type has no id field; else empty.
  std::string_view identity;
  std::uint64_t identity_tag = 0;  // of the rules that it is of (identities_tag()), if there is one
  std::string_view text;
};
void write_line_message(ByteWriter& to, const LineMessage& line);
/// Texts are borrowed. False for bytes that are none.
bool read_line_message(ByteReader& from, LineMessage& line);

/// The key group of an event that has an id: that of the id, whatever its type.
cep::KeyGroup group_of_id(const IdBits& id);
/// That of one whose type has none: equal events have one.
cep::KeyGroup group_of_identity(std::string_view identity);
/// That of one whose id is missing: any.
cep::KeyGroup group_of_arrival(cep::ArrivalNumber arrival);
}  // namespace tocsin::runtime
