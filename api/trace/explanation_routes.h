/// Why an alert was raised: `GET /v1/alerts/{id}/explanation`.
#pragma once
#include <memory>

#include "api/rest/router.h"
#include "api/trace/trace_slots.h"
#include "api/trace/trace_source.h"

namespace tocsin::api {
/// Explanations run on the threads of their requests, each in one of the slots.
void add_explanation_route(Router& router, std::shared_ptr<const TraceSource> source,
                           std::shared_ptr<TraceSlots> slots);
}  // namespace tocsin::api
