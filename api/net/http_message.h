/// HTTP/1.1 messages as bytes (RFC 9112), as far as this program asks others: a POST or a GET
/// out, an answer's head in.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/net/http_client.h"
#include "api/net/webhook_url.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// The bytes of a POST to `url`, of JSON unless a header says otherwise, kept alive. Errors:
/// kInvalidArgument when a header's name is no token or its value holds a control character, so
/// that nobody's value can begin another header or request.
Result<std::string> format_post(const WebhookUrl& url, std::span<const HttpHeader> headers,
                                std::string_view body);

/// The bytes of a GET of `target` (path and query) at the host of `url`, after whose answer the
/// connection closes. Errors: as format_post().
Result<std::string> format_get(const WebhookUrl& url, std::string_view target,
                               std::span<const HttpHeader> headers);

/// The head of any request for `target` at the host of `url`, before a body of so many bytes; kept
/// alive. Errors: as format_post().
Result<std::string> format_head(const WebhookUrl& url, std::string_view method,
                                std::string_view target, std::span<const HttpHeader> headers,
                                std::size_t body_bytes);

struct ResponseHead {
  int status = 0;
  std::string retry_after;
  std::string etag;
  /// The body's bytes where they are known; nothing: until the connection closes, or in chunks.
  std::optional<std::uint64_t> body_bytes;
  bool is_chunked = false;
  bool keep_alive = false;  // the peer lets the connection stay open
};
/// Where the first head in `bytes` ends, just after its empty line; nothing while that has not
/// come. Before `from` no line of it ends that is empty.
std::optional<std::size_t> find_head_end(std::string_view bytes, std::size_t from = 0);
/// Reads a head that `find_head_end` delimited. Errors: kCorrupt when it is not HTTP/1.
Result<ResponseHead> parse_response_head(std::string_view head);

/// How long `Retry-After` (RFC 9110, 10.2.3: seconds or an IMF-fixdate) asks to wait from `now_s`,
/// seconds since the epoch: 0 for a time that is over, at most a day; nothing for a value that is
/// neither.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now_s);
}  // namespace tocsin::api
