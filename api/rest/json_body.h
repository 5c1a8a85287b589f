/// Bodies of requests that are one JSON object, and answers that are JSON.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "api/net/http_server.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// Reads the body as one JSON object whose members are all in `known`. Refuses anything else,
/// repeated names at any depth, more than `bytes_max`, and nesting deeper than 32, each with the
/// answer to give. No body is `{}`.
tl::expected<nlohmann::ordered_json, HttpResponse> read_json_object(
    ApiRequest& request, std::span<const std::string_view> known,
    std::size_t bytes_max = kJsonBytesMax);
tl::expected<nlohmann::ordered_json, HttpResponse> read_json_object(
    ApiRequest& request, std::initializer_list<std::string_view> known,
    std::size_t bytes_max = kJsonBytesMax);
/// The document and a line feed.
HttpResponse json_response(int status, const nlohmann::ordered_json& document);
/// The same of a document that is text already.
HttpResponse json_text_response(int status, std::string text);

/// The answer, which says `Tocsin-Behind: true` where what was answered before may be missing.
HttpResponse maybe_behind(HttpResponse response, bool is_behind);

/// `"7"`, of a resource's version.
std::string etag_of(std::uint64_t version);
/// Whether the resource of that version may be changed by the request: its If-Match names the
/// version, or is `*`. Else the answer: 428 without one (unless it may be left out), 412 for
/// another, which shows the present ETag.
tl::expected<void, HttpResponse> check_if_match(const ApiRequest& request, std::uint64_t version,
                                                bool is_optional = false);
}  // namespace tocsin::api
