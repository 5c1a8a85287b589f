/// What people made of an alert, as a state machine:
///
///   state     | event    | next
///   open      | assign   | assigned
///   open      | confirm  | confirmed
///   open      | dismiss  | dismissed
///   open      | close    | closed
///   assigned  | assign   | assigned    (to somebody else)
///   assigned  | release  | open
///   assigned  | confirm  | confirmed
///   assigned  | dismiss  | dismissed
///   assigned  | close    | closed
///   confirmed | close    | closed
///   confirmed | reopen   | open
///   dismissed | close    | closed
///   dismissed | reopen   | open
///   closed    | reopen   | open
///
/// Any other event is refused: who asked is told which the state allows.
#pragma once
#include <array>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string_view>
#include <vector>

namespace tocsin::api {
enum class TriageState : std::uint8_t { kOpen, kAssigned, kConfirmed, kDismissed, kClosed };
inline constexpr std::array kTriageStates = {TriageState::kOpen, TriageState::kAssigned,
                                             TriageState::kConfirmed, TriageState::kDismissed,
                                             TriageState::kClosed};
/// The name under which a state is stored and shown: "open", …
std::string_view name_of(TriageState state);
std::optional<TriageState> triage_state_named(std::string_view name);
std::ostream& operator<<(std::ostream& out, TriageState state);

enum class TriageAction : std::uint8_t { kAssign, kRelease, kConfirm, kDismiss, kClose, kReopen };
inline constexpr std::array kTriageActions = {TriageAction::kAssign,  TriageAction::kRelease,
                                              TriageAction::kConfirm, TriageAction::kDismiss,
                                              TriageAction::kClose,   TriageAction::kReopen};
/// "assign", …
std::string_view name_of(TriageAction action);
std::optional<TriageAction> triage_action_named(std::string_view name);
std::ostream& operator<<(std::ostream& out, TriageAction action);

/// The state after `action` in `state`; nothing where that is refused.
std::optional<TriageState> triage_after(TriageState state, TriageAction action);
/// The actions that a state allows.
std::vector<TriageAction> triage_actions_of(TriageState state);
}  // namespace tocsin::api
