#include "runtime/effects/effect_codec.h"

#include "cep/base/byte_codec.h"
#include "cep/value/identity.h"
#include "cep/value/order_codec.h"

namespace tocsin::runtime {
namespace {
using Bytes16 = std::array<std::uint8_t, 16>;

std::string_view view(const Bytes16& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
Bytes16 read_bytes16(ByteReader& from) {
  Bytes16 bytes{};
  const std::string_view read = from.raw(bytes.size());
  for (std::size_t i = 0; i < read.size(); ++i) bytes[i] = static_cast<std::uint8_t>(read[i]);
  return bytes;
}
std::uint32_t read_u32(ByteReader& from) {
  return static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
}
constexpr std::uint8_t kNoDigit = 0x10;
constexpr std::array<std::uint8_t, 256> kDigits = [] {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::uint8_t i = 0; i < 10; ++i) digits[std::size_t{'0'} + i] = i;
  for (std::uint8_t i = 10; i < 16; ++i) digits[std::size_t{'a'} + i - 10] = i;
  return digits;
}();
std::uint8_t digit_of(char letter) { return kDigits[static_cast<unsigned char>(letter)]; }
tl::unexpected<Error> damaged(const char* what) {
  return fail(Errc::kCorrupt,
              std::string("the alert store holds ") + what + " that this program did not write");
}
}  // namespace

std::string timeline_key(std::uint32_t ordinal) {
  std::string key(kTimelinePrefix);
  append_key_u32(key, ordinal);
  return key;
}
std::string endpoint_key(EndpointId endpoint) {
  return std::string(kEndpointPrefix).append(view(endpoint.bytes));
}
std::string encode_endpoints(const std::vector<EndpointId>& endpoints) {
  std::string value;
  for (const EndpointId& endpoint : endpoints) value += view(endpoint.bytes);
  return value;
}
Result<std::vector<EndpointId>> decode_endpoints(std::string_view value) {
  std::vector<EndpointId> endpoints;
  ByteReader reader(value);
  while (!reader.is_done()) {
    endpoints.push_back({read_bytes16(reader)});
    if (!reader.ok()) return fail(Errc::kCorrupt, "the alert store's `owed to` is damaged");
  }
  return endpoints;
}
std::string alert_key(std::uint64_t number) {
  std::string key;
  append_key_u64(key, number);
  return key;
}
std::optional<std::string> alert_id_prefix(std::string_view id) {
  const std::optional<AlertId> read = read_alert_id(id);
  if (!read) return std::nullopt;
  std::string prefix;
  append_key_u64(prefix, read->high);
  append_key_u64(prefix, read->low);
  return prefix;
}
std::optional<AlertId> read_alert_id(std::string_view id) {
  constexpr std::size_t kDigitsOfHalf = 16;
  if (id.size() != 2 * kDigitsOfHalf) return std::nullopt;
  unsigned seen = 0;
  const auto half = [&](std::string_view digits) {
    std::uint64_t number = 0;
    for (const char letter : digits) {
      const std::uint8_t digit = digit_of(letter);
      seen |= digit;
      number = number << 4 | digit;
    }
    return number;
  };
  const AlertId read{half(id.substr(0, kDigitsOfHalf)), half(id.substr(kDigitsOfHalf))};
  if ((seen & kNoDigit) != 0) return std::nullopt;
  return read;
}
void append_alert_id_key(std::string& to, AlertId id, std::uint64_t number) {
  append_key_u64(to, id.high);
  append_key_u64(to, id.low);
  append_key_u64(to, number);
}
std::string outbox_key(EndpointId endpoint, std::uint64_t number) {
  std::string key(view(endpoint.bytes));
  append_key_u64(key, number);
  return key;
}
std::string event_trace_key(std::uint32_t timeline, cep::ArrivalNumber arrival) {
  return "r" + side_output_key(timeline, arrival);
}
std::string alert_trace_key(std::uint64_t number) { return "a" + alert_key(number); }
std::string side_output_key(std::uint32_t timeline, cep::ArrivalNumber arrival) {
  std::string key;
  append_key_u32(key, timeline);
  append_key_u64(key, arrival.record);
  append_key_u32(key, arrival.index);
  return key;
}

std::string encode_format(const EffectFormat& format) {
  std::string value;
  ByteWriter to(value);
  to.u32(format.format);
  to.u32(format.semantics);
  return value;
}
Result<EffectFormat> decode_format(std::string_view value) {
  ByteReader from(value);
  EffectFormat format;
  format.format = from.u32();
  format.semantics = from.u32();
  // What comes after these is for a later format to say.
  if (!from.ok()) return damaged("a format");
  return format;
}

std::string encode_totals(const EffectTotals& totals) {
  std::string value;
  ByteWriter to(value);
  for (const std::uint64_t number :
       {totals.alerts, totals.alert_bytes, totals.late, totals.late_bytes, totals.dead,
        totals.dead_bytes, totals.first_number, totals.removed_number}) {
    to.u64(number);
  }
  return value;
}
Result<EffectTotals> decode_totals(std::string_view value) {
  ByteReader from(value);
  EffectTotals totals;
  for (std::uint64_t* const number :
       {&totals.alerts, &totals.alert_bytes, &totals.late, &totals.late_bytes, &totals.dead,
        &totals.dead_bytes, &totals.first_number, &totals.removed_number}) {
    *number = from.u64();
  }
  if (!from.is_done()) return damaged("totals");
  return totals;
}

std::string encode_mark(const EmittedMark& mark) {
  std::string value;
  ByteWriter to(value);
  write_mark(mark, to);
  return value;
}
Result<EmittedMark> decode_mark(std::string_view value) {
  ByteReader from(value);
  EmittedMark mark = read_mark(from);
  if (!from.is_done()) return damaged("an emitted mark");
  return mark;
}

std::string encode_cause(std::uint64_t record) {
  std::string value;
  ByteWriter(value).u64(record);
  return value;
}
Result<std::uint64_t> decode_cause(std::string_view value) {
  ByteReader from(value);
  const std::uint64_t record = from.u64();
  if (!from.is_done()) return damaged("a cause");
  return record;
}

std::string inbox_place_key(std::string_view source) {
  return std::string(kInboxPlacePrefix).append(source);
}
std::string encode_inbox_place(const InboxPlace& place) {
  std::string value;
  ByteWriter to(value);
  to.varint(place.next_offset);
  to.text(place.identity);
  return value;
}
Result<InboxPlace> decode_inbox_place(std::string_view key, std::string_view value) {
  InboxPlace place;
  if (key.size() <= kInboxPlacePrefix.size()) return damaged("a place of a topic");
  place.source = key.substr(kInboxPlacePrefix.size());
  ByteReader from(value);
  place.next_offset = from.varint();
  place.identity = from.text();
  if (!from.is_done()) return damaged("a place of a topic");
  return place;
}

std::string encode_timeline(const TimelineRow& row) {
  std::string value;
  ByteWriter to(value);
  to.raw(view(row.id));
  to.raw(view(row.parent));
  to.varint(row.number_before);
  to.u8(row.order_before ? 1 : 0);
  if (row.order_before) cep::write_order(*row.order_before, to);
  return value;
}
Result<TimelineRow> decode_timeline(std::string_view key, std::string_view value) {
  TimelineRow row;
  if (key.size() != kTimelinePrefix.size() + 4) return damaged("a timeline");
  row.ordinal = read_key_u32(key.substr(kTimelinePrefix.size()));
  ByteReader from(value);
  row.id = read_bytes16(from);
  row.parent = read_bytes16(from);
  row.number_before = from.varint();
  if (from.varint_up_to(1) == 1) row.order_before = cep::read_order(from);
  if (!from.is_done()) return damaged("a timeline");
  return row;
}

void write_alert(ByteWriter& to, const StoredAlert& alert, AlertId id) {
  to.varint(alert.timeline);
  to.varint(alert.repeat_of);
  to.i64(alert.stored_at.us);
  to.varint(alert.revision);
  to.u8(alert.is_live ? 1 : 0);
  to.varint(static_cast<std::uint64_t>(alert.severity));
  to.i64(alert.ts.us);
  to.u64(__builtin_bswap64(id.high));
  to.u64(__builtin_bswap64(id.low));
  to.text(alert.rule);
  cep::write_order(alert.order, to);
  to.text(alert.line);
  if (alert.timeline != 0) return;
  to.text(alert.source);
  to.varint(alert.offset);
}
Result<StoredAlert> decode_alert(std::string_view key, std::string_view value) {
  StoredAlert alert;
  if (key.size() != 8) return damaged("an alert");
  alert.number = read_key_u64(key);
  ByteReader from(value);
  alert.timeline = read_u32(from);
  alert.repeat_of = from.varint();
  alert.stored_at.us = from.i64();
  alert.revision = from.varint();
  alert.is_live = from.varint_up_to(1) == 1;
  alert.severity = static_cast<cep::Severity>(
      from.varint_up_to(static_cast<std::uint64_t>(cep::Severity::kCritical)));
  alert.ts.us = from.i64();
  const Bytes16 id = read_bytes16(from);
  alert.id = cep::hex(id);
  alert.rule = from.text();
  alert.order = cep::read_order(from);
  alert.line = from.text();
  if (alert.timeline == 0) {
    alert.source = from.text();
    alert.offset = from.varint();
  }
  if (!from.is_done()) return damaged("an alert");
  return alert;
}

std::string encode_side_output(const SideOutputRow& row) {
  std::string value;
  value.reserve(row.text.size() + row.source.size() + row.reason.size() + 48);
  ByteWriter to(value);
  to.u64(row.reinjected_as);  // of a fixed size: to set it changes no totals
  to.i64(row.taken_at.us);
  to.varint(row.line);
  to.i64(row.late_by.us);
  to.text(row.source);
  to.text(row.reason);
  to.text(row.text);
  return value;
}
Result<SideOutputRow> decode_side_output(SideOutputKind kind, std::string_view key,
                                         std::string_view value) {
  SideOutputRow row;
  row.kind = kind;
  if (key.size() != 16) return damaged("an event set aside");
  row.timeline = read_key_u32(key);
  row.arrival.record = read_key_u64(key.substr(4));
  row.arrival.index = read_key_u32(key.substr(12));
  ByteReader from(value);
  row.reinjected_as = from.u64();
  row.taken_at.us = from.i64();
  row.line = from.varint();
  row.late_by.us = from.i64();
  row.source = from.text();
  row.reason = from.text();
  row.text = from.text();
  if (!from.is_done()) return damaged("an event set aside");
  return row;
}

std::string encode_outbox(const OutboxRow& row) {
  std::string value;
  ByteWriter to(value);
  to.varint(row.attempts);
  to.i64(row.due.us);
  to.varint(static_cast<std::uint64_t>(row.last_status));
  to.u8(row.is_dead ? 1 : 0);
  to.text(row.last_error);
  if (row.part_of != 0) to.u64(row.part_of);  // stores from before had none
  return value;
}
Result<OutboxRow> decode_outbox(std::string_view key, std::string_view value) {
  OutboxRow row;
  if (key.size() != 24) return damaged("a delivery");
  row.number = read_key_u64(key.substr(16));
  ByteReader from(value);
  row.attempts = read_u32(from);
  row.due.us = from.i64();
  row.last_status = static_cast<int>(from.varint_up_to(999));
  row.is_dead = from.varint_up_to(1) == 1;
  row.last_error = from.text();
  if (from.left() > 0) row.part_of = from.u64();
  if (!from.is_done()) return damaged("a delivery");
  return row;
}

std::string withheld_key(std::uint64_t number, EndpointId endpoint) {
  std::string key = alert_key(number);
  key.append(reinterpret_cast<const char*>(endpoint.bytes.data()), endpoint.bytes.size());
  return key;
}
std::string encode_withheld(const WithheldRow& row) {
  std::string value;
  ByteWriter to(value);
  to.u8(static_cast<std::uint8_t>(row.kind));
  to.u64(row.message);
  to.text(row.silence);
  return value;
}
Result<WithheldRow> decode_withheld(std::string_view key, std::string_view value) {
  WithheldRow row;
  if (key.size() != 8 + row.endpoint.bytes.size()) return damaged("a delivery that was withheld");
  for (std::size_t i = 0; i < row.endpoint.bytes.size(); ++i)
    row.endpoint.bytes[i] = static_cast<std::uint8_t>(key[8 + i]);
  ByteReader from(value);
  const std::uint8_t kind = from.u8();
  row.kind = static_cast<WithheldKind>(kind);
  row.message = from.u64();
  row.silence = from.text();
  const bool is_known = kind >= static_cast<std::uint8_t>(WithheldKind::kSilenced) &&
                        kind <= static_cast<std::uint8_t>(WithheldKind::kGrouped);
  if (!from.is_done() || !is_known) return damaged("a delivery that was withheld");
  return row;
}
Result<std::uint64_t> decode_number(std::string_view key, std::size_t prefix_bytes) {
  if (key.size() != prefix_bytes + 8) return damaged("a number");
  return read_key_u64(key.substr(prefix_bytes));
}
}  // namespace tocsin::runtime
