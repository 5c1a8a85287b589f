/// Rows of the effect store.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/value/time.h"

namespace tocsin::runtime {
/// What an endpoint is known by over restarts: a digest of its name (a URL), which may hold a
/// secret and is not kept.
struct EndpointId {
  std::array<std::uint8_t, 16> bytes{};
  static EndpointId of(std::string_view name);
  friend auto operator<=>(const EndpointId&, const EndpointId&) = default;
};
/// What goes to an endpoint and is no single alert, a message, has a number of its own: with this
/// bit, which no alert's number has.
inline constexpr std::uint64_t kMessageBit = std::uint64_t{1} << 63;
constexpr bool is_message(std::uint64_t number) { return (number & kMessageBit) != 0; }

/// A delivery that is owed.
struct OutboxRow {
  std::uint64_t number = 0;    // the alert's, or a message's
  std::uint32_t attempts = 0;  // that have failed
  /// Processing time of the next attempt, 0: at once; of a dead one when that was found, 0:
  /// unknown.
  cep::EventTime due;
  int last_status = 0;  // HTTP, of the last attempt; 0: no answer, or no attempt
  std::string last_error;
  bool is_dead = false;       // its schedule was used up: tried again at the next start
  std::uint64_t part_of = 0;  // the message that the alert goes with; 0: it goes by itself
};
enum class WithheldKind : std::uint8_t { kSilenced = 1, kRateCapped, kGrouped };
/// Why an alert does not go to an endpoint by itself. Kept as long as the alert.
struct WithheldRow {
  EndpointId endpoint;
  WithheldKind kind = WithheldKind::kSilenced;
  std::string silence = {};   // kSilenced: its id
  std::uint64_t message = 0;  // kRateCapped: which stands for it; kGrouped: which it goes with
};
struct EndpointRow {
  EndpointId id;
  std::string shown;
  std::uint64_t owed = 0;
};
/// Rows, and bytes of lines and what belongs to them.
struct EffectTotals {
  std::uint64_t alerts = 0, alert_bytes = 0;
  std::uint64_t late = 0, late_bytes = 0;
  std::uint64_t dead = 0, dead_bytes = 0;
  /// Every alert with a lower number has been taken away by retention.
  std::uint64_t first_number = 1;
  /// The greatest number that retention has taken away; lower ones that were owed may be left.
  std::uint64_t removed_number = 0;
};
}  // namespace tocsin::runtime
