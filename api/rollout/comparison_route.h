/// GET /v1/rules/{rule}/comparison: a rule in shadow beside what is live.
#pragma once
#include <cstddef>
#include <functional>

#include "api/alerts/triage_store.h"
#include "api/node/rule_service.h"
#include "api/privacy/privacy.h"
#include "api/rest/check_slots.h"
#include "api/rest/router.h"
#include "runtime/effects/effect_store.h"

namespace tocsin::api {
/// All outlives the route.
struct ComparisonSources {
  const runtime::EffectStore& effects;
  const TriageStore& triage;
  const RuleService& rules;
  const Privacy* privacy;              // null: everybody is shown everything
  std::function<bool()> await_stored;  // as AlertRouteServices has it
  std::size_t rows_max;                // alerts that one request examines
  ReadSlots* reads = nullptr;          // null: as many comparisons run as are asked
};
void add_comparison_route(Router& router, ComparisonSources sources);
}  // namespace tocsin::api
