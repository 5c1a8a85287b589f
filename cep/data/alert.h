/// Alerts: a match reported. Format 1 is a contract (ARCHITECTURE.md, Alert).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/data/bound_events.h"
#include "cep/plan/plan_fwd.h"
#include "cep/plan/severity.h"
#include "cep/value/identity.h"
#include "cep/value/order.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// The budgets of cep::Limits whose excess drops partial matches, or matches. Saved as numbers.
enum class BudgetCause : std::uint8_t {
  kRunsPerKey,
  kEventsPerKey,
  kBytesPerKey,
  kRunsPerGroup,
  kBytesPerGroup,
  kStepsPerEvent,
};
struct ExceededBudget {
  BudgetCause cause = BudgetCause::kRunsPerKey;
  std::uint64_t limit = 0;
};
struct Alert {
  OrderKey order;
  RuleIndex rule;
  AlertDigest digest{};         // its id is cep::alert_id(digest)
  std::vector<OwnedValue> key;  // parallel to the rule's key parts
  EventTime ts;                 // the completing event's time, or the deadline
  Severity severity = Severity::kMedium;
  std::string message;
  std::vector<OwnedValue> fields;    // parallel to Rule::fields
  std::int32_t score_field = -1;     // which of them is `score`; -1: none
  BoundEvents events;                // in the order taken
  std::uint64_t events_omitted = 0;  // how many more events matched than are listed
  std::uint64_t held_back = 0;  // matches that `once` held back since the last alert of this key
  std::uint64_t late_us = 0;    // 0: on time
  std::uint64_t truncated = 0;  // matches beyond the limit of one event, or events of a closing
                                // window beyond those shown; 0: none
  std::uint64_t lost_runs = 0;  // partial matches that this key lost to a budget; 0: none
  /// Of a window that closed: its begin; `ts` is its end.
  std::optional<EventTime> window_begin = {};
  /// The engine's own: the rule exceeded a budget. Shown under the id kBudgetRule; `key` is that of
  /// the partial matches that were dropped, empty for the budget of a key group.
  std::optional<ExceededBudget> budget = {};

  /// The field `score`, its text borrowed from the alert; missing where there is none.
  Value score() const {
    if (score_field < 0) return Value::missing();
    return fields[static_cast<std::size_t>(score_field)].view();
  }
};
/// Alert::score_field of the rule's alerts.
std::int32_t score_field_of(const Rule& rule);
/// No rule of a plan has this id: a `.` is no part of one.
inline constexpr const char* kBudgetRule = "tocsin.budget";
/// "runs_per_key".
const char* budget_name(BudgetCause cause);
/// How the alert is treated: as its rule says, and as a shadow rule's where its key is not in the
/// rule's share; the engine's own as live, but of a shadow rule.
Status status_of(const Plan& plan, const Alert& alert);
}  // namespace tocsin::cep
