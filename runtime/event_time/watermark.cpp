#include "runtime/event_time/watermark.h"

#include <algorithm>

#include "cep/base/assert.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"

namespace tocsin::runtime {
WatermarkTracker::WatermarkTracker(cep::Duration bound) : bound_(bound) {
  TOCSIN_ASSERT(bound.us >= 0 && bound.us <= cep::kEventTimeMax.us,
                "bounds are durations of the rule language, never negative");
}

cep::Duration bound_of(const cep::Plan& plan) {
  cep::Duration bound;
  for (const cep::EventType& type : plan.event_types) bound = std::max(bound, type.bound);
  return bound;
}
}  // namespace tocsin::runtime
