#include "api/alerts/triage_machine.h"

#include <boost/msm/back/state_machine.hpp>
#include <boost/msm/front/functor_row.hpp>
#include <boost/msm/front/state_machine_def.hpp>
#include <ostream>

#include "api/base/machine_states.h"

namespace tocsin::api {
namespace {
namespace msm = boost::msm;
using msm::front::none;

struct Assign {};
struct Release {};
struct Confirm {};
struct Dismiss {};
struct Close {};
struct Reopen {};
// Takes a new machine to a stored state.
template <TriageState state>
struct Restore {};

struct Stored : msm::front::state<> {};
struct Open : msm::front::state<> {};
struct Assigned : msm::front::state<> {};
struct Confirmed : msm::front::state<> {};
struct Dismissed : msm::front::state<> {};
struct Closed : msm::front::state<> {};

struct TriageLife : msm::front::state_machine_def<TriageLife> {
  using initial_state = Stored;
  using no_exception_thrown = int;
  using no_message_queue = int;

  template <typename Source, typename Event, typename Target>
  using Row = msm::front::Row<Source, Event, Target, none, none>;

  // clang-format off
  struct transition_table : boost::mpl::vector<
    //  state       event                              next
    Row<Stored,     Restore<TriageState::kOpen>,       Open>,
    Row<Stored,     Restore<TriageState::kAssigned>,   Assigned>,
    Row<Stored,     Restore<TriageState::kConfirmed>,  Confirmed>,
    Row<Stored,     Restore<TriageState::kDismissed>,  Dismissed>,
    Row<Stored,     Restore<TriageState::kClosed>,     Closed>,
    Row<Open,       Assign,                            Assigned>,
    Row<Open,       Confirm,                           Confirmed>,
    Row<Open,       Dismiss,                           Dismissed>,
    Row<Open,       Close,                             Closed>,
    Row<Assigned,   Assign,                            Assigned>,
    Row<Assigned,   Release,                           Open>,
    Row<Assigned,   Confirm,                           Confirmed>,
    Row<Assigned,   Dismiss,                           Dismissed>,
    Row<Assigned,   Close,                             Closed>,
    Row<Confirmed,  Close,                             Closed>,
    Row<Confirmed,  Reopen,                            Open>,
    Row<Dismissed,  Close,                             Closed>,
    Row<Dismissed,  Reopen,                            Open>,
    Row<Closed,     Reopen,                            Open>
  > {};
  // clang-format on

  template <typename Machine, typename Event>
  void no_transition(const Event&, Machine&, int) {
    is_refused = true;
  }
  bool is_refused = false;
};
using Machine = msm::back::state_machine<TriageLife>;

constexpr NamedState<TriageState> kStates[] = {
    {{TriageState::kOpen, "open"}, kNumberOf<Machine, Open>},
    {{TriageState::kAssigned, "assigned"}, kNumberOf<Machine, Assigned>},
    {{TriageState::kConfirmed, "confirmed"}, kNumberOf<Machine, Confirmed>},
    {{TriageState::kDismissed, "dismissed"}, kNumberOf<Machine, Dismissed>},
    {{TriageState::kClosed, "closed"}, kNumberOf<Machine, Closed>},
};
constexpr Named<TriageAction> kActions[] = {
    {TriageAction::kAssign, "assign"},   {TriageAction::kRelease, "release"},
    {TriageAction::kConfirm, "confirm"}, {TriageAction::kDismiss, "dismiss"},
    {TriageAction::kClose, "close"},     {TriageAction::kReopen, "reopen"},
};

void restore(Machine& machine, TriageState state) {
  switch (state) {
    case TriageState::kOpen:
      machine.process_event(Restore<TriageState::kOpen>{});
      return;
    case TriageState::kAssigned:
      machine.process_event(Restore<TriageState::kAssigned>{});
      return;
    case TriageState::kConfirmed:
      machine.process_event(Restore<TriageState::kConfirmed>{});
      return;
    case TriageState::kDismissed:
      machine.process_event(Restore<TriageState::kDismissed>{});
      return;
    case TriageState::kClosed:
      machine.process_event(Restore<TriageState::kClosed>{});
      return;
  }
}
void process(Machine& machine, TriageAction action) {
  switch (action) {
    case TriageAction::kAssign:
      machine.process_event(Assign{});
      return;
    case TriageAction::kRelease:
      machine.process_event(Release{});
      return;
    case TriageAction::kConfirm:
      machine.process_event(Confirm{});
      return;
    case TriageAction::kDismiss:
      machine.process_event(Dismiss{});
      return;
    case TriageAction::kClose:
      machine.process_event(Close{});
      return;
    case TriageAction::kReopen:
      machine.process_event(Reopen{});
      return;
  }
}
}  // namespace

std::string_view name_of(TriageState state) { return name_in(kStates, state); }
std::optional<TriageState> triage_state_named(std::string_view name) {
  return value_named(kStates, name);
}
std::ostream& operator<<(std::ostream& out, TriageState state) { return out << name_of(state); }

std::string_view name_of(TriageAction action) { return name_in(kActions, action); }
std::optional<TriageAction> triage_action_named(std::string_view name) {
  return value_named(kActions, name);
}
std::ostream& operator<<(std::ostream& out, TriageAction action) { return out << name_of(action); }

std::optional<TriageState> triage_after(TriageState state, TriageAction action) {
  Machine machine;
  machine.start();
  restore(machine, state);
  process(machine, action);
  if (machine.is_refused) return std::nullopt;
  return state_of(kStates, machine);
}

std::vector<TriageAction> triage_actions_of(TriageState state) {
  std::vector<TriageAction> allowed;
  for (const TriageAction action : kTriageActions) {
    if (triage_after(state, action)) allowed.push_back(action);
  }
  return allowed;
}
}  // namespace tocsin::api
