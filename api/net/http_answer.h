/// The head of an answer as bytes (RFC 9112).
#pragma once
#include <string>
#include <string_view>

#include "api/net/http_exchange.h"

namespace tocsin::api {
/// How an answer is framed, by what the request was.
struct AnswerFraming {
  bool is_head = false;  // the request was a HEAD: no body follows
  bool is_1_1 = true;    // else a stream ends with its connection
  bool keeps = false;    // the connection stays open
};
/// The status line and headers, with the empty line. A control character in a header's value
/// becomes a blank, so that no value can begin another header.
std::string format_answer_head(const HttpResponse& response, const AnswerFraming& framing);
/// What 100 looks like.
inline constexpr std::string_view kContinueAnswer = "HTTP/1.1 100 Continue\r\n\r\n";
}  // namespace tocsin::api
