/// The circuit breaker of one endpoint, as a state machine: an endpoint that does not answer well
/// is left alone, then asked with one delivery at a time.
///
///   state     | event     | next      guard
///   closed    | succeeded | closed
///   closed    | failed    | closed    fewer failures in a row than the threshold
///   closed    | failed    | open      the threshold is reached
///   open      | probe     | half open
///   open      | succeeded | closed    (a request that was under way)
///   open      | failed    | open      (likewise; the pause stands)
///   half open | succeeded | closed
///   half open | failed    | open      for twice as long
///   any       | gone      | disabled, for good
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string_view>

namespace tocsin::api {
enum class CircuitState : std::uint8_t { kClosed, kOpen, kHalfOpen, kDisabled };
/// "closed", "open", "half_open", "disabled".
std::string_view name_of(CircuitState state);
std::ostream& operator<<(std::ostream& out, CircuitState state);

struct CircuitOptions {
  std::uint32_t failures_in_a_row = 5;  // open the circuit
  std::chrono::milliseconds pause_first{1'000};
  std::chrono::milliseconds pause_max{60'000};
};

/// Threading: one thread at a time.
class EndpointCircuit {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  /// `vary` changes each pause a little, so that many senders do not come back at once.
  EndpointCircuit(CircuitOptions options,
                  std::function<std::chrono::milliseconds(std::chrono::milliseconds)> vary);
  EndpointCircuit(const EndpointCircuit&) = delete;
  EndpointCircuit& operator=(const EndpointCircuit&) = delete;
  ~EndpointCircuit();

  CircuitState state() const;
  /// The end of the pause. Requires state() == kOpen.
  Moment open_until() const;
  /// Pauses are no longer than this from now on; one under way ends at `now`.
  void limit_pause(std::chrono::milliseconds pause_max, Moment now);

  /// Tries one delivery after the pause. Requires state() == kOpen.
  void probe();
  void succeeded();
  void failed(Moment now);
  void gone();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
}  // namespace tocsin::api
