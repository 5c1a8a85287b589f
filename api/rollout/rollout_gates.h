/// What must hold before a change of the rules reaches the alerts that people are told.
///
///   tests   the rules' own tests pass (RuleService)
///   shadow  a rule that becomes live, or a live one with another text, has run in shadow with that
///           text for so long
///   rate    a backtest of the rules as they would be has shown that no rule that becomes live, or
///           is live and changes, alerts more often than it may (backtest_gate.h)
///   eyes    so many others have approved what the live rules would become
#pragma once
#include <cstddef>
#include <optional>
#include <string>

#include "api/node/rule_service.h"
#include "api/rest/access.h"
#include "api/rollout/backtest_gate.h"
#include "api/rollout/rule_edit.h"
#include "api/rules/rule_pack.h"
#include "cep/value/time.h"

namespace tocsin::api {
struct GateSettings {
  std::size_t approvals = 0;             // by others than who asks
  bool backs_alone = true;               // an operator may hold back and roll back without them
  std::optional<cep::Duration> shadow;   // nothing: a rule may become live at once
  std::optional<BacktestGate> backtest;  // nothing: no backtest is asked for
};
/// Who asks for a change.
struct Author {
  bool is_operator = false;
  std::string override_reason = {};  // of an administrator: no gate is asked; empty: they are
  Role role = Role::kAnalyst;
  std::string by = {};  // TokenGrant::by
};
/// What a change still needs.
struct GateVerdict {
  std::size_t approvals = 0;  // of others
  std::string closed = {};    // why it cannot be, whoever approves; empty: it can
};
/// What gates know of the past.
struct GateEvidence {
  const RuleService& rules;  // the versions that there were
  const KnownBacktests& backtests;
  cep::EventTime now;
};
/// Of the change from `before` to `after`.
GateVerdict gate_verdict(const GateSettings& settings, const Author& author, const RuleEdit& edit,
                         const RulePack& before, const RulePack& after,
                         const GateEvidence& evidence);
/// Whether `after` is `before` but for live rules that are held back, or live for fewer keys.
bool only_holds_back(const RulePack& before, const RulePack& after);
}  // namespace tocsin::api
