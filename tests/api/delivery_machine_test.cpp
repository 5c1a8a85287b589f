#include "api/delivery/delivery_machine.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "api/delivery/endpoint_circuit.h"

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;
using State = DeliveryState;
using Moment = EndpointCircuit::Moment;

TEST_CASE("delivery machine: state, events, next state") {
  struct Row {
    const char* name;
    std::uint32_t attempts_max;
    std::string events;  // a: attempt, +: accepted, -: failed, x: abandoned, L: the limit is lifted
    State state;
    std::uint32_t attempts;
  };
  const Row rows[] = {
      {"new", 3, "", State::kPending, 0},
      {"sent", 3, "a", State::kSending, 1},
      {"accepted at once", 3, "a+", State::kDelivered, 1},
      {"failed once", 3, "a-", State::kBackingOff, 1},
      {"sent again", 3, "a-a", State::kSending, 2},
      {"accepted at the second", 3, "a-a+", State::kDelivered, 2},
      {"accepted at the last", 3, "a-a-a+", State::kDelivered, 3},
      {"all attempts failed", 3, "a-a-a-", State::kDead, 3},
      {"one attempt only", 1, "a-", State::kDead, 1},
      {"the limit is lifted", 1, "aL-a-a-", State::kBackingOff, 3},
      {"given up before the first", 3, "x", State::kDead, 0},
      {"given up while sending", 3, "ax", State::kDead, 1},
      {"given up while waiting", 3, "a-x", State::kDead, 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    DeliveryMachine machine(row.attempts_max);
    for (const char event : row.events) {
      if (event == 'a') machine.begin_attempt();
      if (event == '+') machine.accepted();
      if (event == '-') machine.failed();
      if (event == 'x') machine.abandon();
      if (event == 'L') machine.lift_attempt_limit();
    }
    CHECK(machine.state() == row.state);
    CHECK(machine.attempts() == row.attempts);
  }
}

TEST_CASE("delivery machine: a moved one goes on where it was") {
  DeliveryMachine machine(2);
  machine.begin_attempt();
  DeliveryMachine moved = std::move(machine);
  moved.failed();
  CHECK(moved.state() == State::kBackingOff);
}

TEST_CASE("delivery machine: states have names of their own") {
  struct Row {
    State state;
    const char* name;
  };
  const Row rows[] = {{State::kPending, "pending"},
                      {State::kSending, "sending"},
                      {State::kBackingOff, "backing_off"},
                      {State::kDelivered, "delivered"},
                      {State::kDead, "dead"}};
  for (const Row& row : rows) CHECK(name_of(row.state) == row.name);
}

TEST_CASE("endpoint circuit: state, events, next state") {
  struct Row {
    const char* name;
    std::string events;  // +: succeeded, -: failed, p: probe, g: gone
    CircuitState state;
  };
  const Row rows[] = {
      {"new", "", CircuitState::kClosed},
      {"two failures", "--", CircuitState::kClosed},
      {"three in a row", "---", CircuitState::kOpen},
      {"three, but not in a row", "--+--", CircuitState::kClosed},
      {"probing", "---p", CircuitState::kHalfOpen},
      {"the probe succeeds", "---p+", CircuitState::kClosed},
      {"and the count begins anew", "---p+--", CircuitState::kClosed},
      {"the probe fails", "---p-", CircuitState::kOpen},
      {"one that was under way succeeds", "---+", CircuitState::kClosed},
      {"one that was under way fails", "----", CircuitState::kOpen},
      {"gone while closed", "g", CircuitState::kDisabled},
      {"gone while open", "---g", CircuitState::kDisabled},
      {"gone at the probe", "---pg", CircuitState::kDisabled},
      {"gone for good", "g+-g+", CircuitState::kDisabled},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    EndpointCircuit circuit({.failures_in_a_row = 3}, [](auto pause) { return pause; });
    for (const char event : row.events) {
      if (event == '+') circuit.succeeded();
      if (event == '-') circuit.failed(Moment(1s));
      if (event == 'p') circuit.probe();
      if (event == 'g') circuit.gone();
    }
    CHECK(circuit.state() == row.state);
  }
}

TEST_CASE("endpoint circuit: pauses double up to their limit, and begin anew after a success") {
  EndpointCircuit circuit({.failures_in_a_row = 1, .pause_first = 1s, .pause_max = 5s},
                          [](std::chrono::milliseconds pause) { return pause + 1ms; });
  const std::vector<std::chrono::milliseconds> pauses = {1001ms, 2001ms, 4001ms, 5001ms, 5001ms};
  Moment now(100s);
  for (const std::chrono::milliseconds pause : pauses) {
    circuit.failed(now);
    CHECK(circuit.open_until() - now == pause);
    now = circuit.open_until();
    circuit.probe();
  }
  circuit.succeeded();
  circuit.failed(now);
  CHECK(circuit.open_until() - now == 1001ms);
}

TEST_CASE("endpoint circuit: a lower limit ends the pause that is under way") {
  EndpointCircuit circuit({.failures_in_a_row = 1, .pause_first = 10s},
                          [](auto pause) { return pause; });
  circuit.failed(Moment(0s));
  CHECK(circuit.open_until() == Moment(10s));
  circuit.limit_pause(3s, Moment(1s));
  CHECK(circuit.open_until() == Moment(1s));
  circuit.probe();
  circuit.failed(Moment(2s));
  CHECK(circuit.open_until() == Moment(5s));
}
}  // namespace
}  // namespace tocsin::api
