#include "runtime/stages/line_message.h"

namespace tocsin::runtime {
namespace {
// The length of what cep::identity_of_fields() gives.
constexpr std::size_t kIdentityBytes = 21;
constexpr std::size_t kTaggedBytes = kIdentityBytes + sizeof(std::uint64_t);

bool is_time(cep::EventTime time) {
  return time >= cep::kEventTimeMin && time <= cep::kEventTimeMax;
}
}  // namespace

void write_line_message(ByteWriter& to, const LineMessage& line) {
  to.signed_varint(line.engine_time.us);
  to.varint(line.arrival.record);
  to.varint(line.arrival.index);
  // Unsigned: the difference of any two times fits.
  to.varint(static_cast<std::uint64_t>(line.engine_time.us) -
            static_cast<std::uint64_t>(line.ts.us));
  to.text(line.source);
  to.varint(line.number);
  to.varint(line.identity.empty() ? 0 : kTaggedBytes);
  if (!line.identity.empty()) {
    to.raw(line.identity);
    to.u64(line.identity_tag);
  }
  to.text(line.text);
}

bool read_line_message(ByteReader& from, LineMessage& line) {
  line.engine_time.us = from.signed_varint();
  line.arrival = {};
  line.arrival.record = from.varint();
  line.arrival.index = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  if (!from.ok() || !is_time(line.engine_time)) return false;
  line.ts.us = static_cast<std::int64_t>(static_cast<std::uint64_t>(line.engine_time.us) -
                                         from.varint_up_to(std::uint64_t{1} << 63U));
  line.source = from.text();
  line.number = from.varint();
  const std::string_view tagged = from.text();
  line.text = from.text();
  if (!from.is_done() || !is_time(line.ts) || line.text.empty()) return false;
  line.identity = {};
  line.identity_tag = 0;
  if (tagged.empty()) return true;
  if (tagged.size() != kTaggedBytes && tagged.size() != kIdentityBytes) return false;
  line.identity = tagged.substr(0, kIdentityBytes);
  // A build before did not say of which rules it was.
  if (tagged.size() == kTaggedBytes)
    line.identity_tag = ByteReader(tagged.substr(kIdentityBytes)).u64();
  return true;
}

cep::KeyGroup group_of_id(const IdBits& id) {
  return {static_cast<std::uint32_t>(id[1] % cep::kKeyGroupCount)};
}
cep::KeyGroup group_of_identity(std::string_view identity) { return cep::key_group(identity); }
cep::KeyGroup group_of_arrival(cep::ArrivalNumber arrival) {
  return {static_cast<std::uint32_t>((arrival.record ^ arrival.index) % cep::kKeyGroupCount)};
}
}  // namespace tocsin::runtime
