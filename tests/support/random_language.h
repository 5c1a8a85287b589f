/// Random plans of the whole language: those of random_plan.h made richer in one way or in many.
#pragma once
#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// A plan that validates; over the event types of `schema`, where that is given.
cep::Plan random_language_plan(Random& random, const cep::Plan* schema = nullptr);
}  // namespace tocsin::tests
