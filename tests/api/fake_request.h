/// A request that came over no network, and what may be asked of its answer.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/net/http_exchange.h"

namespace tocsin::tests {
struct FakeRequest final : api::HttpRequest {
  FakeRequest(std::string method, std::string target, std::vector<api::HttpHeader> headers = {},
              std::string body = "")
      : HttpRequest({}, "127.0.0.1") {
    head_.method = std::move(method);
    head_.target = std::move(target);
    head_.headers = std::move(headers);
    if (!body.empty()) head_.content_bytes = body.size();
    body_ = std::move(body);
  }
  void add_header(api::HttpHeader header) { head_.headers.push_back(std::move(header)); }
};
/// The value of an answer's header; null where there is none.
inline const std::string* header_of(const api::HttpResponse& response, std::string_view name) {
  for (const api::HttpHeader& header : response.headers) {
    if (header.name == name) return &header.value;
  }
  return nullptr;
}
/// All that a streamed answer gives, until it ends or has nothing now, or `is_enough`.
template <typename IsEnough>
std::string streamed(const api::HttpResponse& response, IsEnough is_enough) {
  std::string text;
  for (;;) {
    std::vector<api::SharedBytes> pieces;
    const api::HttpStream::Next next = response.stream->take(pieces);
    for (const api::SharedBytes& piece : pieces) text += *piece;
    if (next == api::HttpStream::Next::kEnd || is_enough(text)) return text;
    if (next == api::HttpStream::Next::kWork) response.stream->work();
    if (next == api::HttpStream::Next::kWait && pieces.empty()) return text;
  }
}
}  // namespace tocsin::tests
