/// What a server's archive tells of a key: `GET /v1/trace`, why rules did not alert;
/// `GET /v1/keys/{key}/history`, what its features were; and the routes of archive_routes.h.
#pragma once
#include "api/rest/router.h"
#include "api/trace/trace_source.h"

namespace tocsin::api {
/// Traces run on the threads of their requests, a few at a time; the node is asked only for its
/// rules.
void add_trace_route(Router& router, TraceSource source);
}  // namespace tocsin::api
