/// The routes that add_trace_route (trace_routes.h) adds beside its own.
#pragma once
#include <memory>

#include "api/rest/router.h"
#include "api/trace/trace_slots.h"
#include "api/trace/trace_source.h"

namespace tocsin::api {
// What replays the archive does it on the threads of its requests, in one of the slots.

/// Why an alert was raised: `GET /v1/alerts/{id}/explanation`.
void add_explanation_route(Router& router, std::shared_ptr<const TraceSource> source,
                           std::shared_ptr<TraceSlots> slots);
/// A test made of an alert: `GET /v1/alerts/{id}/test`.
void add_alert_test_route(Router& router, std::shared_ptr<const TraceSource> source,
                          std::shared_ptr<TraceSlots> slots);
/// The events of a key: `GET /v1/keys/{key}/events`.
void add_key_events_route(Router& router, std::shared_ptr<const TraceSource> source,
                          std::shared_ptr<TraceSlots> slots);
/// Keys of which rules hold state, the nearest to an alert first: `GET /v1/keys`.
void add_near_keys_route(Router& router, std::shared_ptr<const TraceSource> source);
/// How many partial matches stand at each step: `GET /v1/rules/{rule}/partial-matches`.
void add_step_matches_route(Router& router, std::shared_ptr<const TraceSource> source);
}  // namespace tocsin::api
