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
  std::string target;                          // as sent: path and query, without a host
  std::vector<HttpHeader> headers;             // names in lower case, in the order sent
  std::optional<std::uint64_t> content_bytes;  // Content-Length
  bool is_chunked = false;
  bool keep_alive = false;        // the client lets the connection stay open
  bool is_1_1 = true;             // else it is HTTP/1.0, which knows no chunks
  bool expects_continue = false;  // the client waits for 100 before it sends the body

  /// The first value of a header given in lower case; nothing where there is none.
  std::optional<std::string_view> header(std::string_view name) const;
};
/// Why a head is refused: the status to answer with, and words for the client.
struct HttpFault {
  int status = 400;
  std::string detail;
  std::string_view problem = {};  // the slug of its kind (problem.def); empty: the status says it
};
/// Why a method is refused, whatever the target is: 405 for TRACE, 501 for one that is unknown.
std::optional<HttpFault> fault_of_method(std::string_view method);
inline constexpr std::string_view kAllowedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Where the head in `bytes` ends.
struct HeadEnd {
  enum class Is : std::uint8_t { kUnknown, kFound, kBareLineFeed };
  Is is = Is::kUnknown;
  std::size_t at = 0;  // just after the empty line or the line feed, where there is one
};
/// Looks from the byte `from` on, before which there was no end. A line feed without a carriage
/// return before it is one at once: who sends it would wait for an answer.
HeadEnd find_request_head_end(std::string_view bytes, std::size_t from);
/// A header line without its end, as a head or a trailer has it. The name becomes lower case.
tl::expected<HttpHeader, HttpFault> parse_header_line(std::string_view line);
/// Reads a head that ends with its empty line. Refuses what two readers could read differently:
/// bare line feeds, folded lines, blanks before a colon, control characters, Content-Length beside
/// Transfer-Encoding or twice, a missing or second Host, two Authorizations. Of an absolute target
/// (`http://a/b`) the host replaces that of the header (RFC 9112, 3.2.2). 414, 417, 431, 501 and
/// 505 as RFC 9110 says, else 400.
tl::expected<RequestHead, HttpFault> parse_request_head(std::string_view head,
                                                        const HttpHeadLimits& limits);
}  // namespace tocsin::api
