/// Which constructs a plan uses: to know what random plans have covered.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "cep/plan/plan.h"

namespace tocsin::tests {
/// The names of the constructs that occur in the plan.
std::set<std::string> constructs_of(const cep::Plan& plan);
/// All names that constructs_of can give for plans of random_plan.h: each of them must come up.
const std::vector<std::string>& expected_constructs();
}  // namespace tocsin::tests
