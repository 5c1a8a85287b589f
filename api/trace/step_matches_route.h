/// `GET /v1/rules/{rule}/partial-matches`: how many partial matches stand at each step.
#pragma once
#include <memory>

#include "api/rest/router.h"
#include "api/trace/trace_source.h"

namespace tocsin::api {
void add_step_matches_route(Router& router, std::shared_ptr<const TraceSource> source);
}  // namespace tocsin::api
