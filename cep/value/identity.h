/// Event identities and alert ids. Format 1, golden vectors in tests/golden/identities.txt.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cep/value/text_buffer.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::cep {
using Digest = std::array<std::uint8_t, 32>;
/// SHA-256.
Digest sha256(std::string_view bytes);
/// Lower-case hex of any bytes.
std::string hex(std::span<const std::uint8_t> bytes);

/// The identity of one event: canonical bytes, and the text that an alert shows.
struct EventIdentity {
  std::string bytes;
  std::string text;
};
/// Of an event whose schema marks an `id` field: 'i', u32 big endian length of the type's name, the
/// name, the key part bytes (cep/value/key.h) of the value; the text is to_text(value). A missing
/// value has an empty payload and text.
EventIdentity identity_of_id(std::string_view event_type, const Value& id);
/// Appends the bytes of that.
void append_identity_of_id(std::string& out, std::string_view event_type, const Value& id);
/// Of an event without one: 'd', the first 16 bytes of SHA-256 over the type's name
/// (length-prefixed like all here: u32 big endian) and all declared fields in order (for each: u8 1
/// and its key part bytes length-prefixed, or u8 0 when missing), then u32 big endian `number`, its
/// number among equals at its time (0 for the first). The text is 32 hex digits, `-number` after
/// them when not 0.
EventIdentity identity_of_fields(std::string_view event_type, std::span<const Value> fields,
                                 std::uint32_t number);
/// The identity that has these bytes, of those that identity_of_fields() gives.
EventIdentity identity_of_bytes(std::string_view bytes);
/// Of an alert taken as an event: 'a' and its id; the text is the id.
EventIdentity identity_of_alert(std::string_view alert_id);
/// What stands for a closing window's events in its alert's id: 'w', i64 big endian begin and end
/// in us. A session begins with its first opening event, a tumbling window where it is aligned.
std::string identity_of_window(EventTime begin, EventTime end);
/// What stands for the events of a match that its alert does not list.
std::string identity_of_omitted(std::uint64_t events);

/// The alert's id as 32 hex digits: the first 128 bits of SHA-256 over "tocsin-alert-1", then
/// length-prefixed (u32 big endian) rule id and key bytes, i64 big endian alert time in us, u32
/// count and length-prefixed identities of the bound events in the order taken, u32 ordinal: its
/// number among alerts that are equal in all of these.
std::string alert_id(std::string_view rule_id, std::string_view key_bytes, EventTime time,
                     std::span<const std::string> identities, std::uint32_t ordinal);
/// The first 128 bits of that digest.
using AlertDigest = std::array<std::uint8_t, 16>;
AlertDigest alert_digest(std::string_view rule_id, std::string_view key_bytes, EventTime time,
                         std::span<const std::string> identities, std::uint32_t ordinal);
/// Makes digests of alerts one after the other, in memory that is kept.
class AlertDigester {
 public:
  /// An alert whose identities follow by add(), `count` of them.
  void begin(std::string_view rule_id, std::string_view key_bytes, EventTime time,
             std::size_t count);
  void add(std::string_view identity);
  /// May be asked for several ordinals.
  AlertDigest digest(std::uint32_t ordinal);

 private:
  TextBuffer contents_;
};
/// The id that a digest is shown as.
inline std::string alert_id(const AlertDigest& digest) { return hex(digest); }
/// Appends that id.
void append_alert_id(TextBuffer& out, const AlertDigest& digest);
/// The digest that an id shows; nothing for another text.
std::optional<AlertDigest> read_alert_digest(std::string_view alert_id);
}  // namespace tocsin::cep
