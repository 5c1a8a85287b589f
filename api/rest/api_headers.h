/// The headers of the API, beside those of HTTP itself, as the OpenAPI document describes them.
#pragma once
#include <array>
#include <string_view>

namespace tocsin::api {
struct ApiHeader {
  std::string_view name;
  std::string_view description;
  bool is_whole_number = false;
  std::string_view pattern = {};  // a regular expression (ECMA-262); empty: any text
};
/// Of If-Match: `*`, or entity tags (RFC 9110, 8.8.3) with commas between them.
inline constexpr std::string_view kEtagsPattern = "^(\\*|(W/)?\"[!#-~]*\"(, *(W/)?\"[!#-~]*\")*)$";
/// What requests may have. The first two are read by every operation, the next by those that a
/// client may repeat by an idempotency key; a route names the others that it reads.
inline constexpr std::array kRequestHeaders = {
    ApiHeader{"X-Request-Id", "An id for this request, of up to 128 letters, digits, - _ . :"},
    ApiHeader{"traceparent", "W3C Trace Context; alerts of these events carry it on"},
    ApiHeader{"Idempotency-Key", "With this key the request is done once, however often it is sent",
              false, "^[!#-\\[\\]-~]([ !#-\\[\\]-~]{0,253}[!#-\\[\\]-~])?$"},
    ApiHeader{"If-Match", "The ETag of what was read, or * for whatever there is", false,
              kEtagsPattern},
    ApiHeader{"If-None-Match", "* for what must not be there yet"},
    ApiHeader{"Last-Event-ID", "The last event that was received: the stream goes on behind it"},
    ApiHeader{"Content-Encoding", "gzip or zstd; empty: not packed", false, "^(gzip|zstd)?$"},
    ApiHeader{"Tocsin-Comment",
              "Why it is done, in at most 2,000 bytes; percent-encoded where it is not ASCII",
              false, "^[ -~]*$"},
    ApiHeader{"Tocsin-Producer", "The producer's name; with Tocsin-Sequence no event counts twice"},
    ApiHeader{"Tocsin-Sequence", "How many events the producer sent before these", true}};
/// What answers may have. A route names those of the last part that its answers have.
inline constexpr std::array kAnswerHeaders = {
    // Of every answer.
    ApiHeader{"X-Request-Id", "The request's id, as it is in the audit log"},
    ApiHeader{"Cache-Control", "no-store"}, ApiHeader{"X-Content-Type-Options", "nosniff"},
    // Where a token is needed.
    ApiHeader{"RateLimit-Limit", "Requests that the token may make at once", true},
    ApiHeader{"RateLimit-Remaining", "How many of them are left", true},
    ApiHeader{"RateLimit-Reset", "Seconds until none of them is taken", true},
    // Of problems.
    ApiHeader{"Retry-After", "Seconds until it is worth trying again", true},
    ApiHeader{"WWW-Authenticate", "Bearer: a token is needed"},
    ApiHeader{"Allow", "The methods that the path has"},
    // Where an idempotency key may be sent.
    ApiHeader{"Idempotent-Replayed", "true: this is the answer that was given before"},
    // Of some routes.
    ApiHeader{"ETag", "What the resource is now, for If-Match"},
    ApiHeader{"Content-Disposition", "A name for the file"},
    ApiHeader{"Content-Security-Policy", "What a browser may do with the page: nothing"},
    ApiHeader{"Location", "The path of what was made"},
    ApiHeader{"Set-Cookie", "The cookie of a session, or its end"},
    ApiHeader{"Tocsin-Last-Entry",
              "The sequence of the last entry: the `after` of the next request", true},
    ApiHeader{"Tocsin-Behind", "true: the newest entries are not in this answer yet"}};
}  // namespace tocsin::api
