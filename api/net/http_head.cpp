#include "api/net/http_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "cep/base/trimmed.h"

namespace tocsin::api {
namespace {
tl::unexpected<HttpFault> refuse(int status, std::string detail) {
  return tl::unexpected<HttpFault>(HttpFault{status, std::move(detail)});
}

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
char to_lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
}
// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char letter) {
    const char lower = to_lower(letter);
    return is_digit(letter) || (lower >= 'a' && lower <= 'z') || kMarks.find(letter) != kMarks.npos;
  });
}
bool is_value(std::string_view text) {
  return std::ranges::all_of(text, [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
  });
}
bool is_target(std::string_view text) {
  return std::ranges::all_of(text, [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte > ' ' && byte < 0x7f;
  });
}
std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), to_lower);
  return result;
}
// Whether a comma-separated value holds `word`, given in lower case.
bool has_word(std::string_view value, std::string_view word) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    if (lower(trimmed(value.substr(0, comma))) == word) return true;
    value.remove_prefix(std::min(value.size(), comma + 1));
  }
  return false;
}

// Takes the next line from `rest`; nothing where it does not end in CR LF.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

// Takes `http://HOST:PORT` from the beginning of an absolute target and gives the host with its
// port; nothing where there is no host that can be one. Whose name stands before an `@` is refused.
std::optional<std::string> take_authority(std::string& target) {
  const std::size_t begin = target.find("://") + 3;
  const std::size_t end = std::min(target.find_first_of("/?", begin), target.size());
  std::string authority = target.substr(begin, end - begin);
  const bool is_good = !authority.empty() && std::ranges::all_of(authority, [](char letter) {
    const char lower = to_lower(letter);
    return is_digit(letter) || (lower >= 'a' && lower <= 'z') ||
           std::string_view("-._~:[]").find(letter) != std::string_view::npos;
  });
  if (!is_good) return std::nullopt;
  target.erase(0, end);
  if (!target.starts_with('/')) target.insert(0, "/");
  return authority;
}
bool is_absolute(std::string_view target) {
  const std::string scheme = lower(target.substr(0, target.find(':')));
  return (scheme == "http" || scheme == "https") && target.substr(scheme.size()).starts_with("://");
}

// Whether it is HTTP/1.1; `authority` gets the host of an absolute target.
tl::expected<bool, HttpFault> read_request_line(std::string_view line, RequestHead& head,
                                                std::string& authority,
                                                const HttpHeadLimits& limits) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return refuse(400, "the request line is not `METHOD TARGET HTTP/1.1`");
  }
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(head.method)) return refuse(400, "the method is not a token");
  if (head.target.size() > limits.target_bytes_max) {
    return refuse(414, fmt::format("the target is longer than {} bytes", limits.target_bytes_max));
  }
  if (!is_target(head.target)) return refuse(400, "the target has a byte that no target has");
  if (is_absolute(head.target)) {
    std::optional<std::string> host = take_authority(head.target);
    if (!host) return refuse(400, "the target has no host");
    authority = *std::move(host);
  }
  if (!head.target.starts_with('/')) {
    return refuse(400, "the target is not a path that begins with `/`");
  }
  if (version == "HTTP/1.1") return true;
  if (version == "HTTP/1.0") return false;
  return refuse(505, "only HTTP/1.1 and HTTP/1.0 are supported");
}

tl::expected<void, HttpFault> read_length(const std::string& value, RequestHead& head) {
  std::uint64_t bytes = 0;
  const char* const end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, bytes);
  if (value.empty() || !is_digit(value[0]) || parsed.ec != std::errc{} || parsed.ptr != end) {
    return refuse(400, "Content-Length is not a number of bytes");
  }
  if (head.content_bytes) return refuse(400, "Content-Length appears twice");
  head.content_bytes = bytes;
  return {};
}

