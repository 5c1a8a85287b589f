/// Makes random rules wide: chains of optional steps, and `all of` with more members than
/// random_rich.h gives it.
#pragma once
#include <cstddef>

#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// Adds to the end of the rule's pattern where that is a step; the plan stays valid.
void widen(Random& random, cep::Plan& plan, std::size_t rule);
}  // namespace tocsin::tests
