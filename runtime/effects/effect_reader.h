/// What the effect store holds, for those who list, copy or deliver it; also beside a live owner.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/effects/effect_rows.h"
#include "runtime/effects/effects.h"
#include "runtime/effects/emitted_mark.h"
#include "runtime/store/store.h"

namespace tocsin::runtime {
/// The families that a store of effects is opened with, and their places.
std::vector<std::string> effect_families();

/// Threading: any.
class EffectReader {
 public:
  /// Over a store that was opened with effect_families(), which must outlive this. Errors:
  /// kOtherVersion for a newer format, naming both; kCorrupt; kNotFound for a store that holds no
  /// effects yet.
  static Result<EffectReader> open(const StoreReader& store);

  /// False ends the listing.
  using AlertVisitor = std::function<bool(const StoredAlert&)>;
  using SideOutputVisitor = std::function<bool(const SideOutputRow&)>;
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
  struct SideOutputPlace {
    std::uint32_t timeline = 0;
    cep::ArrivalNumber arrival;
  };
  Result<void> side_output(SideOutputKind kind, const SideOutputVisitor& visit,
                           const std::optional<SideOutputPlace>& after = {}) const;
  Result<std::optional<SideOutputRow>> side_output_row(SideOutputKind kind, std::uint32_t timeline,
                                                       cep::ArrivalNumber arrival) const;
  /// Deliveries owed to `endpoint` with numbers >= `from`, in order: alerts, then messages.
  Result<void> outbox(EndpointId endpoint, std::uint64_t from, const OutboxVisitor& visit) const;
  /// Why an alert does not go to some endpoints by itself, by endpoint.
  Result<std::vector<WithheldRow>> withheld(std::uint64_t number) const;
  Result<std::vector<EndpointRow>> endpoints() const;
  /// Up to where partitions of topics of alerts were taken, by name.
  Result<std::vector<InboxPlace>> inbox_places() const;
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