// How long the body is, and what becomes of the connection.
tl::expected<void, HttpFault> read_framing(RequestHead& head, bool is_1_1) {
  std::size_t hosts = 0;
  std::size_t authorizations = 0;
  head.is_1_1 = is_1_1;
  head.keep_alive = is_1_1;
  for (const HttpHeader& header : head.headers) {
    if (header.name == "host") ++hosts;
    if (header.name == "authorization") ++authorizations;
    if (header.name == "content-length") {
      if (auto length = read_length(header.value, head); !length) return length;
    }
    if (header.name == "expect") {
      if (lower(header.value) != "100-continue") {
        return refuse(417, "the only supported expectation is `100-continue`");
      }
      head.expects_continue = is_1_1;
    }
    if (header.name == "transfer-encoding") {
      if (head.is_chunked || lower(header.value) != "chunked") {
        return refuse(501, "the only supported transfer encoding is `chunked`");
      }
      head.is_chunked = true;
    }
    if (header.name == "connection") {
      if (has_word(header.value, "close")) head.keep_alive = false;
      if (!is_1_1 && has_word(header.value, "keep-alive")) head.keep_alive = true;
    }
  }
  if (head.is_chunked && (head.content_bytes || !is_1_1)) {
    return refuse(400, "a body has either Content-Length or, in HTTP/1.1, chunks");
  }
  if (hosts > 1 || (is_1_1 && hosts == 0)) return refuse(400, "a request has one Host header");
  if (authorizations > 1) return refuse(400, "a request has at most one Authorization header");
  return {};
}
}  // namespace

std::optional<std::string_view> RequestHead::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &HttpHeader::name);
  if (found == headers.end()) return std::nullopt;
  return found->value;
}

std::optional<HttpFault> fault_of_method(std::string_view method) {
  constexpr std::array kMethods = {"GET",   "HEAD",   "POST",    "PUT",
                                   "PATCH", "DELETE", "OPTIONS", "QUERY"};
  if (method == "TRACE") return HttpFault{405, "TRACE is not supported"};
  if (std::ranges::find(kMethods, method) != kMethods.end()) return std::nullopt;
  return HttpFault{501, "this method is not supported"};
}

HeadEnd find_request_head_end(std::string_view bytes, std::size_t from) {
  for (std::size_t at = bytes.find('\n', from); at != bytes.npos; at = bytes.find('\n', at + 1)) {
    if (at == 0 || bytes[at - 1] != '\r') return {HeadEnd::Is::kBareLineFeed, at + 1};
    if (at == 1 || bytes[at - 2] == '\n') return {HeadEnd::Is::kFound, at + 1};
  }
  return {};
}

tl::expected<HttpHeader, HttpFault> parse_header_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return refuse(400, "a header line is not `Name: value`");
  }
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!is_value(value)) {
    return refuse(
        400, fmt::format("the header {} holds a control character", lower(line.substr(0, colon))));
  }
  return HttpHeader{lower(line.substr(0, colon)), std::string(value)};
}

tl::expected<RequestHead, HttpFault> parse_request_head(std::string_view head,
                                                        const HttpHeadLimits& limits) {
  if (head.size() > limits.head_bytes_max) {
    return refuse(431, fmt::format("the head is longer than {} bytes", limits.head_bytes_max));
  }
  RequestHead result;
  const auto first = take_line(head);
  if (!first) return refuse(400, "lines end in CR LF");
  std::string authority;
  const auto is_1_1 = read_request_line(*first, result, authority, limits);
  if (!is_1_1) return tl::unexpected(is_1_1.error());
  for (;;) {
    const auto line = take_line(head);
    if (!line) return refuse(400, "lines end in CR LF");
    if (line->empty()) break;
    if (line->front() == ' ' || line->front() == '\t') {
      return refuse(400, "a header is one line");
    }
    auto header = parse_header_line(*line);
    if (!header) return tl::unexpected(header.error());
    if (result.headers.size() == limits.header_count_max) {
      return refuse(431, fmt::format("there are more than {} headers", limits.header_count_max));
    }
    result.headers.push_back(std::move(*header));
  }
  if (!head.empty()) return refuse(400, "the head continues after its empty line");
  if (const auto framing = read_framing(result, *is_1_1); !framing) {
    return tl::unexpected(framing.error());
  }
  if (!authority.empty()) {
    const auto host = std::ranges::find(result.headers, "host", &HttpHeader::name);
    if (host != result.headers.end()) host->value = authority;
  }
  return result;
}
}  // namespace tocsin::api
