/// A process with a store of effects on a model disk, and what such a store holds, for tests.
#pragma once
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/effects/effect_reader.h"
#include "runtime/effects/effect_store.h"
#include "tests/support/model_store.h"
#include "tests/support/random_effects.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
using namespace runtime;  // NOLINT(google-build-using-namespace): what is tested
using Timeline16 = std::array<std::uint8_t, 16>;

inline constexpr Timeline16 kFirst{1};
inline constexpr Timeline16 kSecond{2};
inline const EndpointId kHook = EndpointId::of("https://example.com/hook");
inline const EndpointId kOther = EndpointId::of("https://example.com/other");

/// A process that has a store of effects on a model disk.
class Process {
 public:
  explicit Process(ModelDisk& disk) : store_(*disk.open(effect_families())) {
    auto effects = EffectStore::open(*store_, clock, {});
    if (!effects) FAIL(effects.error().message);
    effects_ = std::move(*effects);
  }
  EffectStore* operator->() const { return effects_.get(); }
  EffectStore& operator*() const { return *effects_; }

  SimulatedClock clock;

 private:
  std::unique_ptr<Store> store_;
  std::unique_ptr<EffectStore> effects_;
};

inline SliceEffects with_alerts(std::uint64_t cause, std::vector<StoredAlert> alerts) {
  SliceEffects slice;
  slice.cause = cause;
  slice.alerts = std::move(alerts);
  return slice;
}
inline Result<CommitReport> commit(const Process& process, SliceEffects slice) {
  return process->commit({&slice, 1});
}
inline std::vector<StoredAlert> alerts_of(const EffectReader& reader, std::uint64_t from = 1) {
  std::vector<StoredAlert> alerts;
  REQUIRE(reader.alerts(from, [&](const StoredAlert& alert) {
    alerts.push_back(alert);
    return true;
  }));
  return alerts;
}
inline std::vector<std::uint64_t> numbers_of(const EffectReader& reader) {
  std::vector<std::uint64_t> numbers;
  for (const StoredAlert& alert : alerts_of(reader)) numbers.push_back(alert.number);
  return numbers;
}
inline std::vector<SideOutputRow> side_output_of(const EffectReader& reader, SideOutputKind kind) {
  std::vector<SideOutputRow> rows;
  REQUIRE(reader.side_output(kind, [&](const SideOutputRow& row) {
    rows.push_back(row);
    return true;
  }));
  return rows;
}
inline std::vector<std::uint64_t> owed_to(const EffectReader& reader, EndpointId endpoint) {
  std::vector<std::uint64_t> numbers;
  REQUIRE(reader.outbox(endpoint, 0, [&](const OutboxRow& row) {
    numbers.push_back(row.number);
    return true;
  }));
  return numbers;
}
using Numbers = std::vector<std::uint64_t>;
}  // namespace tocsin::tests
