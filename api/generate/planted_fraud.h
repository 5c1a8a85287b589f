/// Fraud planted in a generated stream, and what only looks like it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "api/generate/payment_event.h"
#include "api/generate/payment_world.h"
#include "api/generate/stream_random.h"

namespace tocsin::api {
/// The scenarios of docs/generate.md.
enum class FraudScenario : std::uint8_t {
  kCardTesting,
  kAccountTakeover,
  kImpossibleTravel,
  kVelocity,
  kEscalation,
  kUnconfirmedTransfer,
  kSharedDevice,
};
inline constexpr std::size_t kFraudScenarios = 7;

/// One planted scenario: a line of the truth file.
struct PlantedFraud {
  FraudScenario scenario = FraudScenario::kCardTesting;
  std::uint32_t key = 0;              // a card, an account or a device, as the scenario has it
  std::vector<std::uint64_t> events;  // numbers, in the order of event time
  std::int64_t first_us = 0;
  std::int64_t last_us = 0;
};
/// `{"scenario":"card_testing","key":{"card":"c17"},"events":["e3","e9"],"first_ts":…,"last_ts":…}`,
/// without a line end.
std::string format_planted_fraud(const PlantedFraud& fraud);
/// The key of a scenario, read from its first event.
std::uint32_t fraud_key(FraudScenario scenario, const PaymentEvent& first);

/// Lays scenarios out as events to come. The accounts concerned are free of other events until an
/// hour after, so that what is planted stands as described.
class FraudPlanner {
 public:
  /// Borrows all three.
  FraudPlanner(Customers& customers, const Merchants& merchants, StreamRandom& random)
      : customers_(customers), merchants_(merchants), random_(random) {}

  /// Plans a scenario that begins at `now_us`: its events in the order of time, without numbers.
  /// Empty where no account is free for it.
  std::vector<PaymentEvent> plan(FraudScenario scenario, std::int64_t now_us);
  /// The same for honest behaviour that comes near `scenario` and must not be alerted.
  std::vector<PaymentEvent> plan_near_miss(FraudScenario scenario, std::int64_t now_us);

 private:
  using Events = std::vector<PaymentEvent>;

  bool draw_victim(std::int64_t now_us, std::uint32_t& account, std::uint32_t& card);
  void set_quiet(const Events& events);
  PaymentEvent payment(std::int64_t ts_us, std::uint32_t account, std::uint32_t card,
                       std::uint8_t country, PaymentChannel channel, std::uint32_t device,
                       std::int64_t amount_cents);
  PaymentEvent login(std::int64_t ts_us, std::uint32_t account, std::uint32_t device,
                     bool is_stranger, bool ok);
  PaymentEvent transfer(std::int64_t ts_us, std::uint32_t account, std::int64_t amount_cents);
  std::uint8_t draw_other_country(std::uint8_t than, std::uint8_t first, std::uint8_t end);

  Events card_testing(std::int64_t now_us, int small_payments);
  Events account_takeover(std::int64_t now_us, bool is_fraud);
  Events impossible_travel(std::int64_t now_us, bool is_fraud);
  Events velocity(std::int64_t now_us, int payments);
  Events escalation(std::int64_t now_us, bool is_fraud);
  Events late_confirmation(std::int64_t now_us, bool is_fraud);
  Events shared_device(std::int64_t now_us, int cards);

  Customers& customers_;
  const Merchants& merchants_;
  StreamRandom& random_;
};
}  // namespace tocsin::api
