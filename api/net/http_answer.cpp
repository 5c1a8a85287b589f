#include "api/net/http_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace tocsin::api {
namespace {
constexpr std::array<std::pair<int, std::string_view>, 33> kReasons = {{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
}};
std::string_view reason_of(int status) {
  const auto* const found =
      std::ranges::find(kReasons, status, &std::pair<int, std::string_view>::first);
  return found == kReasons.end() ? "Other" : found->second;
}
void append_header(std::string& to, std::string_view name, std::string_view value) {
  to += name;
  to += ": ";
  std::ranges::transform(value, std::back_inserter(to), [](char letter) {
    return static_cast<unsigned char>(letter) < ' ' || letter == 0x7f ? ' ' : letter;
  });
  to += "\r\n";
}
}  // namespace

std::string format_answer_head(const HttpResponse& response, const AnswerFraming& framing) {
  std::string bytes =
      fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
  for (const HttpHeader& header : response.headers) {
    append_header(bytes, header.name, header.value);
  }
  const bool has_no_body = response.status == 204 || response.status == 304;
  if (!response.content_type.empty()) append_header(bytes, "Content-Type", response.content_type);
  if (response.stream) {
    if (framing.is_1_1) bytes += "Transfer-Encoding: chunked\r\n";
  } else if (!has_no_body) {
    bytes += fmt::format("Content-Length: {}\r\n", response.body.size());
  }
  bytes += framing.keeps ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return bytes;
}
}  // namespace tocsin::api
