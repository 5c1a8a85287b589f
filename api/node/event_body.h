/// Bodies of events as one JSON object a line, whatever they came as: NDJSON, a JSON array or
/// object, CloudEvents 1.0 (structured, batch, binary), packed by gzip or zstd or not.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "api/base/configuration.h"
#include "api/net/body_budget.h"
#include "api/net/http_client.h"
#include "api/net/http_head.h"
#include "runtime/journal/trace_context.h"

namespace tocsin::api {
/// The media types that events may come as; with none named, it is NDJSON.
std::span<const std::string_view> event_media_types();

struct UnpackLimits {
  std::size_t bytes_max = 0;  // of the unpacked body
  std::size_t ratio_max = 0;  // of its size to that of the packed one; 0: any
};
/// A body that unpacks to so little may have any ratio.
inline constexpr std::size_t kAnyRatioBytes = std::size_t{1} << 20U;
/// The settings `http.unpacked_bytes_max` and `http.unpack_ratio_max`.
UnpackLimits unpack_limits(const Configuration& configuration);
/// Unpacks a body (`Content-Encoding`: gzip, zstd, identity or empty). Refuses other encodings
/// (415), damage (400), more than the limits admit (413) while it unpacks, and what there is no
/// room for (503): what unpacking takes is counted on the hold as it grows, and its result stays
/// counted. Zstandard may use a window of at most 8 MiB (RFC 9659).
tl::expected<std::string, HttpFault> unpack_body(std::string body, std::string_view encoding,
                                                 const UnpackLimits& limits,
                                                 BodyBudget::Hold& hold);
/// Bytes that event_lines() takes beside a body of so many: what is JSON as a whole is copied.
std::size_t bytes_to_split(const RequestHead& head, std::size_t body_bytes);

/// The body's events, a line each with its line feed, in order. NDJSON is given as it is: its lines
/// are judged one by one where they are taken. What has to be read whole to find its events is
/// refused whole (400) where it is no JSON.
///
/// A CloudEvent becomes the envelope's attributes `type`, `id`, `ts` (of `time`), `source` and
/// `subject`, then the members of its data, a JSON object. Of a repeated name the first counts, so
/// that the envelope goes before what the data says. One without `specversion` 1.0, `type`, `id` or
/// `source` is refused (400). In binary mode the attributes are headers, whose percent-escapes are
/// decoded; a body with any of the four is one.
///
/// `traces` gets the `traceparent` of CloudEvents (their Distributed Tracing extension), by line;
/// one that the specification says is ignored, and an event without one, has the request's,
/// `trace_parent`, which may be empty.
tl::expected<std::string, HttpFault> event_lines(const RequestHead& head, std::string body,
                                                 std::string_view trace_parent = {},
                                                 std::vector<runtime::TraceRun>* traces = nullptr);
}  // namespace tocsin::api
