/// Random plans over a small schema, made so that matches are frequent on the events of
/// random_events.h. They are in the form that the lowering of rule text gives.
#pragma once
#include <cstddef>

#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
struct PlanOptions {
  std::size_t rules_max = 3;
  std::size_t steps_max = 6;
  bool no_skip = true;  // `after match no skip` may be said
  bool considering = true;
  bool data = false;                  // text, functions, tables, zones, computed fields, `unique`
  bool rich_features = false;         // all aggregates and windows, features that read features
  const cep::Plan* schema = nullptr;  // the plan whose event types are taken over; else random ones
};
/// A plan that validates.
cep::Plan random_plan(Random& random, const PlanOptions& options = {});
}  // namespace tocsin::tests
