#include "runtime/watermark.h"

#include <algorithm>

#include "cep/base/assert.h"

namespace tocsin::runtime {
WatermarkTracker::WatermarkTracker(cep::Duration bound) : bound_(bound) {
  TOCSIN_ASSERT(bound.us >= 0 && bound.us <= cep::kEventTimeMax.us,
                "bounds are durations of the rule language, never negative");
}

std::optional<cep::EventTime> WatermarkTracker::observe(cep::EventTime event_time) {
  TOCSIN_ASSERT(!is_late(event_time), "the source routes late events before observe()");
  // The decoder keeps every EventTime inside +-2^62 us, so this cannot overflow.
  const cep::EventTime candidate = event_time - bound_;
  if (candidate <= watermark_) return std::nullopt;
  watermark_ = candidate;
  return watermark_;
}

cep::Duration bound_of(const cep::Plan& plan) {
  cep::Duration bound;
  for (const cep::EventType& type : plan.event_types) bound = std::max(bound, type.bound);
  return bound;
}
}  // namespace tocsin::runtime
