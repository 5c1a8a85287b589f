/// A plan as rule text: parsing and lowering the text gives an equal plan.
#pragma once
#include <string>

#include "cep/plan/plan.h"

namespace tocsin::tests {
/// The text of one file. The plan is in the form that lowering gives (random_plan.h makes such).
std::string plan_source(const cep::Plan& plan);
/// One expression, as it stands in rule `rule` of the plan.
/// Why no text gives this plan, as far as its form says; empty where one may.
std::string unsayable(const cep::Plan& plan);
}  // namespace tocsin::tests
