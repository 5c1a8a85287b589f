// What is counted as owed, seen from beside a write.
#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/effects/effect_store.h"
#include "tests/support/model_store.h"
#include "tests/support/random_effects.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
namespace {
using namespace runtime;

const EndpointId kHook = EndpointId::of("https://example.com/hook");

/// A store in which something happens as soon as a write can be seen, before its writer knows.
class WatchedStore : public Store {
 public:
  explicit WatchedStore(std::unique_ptr<Store> inner) : inner_(std::move(inner)) {}
  Result<std::optional<std::string>> get(StoreFamily family, std::string_view key) const override {
    return inner_->get(family, key);
  }
  Result<void> scan(StoreFamily family, const StoreRange& range,
                    const StoreVisitor& visit) const override {
    return inner_->scan(family, range, visit);
  }
  Result<std::uint64_t> approximate_bytes(StoreFamily family) const override {
    return inner_->approximate_bytes(family);
  }
  Result<StoreStats> stats() const override { return inner_->stats(); }
  Result<void> write(const StoreBatch& batch, bool sync) override {
    if (is_broken) return fail(Errc::kIo, "no");
    Result<void> written = inner_->write(batch, sync);
    if (const auto then = std::exchange(seen, {})) then();
    return written;
  }

  bool is_broken = false;
  std::function<void()> seen;  // once

 private:
  std::unique_ptr<Store> inner_;
};
}  // namespace

TEST_CASE("effect store: who sees an alert sees it owed, and may settle it at once") {
  ModelDisk disk;
  WatchedStore store(*disk.open(effect_families()));
  SimulatedClock clock;
  const auto opened = EffectStore::open(store, clock, {});
  REQUIRE(opened);
  EffectStore& effects = **opened;
  REQUIRE(effects.begin_timeline({1}, {}, {}));
  REQUIRE(effects.set_endpoints({kHook}));
  SliceEffects slice;
  slice.cause = 1;
  slice.alerts = {effect_alert(1, 1), effect_alert(2, 1)};
  std::uint64_t owed_when_seen = 0;
  store.seen = [&] {
    owed_when_seen = effects.owed(kHook);
    CHECK(effects.settle_delivery(kHook, 1));
  };
  REQUIRE(effects.commit({&slice, 1}));
  CHECK(owed_when_seen == 2);
  CHECK(effects.owed(kHook) == 1);

  const std::uint64_t message = kMessageBit | 7;
  store.seen = [&] { CHECK(effects.settle_message(kHook, message, {}, {})); };
  REQUIRE(effects.owe_message(kHook, message, {}));
  CHECK(effects.owed(kHook) == 1);

  const std::uint64_t first = 1;
  store.seen = [&] { CHECK(effects.settle_delivery(kHook, first)); };
  REQUIRE(effects.owe(kHook, {&first, 1}));
  CHECK(effects.owed(kHook) == 1);
  const std::uint64_t times = effects.times_owed(kHook);

  // What could not be written is not owed.
  store.is_broken = true;
  CHECK_FALSE(effects.owe_message(kHook, message, {}));
  slice.cause = 2;
  slice.alerts = {effect_alert(3, 1)};
  CHECK_FALSE(effects.commit({&slice, 1}));
  CHECK(effects.owed(kHook) == 1);
  CHECK(effects.times_owed(kHook) == times);
}
}  // namespace tocsin::tests
