#include "api/delivery/endpoint_circuit.h"

#include <algorithm>
#include <boost/msm/back/state_machine.hpp>
#include <boost/msm/front/functor_row.hpp>
#include <boost/msm/front/state_machine_def.hpp>
#include <ostream>
#include <utility>

#include "api/base/machine_states.h"
#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
namespace msm = boost::msm;
using msm::front::none;
using Moment = EndpointCircuit::Moment;

struct Probe {};
struct Succeeded {};
struct Failed {
  Moment now;
};
struct Gone {};

struct Closed : msm::front::state<> {};
struct Open : msm::front::state<> {};
struct HalfOpen : msm::front::state<> {};
struct Disabled : msm::front::state<> {};

struct Reset {
  template <typename Event, typename Machine, typename Source, typename Target>
  void operator()(const Event&, Machine& machine, Source&, Target&) {
    machine.failures = 0;
    machine.pause = machine.options.pause_first;
  }
};
struct CountFailure {
  template <typename Event, typename Machine, typename Source, typename Target>
  void operator()(const Event&, Machine& machine, Source&, Target&) {
    ++machine.failures;
  }
};
struct Pause {
  template <typename Event, typename Machine, typename Source, typename Target>
  void operator()(const Event& event, Machine& machine, Source&, Target&) {
    machine.pause = std::min(machine.pause, machine.options.pause_max);
    machine.open_until = event.now + machine.vary(machine.pause);
    machine.pause *= 2;
  }
};
struct ThresholdReached {
  template <typename Event, typename Machine, typename Source, typename Target>
  bool operator()(const Event&, Machine& machine, Source&, Target&) {
    return machine.failures + 1 >= machine.options.failures_in_a_row;
  }
};

struct CircuitLife : msm::front::state_machine_def<CircuitLife> {
  using initial_state = Closed;
  using no_exception_thrown = int;
  using no_message_queue = int;

  template <typename Source, typename Event, typename Target, typename Action = none,
            typename Guard = none>
  using Row = msm::front::Row<Source, Event, Target, Action, Guard>;

  // Of two rows with one source and event, the later is asked first. `none` as target: no change.
  // clang-format off
  struct transition_table : boost::mpl::vector<
    //  state      event       next       action         guard
    Row<Closed,    Succeeded,  none,      Reset>,
    Row<Closed,    Failed,     none,      CountFailure>,
    Row<Closed,    Failed,     Open,      Pause,         ThresholdReached>,
    Row<Closed,    Gone,       Disabled>,
    Row<Open,      Probe,      HalfOpen>,
    Row<Open,      Succeeded,  Closed,    Reset>,
    Row<Open,      Failed,     none>,
    Row<Open,      Gone,       Disabled>,
    Row<HalfOpen,  Succeeded,  Closed,    Reset>,
    Row<HalfOpen,  Failed,     Open,      Pause>,
    Row<HalfOpen,  Gone,       Disabled>,
    Row<Disabled,  Succeeded,  none>,
    Row<Disabled,  Failed,     none>,
    Row<Disabled,  Gone,       none>
  > {};
  // clang-format on

  template <typename Machine, typename Event>
  void no_transition(const Event&, Machine&, int) {
    TOCSIN_ASSERT(false, "a circuit is probed only while it is open");
  }

  CircuitOptions options;
  std::function<std::chrono::milliseconds(std::chrono::milliseconds)> vary;
  std::uint32_t failures = 0;         // in a row
  std::chrono::milliseconds pause{};  // the next one
  Moment open_until;
};
using Machine = msm::back::state_machine<CircuitLife>;

constexpr NamedState<CircuitState> kStates[] = {
    {{CircuitState::kClosed, "closed"}, kNumberOf<Machine, Closed>},
    {{CircuitState::kOpen, "open"}, kNumberOf<Machine, Open>},
    {{CircuitState::kHalfOpen, "half_open"}, kNumberOf<Machine, HalfOpen>},
    {{CircuitState::kDisabled, "disabled"}, kNumberOf<Machine, Disabled>},
};
}  // namespace

std::string_view name_of(CircuitState state) { return name_in(kStates, state); }

std::ostream& operator<<(std::ostream& out, CircuitState state) { return out << name_of(state); }

struct EndpointCircuit::Impl {
  Machine machine;
};

EndpointCircuit::EndpointCircuit(
    CircuitOptions options,
    std::function<std::chrono::milliseconds(std::chrono::milliseconds)> vary)
    : impl_(std::make_unique<Impl>()) {
  impl_->machine.options = options;
  impl_->machine.vary = std::move(vary);
  impl_->machine.pause = options.pause_first;
  impl_->machine.start();
}
EndpointCircuit::~EndpointCircuit() = default;

CircuitState EndpointCircuit::state() const { return state_of(kStates, impl_->machine); }
EndpointCircuit::Moment EndpointCircuit::open_until() const {
  TOCSIN_ASSERT(state() == CircuitState::kOpen, "only an open circuit pauses");
  return impl_->machine.open_until;
}
void EndpointCircuit::limit_pause(std::chrono::milliseconds pause_max, Moment now) {
  CircuitLife& machine = impl_->machine;
  machine.options.pause_max = std::min(machine.options.pause_max, pause_max);
  machine.open_until = std::min(machine.open_until, now);
}

void EndpointCircuit::probe() { impl_->machine.process_event(Probe{}); }
void EndpointCircuit::succeeded() { impl_->machine.process_event(Succeeded{}); }
void EndpointCircuit::failed(Moment now) { impl_->machine.process_event(Failed{now}); }
void EndpointCircuit::gone() { impl_->machine.process_event(Gone{}); }
}  // namespace tocsin::api
