/// Random plans of the whole language: those of random_plan.h made richer in one way or in many.
#pragma once
#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// A plan that validates; over the event types of `schema`, where that is given.
cep::Plan random_language_plan(Random& random, const cep::Plan* schema = nullptr);
/// The same, made of what lies between rules: several readers of alerts, and features that leave
/// out the alerts of rules which read them, under one key or another.
cep::Plan random_alert_plan(Random& random, const cep::Plan* schema = nullptr);
}  // namespace tocsin::tests
