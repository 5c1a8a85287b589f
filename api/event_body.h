/// Bodies of events as one JSON object a line, whatever they came as: NDJSON, a JSON array or
/// object, CloudEvents 1.0 (structured, batch, binary), packed by gzip or zstd or not.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/http_client.h"
#include "api/http_head.h"
#include "runtime/trace_context.h"

namespace tocsin::api {
/// The media types that events may come as; with none named, it is NDJSON.
std::span<const std::string_view> event_media_types();

/// Unpacks a body (`Content-Encoding`: gzip, zstd, identity or empty). Refuses other encodings
/// (415), damage (400), and more than `bytes_max` unpacked bytes (413).
tl::expected<std::string, HttpFault> unpack_body(std::string body, std::string_view encoding,
                                                 std::size_t bytes_max);

/// The body's events, a line each with its line feed, in order. NDJSON is given as it is: its lines
/// are judged one by one where they are taken. What has to be read whole to find its events is
/// refused whole (400) where it is no JSON.
///
/// A CloudEvent becomes its data, a JSON object, with the envelope's attributes behind its members:
/// `type`, `id`, `ts` (of `time`), `source`, `subject`. Of a repeated name the first counts, so
/// that what the data says goes before what the envelope says. Its `specversion` is 1.0.
///
/// `traces` gets the `traceparent` of CloudEvents (their Distributed Tracing extension), by line;
/// one that the specification says is ignored, and an event without one, has the request's,
/// `trace_parent`, which may be empty.
tl::expected<std::string, HttpFault> event_lines(const RequestHead& head, std::string body,
                                                 std::string_view trace_parent = {},
                                                 std::vector<runtime::TraceRun>* traces = nullptr);
}  // namespace tocsin::api
