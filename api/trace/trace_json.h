/// A trace as JSON, for a console.
#pragma once
#include <string>

#include "api/trace/key_trace.h"

namespace tocsin::api {
/// One object on one line, without its end; decimals have all their digits.
std::string trace_json(const KeyTracer& tracer, const KeyTrace& trace);
}  // namespace tocsin::api
