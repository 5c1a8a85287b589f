/// What a lane makes alerts with.
#pragma once
#include "cep/alert/shared_events.h"
#include "cep/data/bound_events_writer.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/text_buffer.h"

namespace tocsin::cep {
/// Threading: one caller at a time.
struct EventLists {
  /// Borrows the plan.
  explicit EventLists(const Plan& plan) : shared(plan) {}

  SharedEvents shared;
  BoundEventsWriter writer;  // empty between alerts
  TextBuffer message;        // of the alert that is being made
};
}  // namespace tocsin::cep
