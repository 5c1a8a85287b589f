/// Conditions in the rule language on the fields of alerts: `amount > 100 and severity >= high`.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/effects/effects.h"

namespace tocsin::api {
/// The fields that alerts of some rules have: `ts`, `rule`, `severity`, `score`, the parts of the
/// key, the alert's fields, and `tags` (with ", " between them). A field that an alert's own rule
/// does not have is missing.
struct AlertFields {
  std::vector<cep::Field> fields;
  /// Those of which rules say types that have nothing in common, and how: they cannot be read.
  std::map<std::string, std::string> clashes;
};
/// Of the plan's live rules with these ids; of all where none is named.
AlertFields alert_fields(const cep::Plan& plan,
                         const std::set<std::string, std::less<>>& rules = {});

/// Why a condition cannot be asked.
struct ConditionRefusal {
  std::string detail;
  std::string diagnostics;  // as JSON lines, as POST /v1/rules/validate has them
};
/// Threading: any.
class AlertCondition {
 public:
  static tl::expected<std::shared_ptr<const AlertCondition>, ConditionRefusal> make(
      const std::string& text, const AlertFields& fields);
  /// Whether it is true; a condition over what is missing is not.
  bool holds(const runtime::StoredAlert& alert) const;

 private:
  explicit AlertCondition(cep::Program program) : program_(std::move(program)) {}
  cep::Program program_;
};
}  // namespace tocsin::api
