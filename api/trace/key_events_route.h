/// `GET /v1/keys/{key}/events`: the events of a key, from the archive.
#pragma once
#include <memory>

#include "api/rest/router.h"
#include "api/trace/trace_slots.h"
#include "api/trace/trace_source.h"

namespace tocsin::api {
/// Reads on the threads of its requests, as traces do; `slots` are shared with them.
void add_key_events_route(Router& router, std::shared_ptr<const TraceSource> source,
                          std::shared_ptr<TraceSlots> slots);
}  // namespace tocsin::api
