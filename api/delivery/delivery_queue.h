/// Deliveries owed to one endpoint: which is sent when. Decides only; it holds no thread, clock or
/// socket.
///
/// A delivery that fails waits as its schedule says, varied by up to a quarter. After some failures
/// in a row the endpoint's circuit opens: nothing is sent for a while, then one delivery at a time
/// until one succeeds, which makes all that wait due at once. Then, and of what is due for such a
/// try, what was owed first goes first. `Retry-After` holds back everything. 410 ends all sending.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/delivery/delivery_machine.h"
#include "api/delivery/endpoint_circuit.h"
#include "cep/value/time.h"

namespace tocsin::api {
/// One alert, or a message about several, for one endpoint.
struct Delivery {
  std::string alert_id;  // or the message's
  std::uint64_t revision = 0;
  std::string webhook_id;
  std::string payload;
  std::uint64_t row = 0;  // where its source keeps it; 0: nowhere
  /// Those of one order are sent one after the other, each once the one before it is at its end;
  /// empty: in no order.
  std::string order = {};
  /// The `traceparent` of the event that raised the alert; empty: none is known.
  std::string trace_parent = {};
  std::string type = {};          // of a message; empty: an alert
  cep::EventTime stored_at = {};  // the alert, in processing time; 0: unknown, or a message
};
/// How an attempt ended.
struct AttemptOutcome {
  int status = 0;          // HTTP; 0: no answer
  std::string error = {};  // in words, where it failed
  std::optional<std::chrono::seconds> retry_after = {};

  bool is_success() const { return status >= 200 && status <= 299; }
  bool is_gone() const { return status == 410; }
};
/// A delivery that will not be tried again.
struct Undelivered {
  Delivery delivery;
  std::uint32_t attempts = 0;
  int last_status = 0;     // of the last attempt; 0: no answer, or no attempt
  std::string last_error;  // empty without an attempt
  bool is_final = false;   // it was given up; false: the process ends before
};
/// A delivery that waits for its next attempt.
struct FailedAttempt {
  std::uint64_t row = 0;       // Delivery::row
  std::uint32_t attempts = 0;  // so far
  int status = 0;              // of the last; 0: no answer
  std::string error;
  std::chrono::milliseconds wait{0};  // before the next
};
/// What became of an attempt.
struct Settlement {
  std::optional<Delivery> delivered;
  std::optional<Undelivered> dead;
  std::optional<FailedAttempt> failed;  // exactly one of the three
};

struct DeliveryPolicy {
  std::vector<std::chrono::milliseconds> retry_delays;  // before the second, third, … attempt
  CircuitOptions circuit = {};
  std::uint64_t jitter_seed = 0;
};

/// Threading: one thread at a time.
class DeliveryQueue {
 public:
  using Moment = EndpointCircuit::Moment;
  using Ticket = std::uint64_t;
  struct Sending {
    Ticket ticket;
    const Delivery* delivery;   // stays where it is until settled
    std::uint32_t attempt = 0;  // 1, 2, …
  };

  explicit DeliveryQueue(DeliveryPolicy policy);

  /// Owes a delivery, due at `due`, for which `attempts` have failed before.
  void add(Delivery delivery, Moment due, std::uint32_t attempts = 0);
  /// The delivery to send now, if any: the one that has been due longest, or, where the endpoint is
  /// tried after a pause, of those that are due the one that was added first. The caller sends it
  /// and calls `settle`.
  std::optional<Sending> take(Moment now);
  /// When `take` may next give something if nothing else happens, perhaps in the past; nothing: not
  /// before a `settle` or an `add`.
  std::optional<Moment> next_at() const;
  /// Takes note of how the attempt at a taken delivery ended; gives the delivery back where it is
  /// at its end.
  Settlement settle(Ticket ticket, AttemptOutcome outcome, Moment now);

  /// From now on no wait is longer than `wait_max`, save what `Retry-After` asks, no number of
  /// attempts is the last, and what waits is due.
  void hurry(std::chrono::milliseconds wait_max, Moment now);
  /// Ends every delivery that is still owed, in the order in which they were added. Requires that
  /// none is being sent.
  std::vector<Undelivered> abandon_all();

  std::size_t size() const { return entries_.size(); }  // owed, those being sent included
  std::size_t payload_bytes() const { return payload_bytes_; }
  std::size_t sending_count() const { return sending_count_; }
  bool is_endpoint_gone() const { return circuit_.state() == CircuitState::kDisabled; }
  CircuitState circuit_state() const { return circuit_.state(); }

 private:
  struct Entry {
    Delivery delivery;
    DeliveryMachine machine;
    int last_status = 0;
    std::string last_error;
    Moment due;  // of one that waits for another of its order
  };
  using Entries = std::map<Ticket, Entry>;

  std::chrono::milliseconds vary(std::chrono::milliseconds wait);
  std::chrono::milliseconds retry_delay(std::uint32_t attempts) const;
  void make_all_due(Moment now);
  void next_of_order(const Entry& entry);
  Undelivered remove(Entries::iterator entry, bool is_final);

  DeliveryPolicy policy_;
  EndpointCircuit circuit_;
  Entries entries_;                          // by ticket: in the order added
  std::set<std::pair<Moment, Ticket>> due_;  // those not being sent, and first of their order
  std::map<std::string, std::deque<Ticket>> orders_;
  Moment hold_until_ = Moment::min();                  // the endpoint asked for it
  std::optional<std::chrono::milliseconds> wait_max_;  // set: in a hurry
  Ticket next_ticket_ = 0;
  std::size_t sending_count_ = 0;
  std::size_t payload_bytes_ = 0;
  std::uint64_t random_state_;
};
}  // namespace tocsin::api
