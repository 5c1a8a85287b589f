/// Puts a generated stream into the order in which it arrives: each event some time after it
/// happened.
#pragma once
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "api/generate/payment_event.h"
#include "api/generate/stream_random.h"

namespace tocsin::api {
/// An event arrives at most `disorder_us` after its time: two of five as late as that allows,
/// evenly spread, the others within a sixteenth of it. So none comes more than `disorder_us` behind
/// the newest before it.
class ArrivalOrder {
 public:
  ArrivalOrder(std::int64_t disorder_us, std::uint64_t seed)
      : disorder_us_(disorder_us), random_(mixed(seed)) {}

  /// Takes the next event in the order of event time.
  void push(const PaymentEvent& event);
  /// Gives the next event that no later `push` can come before; false when there is none. `at_end`:
  /// nothing will be pushed any more.
  bool pop(PaymentEvent& event, bool at_end);

 private:
  struct Arrival {
    std::int64_t at_us;
    std::uint64_t number;
    std::uint32_t slot;
    friend bool operator>(const Arrival& left, const Arrival& right) {
      return left.at_us != right.at_us ? left.at_us > right.at_us : left.number > right.number;
    }
  };

  std::int64_t disorder_us_;
  StreamRandom random_;
  std::int64_t newest_us_ = 0;
  std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
  std::vector<PaymentEvent> slots_;
  std::vector<std::uint32_t> free_slots_;
};
}  // namespace tocsin::api
