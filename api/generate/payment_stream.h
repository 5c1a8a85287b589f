/// A seeded stream of payments and account events in the order of event time, with fraud planted in
/// it.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <queue>
#include <vector>

#include "api/generate/payment_event.h"
#include "api/generate/payment_world.h"
#include "api/generate/planted_fraud.h"
#include "api/generate/stream_random.h"

namespace tocsin::api {
struct PaymentStreamOptions {
  std::uint64_t events = 1'000'000;
  std::uint64_t seed = 1;
  std::int64_t start_us = 1'772'438'400'000'000;  // 2026-03-02T08:00:00Z, a Monday
  double rate = 12.0;                             // events a second, over a whole day; > 0
  std::uint32_t accounts =
      0;  // kAccountsMin to kAccountsMax; 0: 5,000 for each event a second, at most 2 million
  double fraud_per_thousand =
      0.5;  // scenarios in a thousand events, 0 to 20; near misses are twice as many
};
inline constexpr std::uint32_t kAccountsMin = 100;
inline constexpr std::uint32_t kAccountsMax = 20'000'000;

/// Invariant: gives exactly `events` events, every planted scenario whole.
class PaymentStream {
 public:
  explicit PaymentStream(const PaymentStreamOptions& options);
  PaymentStream(const PaymentStream&) = delete;
  PaymentStream& operator=(const PaymentStream&) = delete;

  /// Gives the next event; false after the last. Times never go back, numbers go up by one.
  bool next(PaymentEvent& event);
  /// Scenarios whose last event has been given since the last call, in that order.
  std::vector<PlantedFraud> take_completed();

 private:
  struct Planned {
    PaymentEvent event;
    std::uint64_t sequence;  // equal times keep the order in which they were planned
    friend bool operator>(const Planned& left, const Planned& right) {
      if (left.event.ts_us != right.event.ts_us) return left.event.ts_us > right.event.ts_us;
      return left.sequence > right.sequence;
    }
  };
  struct Planting {
    PlantedFraud fraud;
    std::size_t events_left;
  };
  // The seven scenarios in a random order, and again.
  struct Rotation {
    std::array<FraudScenario, kFraudScenarios> order;
    std::size_t at = kFraudScenarios;
    FraudScenario next(StreamRandom& random);
  };

  void give(PaymentEvent& event);
  bool act(PaymentEvent& event);
  void draw_next_action();
  bool has_room(std::size_t events) const { return committed_ + events <= options_.events; }
  void plan(const PaymentEvent& event);
  void plant(FraudScenario scenario);
  void plant_near_miss(FraudScenario scenario);
  bool is_ready(std::uint32_t account);
  PaymentEvent draw_payment();
  void plan_session(std::uint32_t account);
  std::int64_t draw_amount(const Trade& trade);

  PaymentStreamOptions options_;
  StreamRandom random_;
  Merchants merchants_;
  Customers customers_;
  FraudPlanner planner_;
  Rotation fraud_rotation_;
  Rotation near_miss_rotation_;
  std::priority_queue<Planned, std::vector<Planned>, std::greater<>> planned_;
  std::uint64_t planned_count_ = 0;
  std::uint64_t committed_ = 0;  // events given and planned
  std::uint64_t given_ = 0;
  std::int64_t now_us_;                          // when the next thing of the background happens
  double carried_us_ = 0.0;                      // what of a gap was less than a microsecond
  std::map<std::uint32_t, Planting> plantings_;  // not yet complete, by PaymentEvent::plant
  std::uint32_t last_plant_ = 0;
  std::vector<PlantedFraud> completed_;
};
}  // namespace tocsin::api
