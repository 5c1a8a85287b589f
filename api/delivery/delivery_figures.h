/// What the deliveries of a process are like.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "api/delivery/delivery_queue.h"
#include "api/delivery/endpoint_circuit.h"

namespace tocsin::api {
/// What an endpoint's deliveries are like now.
struct DeliveryFigures {
  std::uint64_t delivered = 0;  // by this process, as all counts here
  std::uint64_t failed = 0;     // attempts
  std::uint64_t dead = 0;
  std::size_t sending = 0;
  CircuitState circuit = CircuitState::kClosed;
  bool last_succeeded = false;
};
/// How long attempts took: in each bucket those of so many seconds at most that are in none before.
inline constexpr std::array kAttemptBuckets = {0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0};
/// Likewise how long it took from when an alert was stored to when an endpoint had it.
inline constexpr std::array kArrivalBuckets = {0.01, 0.025, 0.05, 0.1,   0.25,  0.5,
                                               1.0,  5.0,   30.0, 300.0, 3600.0};
/// All attempts of this process, to whatever endpoint; test messages are none.
struct DeliveryTotals {
  std::uint64_t delivered = 0;   // answered with 2xx
  std::uint64_t rejected = 0;    // answered otherwise
  std::uint64_t unanswered = 0;  // no connection, or no answer in time
  std::uint64_t retried = 0;     // of these all: not the first attempt
  std::uint64_t exhausted = 0;   // deliveries that were given up
  std::array<std::uint64_t, kAttemptBuckets.size() + 1> by_latency{};  // the last: longer
  std::chrono::microseconds latency{0};
  std::array<std::uint64_t, kArrivalBuckets.size() + 1> by_arrival{};  // of alerts alone
  std::chrono::microseconds arrival{0};

  /// The `number`th attempt at a delivery, from 1, which took so long.
  void count_attempt(const AttemptOutcome& outcome, std::uint32_t number,
                     std::chrono::microseconds took);
  /// An alert has arrived, so long after it was stored.
  void count_arrival(std::chrono::microseconds took);
};
}  // namespace tocsin::api
