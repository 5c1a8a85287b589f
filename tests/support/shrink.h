/// Makes a failing pair of plan and events smaller while it still fails.
#pragma once
#include <functional>
#include <vector>

#include "cep/plan/plan.h"
#include "tests/support/oracle.h"

namespace tocsin::tests {
struct Case {
  cep::Plan plan;
  std::vector<oracle::PlacedEvent> events;
};
/// Leaves out rules, elements, conditions, clauses and events, one at a time, as long as the plan
/// validates and `fails` says so. `fails` holds for `start`.
Case shrink(Case start, const std::function<bool(const Case&)>& fails);
}  // namespace tocsin::tests
