/// Rules by what people call them.
#pragma once
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/base/result.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::library {
/// The rules of these names or ids, in the order of the files; all where none is named. Fails with
/// kNotFound and the first name that none has.
Result<std::vector<cep::RuleIndex>> find_rules(const cep::Plan& plan,
                                               const std::vector<std::string>& names);
}  // namespace tocsin::library
