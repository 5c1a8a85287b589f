/// What alerts call the events of a step.
#pragma once
#include <optional>
#include <string>

#include "cep/plan/rule.h"

namespace tocsin::cep {
/// The name of a step's variable, or of the nearest choice around it that has one; null where the
/// rule says none: then the name of the event's kind is shown (Subset::name).
inline const std::string* shown_name(const Rule& rule, VarIndex var) {
  for (std::optional<VarIndex> at = var; at; at = rule.variables[at->value].parent) {
    const std::string& name = rule.variables[at->value].name;
    if (!name.empty()) return &name;
  }
  return nullptr;
}
}  // namespace tocsin::cep
