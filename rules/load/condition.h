/// A condition in the rule language outside any rule: over fields that somebody names, as those
/// that alerts have.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cep/plan/plan_fwd.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// A condition as it was checked.
struct ConditionCheck {
  /// Absent where there was an error. It has one event type with the fields in their order, behind
  /// a `ts`, and last one that is computed: whether the condition holds; and a rule that reads it.
  std::shared_ptr<const cep::Plan> plan;
  std::vector<Diagnostic> diagnostics;  // errors and warnings, by place in the condition
  SourceMap sources;                    // the condition is the file `condition`
};
/// Checks a condition such as `amount > 100 and severity >= high`: it may read the fields (name and
/// type count), `ts`, literals and functions. Never fails but through diagnostics.
ConditionCheck check_condition(std::string text, const std::vector<cep::Field>& fields);
}  // namespace tocsin::rules
