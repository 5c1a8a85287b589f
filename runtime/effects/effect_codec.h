/// Keys and values of the effect store, drawn in docs/decisions/0012-alert-store.md.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/byte_codec.h"
#include "cep/base/result.h"
#include "runtime/effects/effect_rows.h"
#include "runtime/effects/effects.h"
#include "runtime/effects/emitted_mark.h"
#include "runtime/store/store.h"

namespace tocsin::runtime {
inline constexpr std::uint32_t kEffectFormat = 1;
/// Of a store that has read topics of alerts: programs that know format 1 alone would not tell
/// those alerts from the engine's in a replay.
inline constexpr std::uint32_t kInboxFormat = 2;

/// Places among effect_families().
inline constexpr StoreFamily kMetaFamily{0};
inline constexpr StoreFamily kAlertFamily{1};
inline constexpr StoreFamily kAlertIdFamily{2};
inline constexpr StoreFamily kOutboxFamily{3};
inline constexpr StoreFamily kLateFamily{4};
inline constexpr StoreFamily kDeadFamily{5};
/// What people and deliveries add to alerts; api/ writes these.
inline constexpr StoreFamily kTriageFamily{6};
inline constexpr StoreFamily kSubscriptionFamily{7};
inline constexpr StoreFamily kDeliveryFamily{8};
inline constexpr StoreFamily kNoticeFamily{9};
inline constexpr StoreFamily kAnswerFamily{10};
inline constexpr StoreFamily kAuditFamily{11};
/// Which requests events and alerts came with.
inline constexpr StoreFamily kTraceFamily{12};
/// Alerts that do not go to an endpoint by themselves.
inline constexpr StoreFamily kWithheldFamily{13};
/// What goes in their stead, and what that is decided by; silences. api/ writes these.
inline constexpr StoreFamily kMessageFamily{14};
inline constexpr StoreFamily kSilenceFamily{15};
constexpr StoreFamily family_of(SideOutputKind kind) {
  return kind == SideOutputKind::kLate ? kLateFamily : kDeadFamily;
}

/// Keys of the family of single facts.
inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kMarkKey = "mark";
inline constexpr std::string_view kTotalsKey = "totals";
inline constexpr std::string_view kCauseKey = "cause";
inline constexpr std::string_view kTimelinePrefix = "timeline/";
inline constexpr std::string_view kEndpointPrefix = "endpoint/";
inline constexpr std::string_view kOwedToKey = "owed to";
inline constexpr std::string_view kInboxPlacePrefix = "inbox/place/";  // and the partition's name
inline constexpr std::string_view kInboxDeadKey = "inbox/dead";        // dead letters so far
constexpr std::string_view gone_key_of(SideOutputKind kind) {
  return kind == SideOutputKind::kLate ? "gone/late" : "gone/dead";
}
std::string timeline_key(std::uint32_t ordinal);
std::string endpoint_key(EndpointId endpoint);
std::string encode_endpoints(const std::vector<EndpointId>& endpoints);
Result<std::vector<EndpointId>> decode_endpoints(std::string_view value);

std::string alert_key(std::uint64_t number);
/// All keys of an alert's id begin with it. Nothing for what is not 32 lower-case hex digits.
std::optional<std::string> alert_id_prefix(std::string_view id);
/// The bytes of an alert's id as two numbers, big endian: in the order of the keys.
struct AlertId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const AlertId&, const AlertId&) = default;
};
/// Of 32 lower-case hex digits; nothing for anything else.
std::optional<AlertId> read_alert_id(std::string_view id);
void append_alert_id_key(std::string& to, AlertId id, std::uint64_t number);
std::string outbox_key(EndpointId endpoint, std::uint64_t number);
/// Of an event's trace, by timeline and arrival; and of an alert's, by number.
std::string event_trace_key(std::uint32_t timeline, cep::ArrivalNumber arrival);
std::string alert_trace_key(std::uint64_t number);
std::string withheld_key(std::uint64_t number, EndpointId endpoint);
std::string side_output_key(std::uint32_t timeline, cep::ArrivalNumber arrival);

struct EffectFormat {
  std::uint32_t format = 0;
  std::uint32_t semantics = 0;
};
std::string encode_format(const EffectFormat& format);
std::string encode_totals(const EffectTotals& totals);
std::string encode_mark(const EmittedMark& mark);
std::string encode_cause(std::uint64_t record);
std::string inbox_place_key(std::string_view source);
std::string encode_inbox_place(const InboxPlace& place);  // its source is in the key
std::string encode_timeline(const TimelineRow& row);      // its ordinal is in the key
std::string encode_side_output(
    const SideOutputRow& row);                        // kind, timeline and arrival are in the key
std::string encode_outbox(const OutboxRow& row);      // its number is in the key
std::string encode_withheld(const WithheldRow& row);  // its endpoint is in the key

/// The value of an alert; its number is in the key. `id`: read_alert_id() of the alert's.
void write_alert(ByteWriter& to, const StoredAlert& alert, AlertId id);

/// Errors of all: kCorrupt.
Result<EffectFormat> decode_format(std::string_view value);
Result<EffectTotals> decode_totals(std::string_view value);
Result<EmittedMark> decode_mark(std::string_view value);
Result<std::uint64_t> decode_cause(std::string_view value);
Result<InboxPlace> decode_inbox_place(std::string_view key, std::string_view value);
Result<TimelineRow> decode_timeline(std::string_view key, std::string_view value);
Result<StoredAlert> decode_alert(std::string_view key, std::string_view value);
Result<SideOutputRow> decode_side_output(SideOutputKind kind, std::string_view key,
                                         std::string_view value);
Result<OutboxRow> decode_outbox(std::string_view key, std::string_view value);
Result<WithheldRow> decode_withheld(std::string_view key, std::string_view value);
Result<std::uint64_t> decode_number(std::string_view key, std::size_t prefix_bytes);
}  // namespace tocsin::runtime
