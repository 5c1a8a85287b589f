/// A trace in words.
#pragma once
#include <string>

#include "api/trace/key_trace.h"

namespace tocsin::api {
/// What happened to a rule at a moment, a clause: "took it as step 1 of 2, `probes`: 2 of 3".
std::string trace_note_text(const KeyTracer& tracer, const KeyTrace& trace,
                            const cep::TraceNote& note);
/// What the rule calls an event of the note: "probes", or its kind.
std::string trace_event_name(const KeyTracer& tracer, const KeyTrace& trace,
                             const cep::TraceNote& note, const cep::TracedEvent& event);
/// All of it; each line has its end.
std::string trace_text(const KeyTracer& tracer, const KeyTrace& trace);
}  // namespace tocsin::api
