/// W3C Trace Context (https://www.w3.org/TR/trace-context/): which request an event came with, so
/// that what it brings about can be found by whoever follows that request.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"

namespace tocsin::runtime {
/// A `traceparent` as version 00 writes it, "00-TRACE_ID-PARENT_ID-FLAGS", of which only the flag
/// `sampled` is kept. Nothing for what the specification says is ignored: other shapes, ids of
/// zeros, version ff. A later version is read by the parts that it shares with 00.
std::optional<std::string> read_trace_parent(std::string_view text);
/// The same trace under a span of another id, of 16 hex digits. Requires what read_trace_parent()
/// gave.
std::string with_span(std::string_view trace_parent, std::string_view span_id);

/// From this line on, to where the next run begins, events came with this; empty: with none.
struct TraceRun {
  std::uint64_t first = 0;  // line of a record, from 0
  std::string trace_parent;
  friend bool operator==(const TraceRun&, const TraceRun&) = default;
};
/// Adds a run unless it goes on with the last one. Requires ascending places.
void add_trace(std::vector<TraceRun>& runs, std::uint64_t first, std::string_view trace_parent);
/// The runs of the lines from `first` on, counted from there.
std::vector<TraceRun> traces_from(const std::vector<TraceRun>& runs, std::uint64_t first);

/// Runs as bytes: v first | text traceparent, ….
std::string encode_traces(const std::vector<TraceRun>& runs);
/// Nothing for anything but what encode_traces() gives of runs in ascending order.
std::optional<std::vector<TraceRun>> decode_traces(std::string_view bytes);
}  // namespace tocsin::runtime
