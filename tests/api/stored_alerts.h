/// An alert store in memory with alerts as rules raise them.
#pragma once
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "runtime/effects/effect_store.h"
#include "tests/support/model_store.h"
#include "tests/support/random_effects.h"

namespace tocsin::tests {
struct AlertText {
  std::string rule = "card_testing";
  std::string card = "c1";
  std::string message = "three probes";
  cep::Severity severity = cep::Severity::kHigh;
  bool is_live = true;
  std::string tags = R"(["ecom","card"])";
};
/// The `minute`-th alert of 2026-03-02.
inline runtime::StoredAlert alert_at(int minute, const AlertText& text = {}) {
  const cep::EventTime midnight = *cep::parse_time("2026-03-02T00:00:00Z");
  const std::int64_t time_us = midnight.us + minute * 60'000'000LL;
  runtime::StoredAlert alert = effect_alert(time_us, 1, text.is_live);
  alert.ts = {time_us};
  alert.rule = text.rule;
  alert.severity = text.severity;
  alert.line = fmt::format(
      R"({{"format":1,"id":"{}","revision":0,"phase":"final","rule":"{}","title":"Probes","version":1,)"
      R"("key":{{"card":"{}"}},"ts":{},"time":"{}","severity":"{}","score":75,"tags":{},)"
      R"("message":"{}","fields":{{"total":3.40}},"events":[{{"as":"probes","type":"payment",)"
      R"("id":"e{}","ts":{},"fields":{{"amount":1.00}}}}],"held_back":0}})",
      alert.id, text.rule, text.card, time_us, cep::format_time(alert.ts),
      cep::severity_name(text.severity), text.tags, text.message, minute, time_us);
  return alert;
}

/// A clock that other threads may look at while it is set.
class SharedClock final : public runtime::Clock {
 public:
  cep::EventTime now() override { return {us_}; }
  void set(cep::EventTime time) { us_ = time.us; }
  void advance(cep::Duration by) { us_ += by.us; }

 private:
  std::atomic<std::int64_t> us_ = 1'772'452'860'000'000;  // 2026-03-02T12:01:00Z
};

class StoredAlerts {
 public:
  StoredAlerts() { open(); }
  /// The process is gone and another one begins.
  void restart(bool loses_power) {
    effects_.reset();
    store_.reset();
    if (loses_power) {
      disk.cut_power();
    } else {
      disk.restart();
    }
    open();
  }
  void raise(const runtime::StoredAlert& alert) {
    runtime::SliceEffects slice;
    slice.alerts = {alert};
    REQUIRE(effects_->commit({&slice, 1}));
  }
  runtime::EffectStore& effects() { return *effects_; }
  runtime::Store& store() { return *store_; }

  ModelDisk disk;
  SharedClock clock;

 private:
  void open() {
    constexpr std::array<std::uint8_t, 16> kTimeline{1};
    auto store = disk.open(runtime::effect_families());
    REQUIRE(store);
    store_ = std::move(*store);
    auto effects = runtime::EffectStore::open(*store_, clock, {});
    REQUIRE(effects);
    effects_ = std::move(*effects);
    const auto begun = effects_->has_timeline(kTimeline)
                           ? effects_->resume(effects_->mark())
                           : effects_->begin_timeline(kTimeline, {}, {});
    REQUIRE(begun);
  }
  std::unique_ptr<runtime::Store> store_;
  std::unique_ptr<runtime::EffectStore> effects_;
};
}  // namespace tocsin::tests
