/// A test made of an alert: `GET /v1/alerts/{id}/test`.
#pragma once
#include <memory>

#include "api/rest/router.h"
#include "api/trace/trace_slots.h"
#include "api/trace/trace_source.h"

namespace tocsin::api {
/// Each runs on the thread of its request, in one of the slots.
void add_alert_test_route(Router& router, std::shared_ptr<const TraceSource> source,
                          std::shared_ptr<TraceSlots> slots);
}  // namespace tocsin::api
