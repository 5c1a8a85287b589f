/// What the effect store holds, for those who list, copy or deliver it; also beside a live owner.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/effects/effects.h"
#include "runtime/effects/emitted_mark.h"
#include "runtime/store/store.h"

namespace tocsin::runtime {
/// The families that a store of effects is opened with, and their places.
std::vector<std::string> effect_families();

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
enum class WithheldKind : std::uint8_t { kSilenced = 1, kBraked, kGrouped };
/// Why an alert does not go to an endpoint by itself. Kept as long as the alert.
struct WithheldRow {
  EndpointId endpoint;
  WithheldKind kind = WithheldKind::kSilenced;
  std::string silence = {};   // kSilenced: its id
  std::uint64_t message = 0;  // kBraked: which stands for it; kGrouped: which it goes with
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

/// Threading: any.
class EffectReader {
 public:
  /// Over a store that was opened with effect_families(), which must outlive this. Errors: kRefused
  /// for a newer format, naming both; kCorrupt; kNotFound for a store that holds no effects yet.
  static Result<EffectReader> open(const StoreReader& store);

  /// False ends the listing.
  using AlertVisitor = std::function<bool(const StoredAlert&)>;
  using AsideVisitor = std::function<bool(const AsideRow&)>;
  using OutboxVisitor = std::function<bool(const OutboxRow&)>;
  /// Alerts with numbers >= `from`, in order. Errors: kCorrupt, kIo, as everywhere here.
  Result<void> alerts(std::uint64_t from, const AlertVisitor& visit) const;
  /// From `from` down.
  Result<void> alerts_before(std::uint64_t from, const AlertVisitor& visit) const;
  Result<std::optional<StoredAlert>> alert(std::uint64_t number) const;
  /// The `traceparent` of the event that raised the alert of this number; empty: none is known.
  Result<std::string> trace_of(std::uint64_t number) const;
  /// Numbers of the alerts with that id (32 hex digits), one for each timeline that raised it.
  Result<std::vector<std::uint64_t>> numbers_of(std::string_view id) const;
  /// Rows set aside of one kind, by timeline and arrival: all, or those behind `after`.
  struct AsidePlace {
    std::uint32_t timeline = 0;
    cep::ArrivalNumber arrival;
  };
  Result<void> aside(AsideKind kind, const AsideVisitor& visit,
                     const std::optional<AsidePlace>& after = {}) const;
  Result<std::optional<AsideRow>> aside_row(AsideKind kind, std::uint32_t timeline,
                                            cep::ArrivalNumber arrival) const;
  /// Deliveries owed to `endpoint` with numbers >= `from`, in order: alerts, then messages.
  Result<void> outbox(EndpointId endpoint, std::uint64_t from, const OutboxVisitor& visit) const;
  /// Why an alert does not go to some endpoints by itself, by endpoint.
  Result<std::vector<WithheldRow>> withheld(std::uint64_t number) const;
  Result<std::vector<EndpointRow>> endpoints() const;
  Result<EmittedMark> mark() const;
  /// The last journal record of the mark's timeline of which something is stored; 0: none is known.
  Result<std::uint64_t> cause() const;
  Result<std::vector<TimelineRow>> timelines() const;
  Result<EffectTotals> totals() const;

 private:
  friend class EffectStore;
  explicit EffectReader(const StoreReader& store) : store_(&store) {}
  const StoreReader* store_;
};
}  // namespace tocsin::runtime
