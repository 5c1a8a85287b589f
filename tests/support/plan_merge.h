/// Two plans over the same event types as one.
#pragma once
#include <optional>
#include <string>

#include "cep/plan/plan.h"

namespace tocsin::tests {
/// Both plans' rules, features, lists and tables over the event types that both declare; what comes
/// from `other` has `prefix` before its name. The rules of `other` stand after those of `plan`, or
/// before them with `first`. Nothing where both read `any alert`, which is one type.
std::optional<cep::Plan> merged(const cep::Plan& plan, const cep::Plan& other,
                                const std::string& prefix, bool first);
}  // namespace tocsin::tests
