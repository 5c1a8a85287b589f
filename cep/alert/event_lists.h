/// What a lane makes alerts with.
#pragma once
#include <string>

#include "cep/alert/shared_events.h"
#include "cep/data/bound_events_writer.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// Threading: one caller at a time.
struct EventLists {
  /// Borrows the plan.
  explicit EventLists(const Plan& plan) : shared(plan) {}

  SharedEvents shared;
  BoundEventsWriter writer;  // empty between alerts
  std::string message;       // of the alert that is being made; its memory is kept
};
}  // namespace tocsin::cep
