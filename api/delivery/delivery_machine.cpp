#include "api/delivery/delivery_machine.h"

#include <boost/msm/back/state_machine.hpp>
#include <boost/msm/front/functor_row.hpp>
#include <boost/msm/front/state_machine_def.hpp>
#include <limits>
#include <ostream>

#include "api/base/machine_states.h"
#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
namespace msm = boost::msm;
using msm::front::none;

struct Attempt {};
struct Accepted {};
struct Failed {};
struct Abandoned {};

struct Pending : msm::front::state<> {};
struct Sending : msm::front::state<> {};
struct BackingOff : msm::front::state<> {};
struct Delivered : msm::front::state<> {};
struct Dead : msm::front::state<> {};

struct CountAttempt {
  template <typename Event, typename Machine, typename Source, typename Target>
  void operator()(const Event&, Machine& machine, Source&, Target&) {
    ++machine.attempts;
  }
};
struct NoAttemptLeft {
  template <typename Event, typename Machine, typename Source, typename Target>
  bool operator()(const Event&, Machine& machine, Source&, Target&) {
    return machine.attempts >= machine.attempts_max;
  }
};

struct DeliveryLife : msm::front::state_machine_def<DeliveryLife> {
  using initial_state = Pending;
  using no_exception_thrown = int;
  using no_message_queue = int;

  template <typename Source, typename Event, typename Target, typename Action = none,
            typename Guard = none>
  using Row = msm::front::Row<Source, Event, Target, Action, Guard>;

  // Of two rows with one source and event, the later is asked first.
  // clang-format off
  struct transition_table : boost::mpl::vector<
    //  state        event       next         action         guard
    Row<Pending,     Attempt,    Sending,     CountAttempt>,
    Row<Pending,     Abandoned,  Dead>,
    Row<Sending,     Accepted,   Delivered>,
    Row<Sending,     Failed,     BackingOff>,
    Row<Sending,     Failed,     Dead,        none,          NoAttemptLeft>,
    Row<Sending,     Abandoned,  Dead>,
    Row<BackingOff,  Attempt,    Sending,     CountAttempt>,
    Row<BackingOff,  Abandoned,  Dead>
  > {};
  // clang-format on

  template <typename Machine, typename Event>
  void no_transition(const Event&, Machine&, int) {
    TOCSIN_ASSERT(false, "a delivery is given only the events of its state");
  }

  std::uint32_t attempts = 0;
  std::uint32_t attempts_max = 1;
};
using Machine = msm::back::state_machine<DeliveryLife>;

constexpr NamedState<DeliveryState> kStates[] = {
    {{DeliveryState::kPending, "pending"}, kNumberOf<Machine, Pending>},
    {{DeliveryState::kSending, "sending"}, kNumberOf<Machine, Sending>},
    {{DeliveryState::kBackingOff, "backing_off"}, kNumberOf<Machine, BackingOff>},
    {{DeliveryState::kDelivered, "delivered"}, kNumberOf<Machine, Delivered>},
    {{DeliveryState::kDead, "dead"}, kNumberOf<Machine, Dead>},
};
}  // namespace

std::string_view name_of(DeliveryState state) { return name_in(kStates, state); }

std::ostream& operator<<(std::ostream& out, DeliveryState state) { return out << name_of(state); }

struct DeliveryMachine::Impl {
  Machine machine;
};

DeliveryMachine::DeliveryMachine(std::uint32_t attempts_max, std::uint32_t attempts_made)
    : impl_(std::make_unique<Impl>()) {
  TOCSIN_ASSERT(attempts_max > attempts_made, "a delivery is tried at least once");
  impl_->machine.attempts = attempts_made;
  impl_->machine.attempts_max = attempts_max;
  impl_->machine.start();
}
DeliveryMachine::DeliveryMachine(DeliveryMachine&&) noexcept = default;
DeliveryMachine& DeliveryMachine::operator=(DeliveryMachine&&) noexcept = default;
DeliveryMachine::~DeliveryMachine() = default;

DeliveryState DeliveryMachine::state() const { return state_of(kStates, impl_->machine); }
std::uint32_t DeliveryMachine::attempts() const { return impl_->machine.attempts; }
void DeliveryMachine::lift_attempt_limit() {
  impl_->machine.attempts_max = std::numeric_limits<std::uint32_t>::max();
}

void DeliveryMachine::begin_attempt() { impl_->machine.process_event(Attempt{}); }
void DeliveryMachine::accepted() { impl_->machine.process_event(Accepted{}); }
void DeliveryMachine::failed() { impl_->machine.process_event(Failed{}); }
void DeliveryMachine::abandon() { impl_->machine.process_event(Abandoned{}); }
}  // namespace tocsin::api
