/// The head of an HTTP/1.1 request (RFC 9112), read strictly and within limits before anything else
/// sees it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "api/net/http_client.h"

namespace tocsin::api {
struct HttpHeadLimits {
  std::size_t head_bytes_max = std::size_t{32} << 10;  // request line and header lines
  std::size_t header_count_max = 100;
  std::size_t target_bytes_max = 4096;
};
struct RequestHead {
  std::string method;
  std::string target;                          // as sent: path and query
  std::vector<HttpHeader> headers;             // names in lower case, in the order sent
  std::optional<std::uint64_t> content_bytes;  // Content-Length
  bool is_chunked = false;
  bool keep_alive = false;  // the client lets the connection stay open

  /// The first value of a header given in lower case; nothing where there is none.
  std::optional<std::string_view> header(std::string_view name) const;
};
/// Why a head is refused: the status to answer with, and words for the client.
struct HttpFault {
  int status = 400;
  std::string detail;
};
/// Reads a head that ends with its empty line. Refuses what two readers could read differently:
/// bare line feeds, folded lines, blanks before a colon, control characters, Content-Length beside
/// Transfer-Encoding or twice, a missing or second Host. 414, 431, 501 and 505 as RFC 9110 says,
/// else 400.
tl::expected<RequestHead, HttpFault> parse_request_head(std::string_view head,
                                                        const HttpHeadLimits& limits);
}  // namespace tocsin::api
