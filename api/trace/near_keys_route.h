/// `GET /v1/keys`: keys of which rules hold state, the nearest to an alert first.
#pragma once
#include <memory>

#include "api/rest/router.h"
#include "api/trace/trace_source.h"

namespace tocsin::api {
void add_near_keys_route(Router& router, std::shared_ptr<const TraceSource> source);
}  // namespace tocsin::api
