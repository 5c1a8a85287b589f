/// A request that came over no network, and what may be asked of its answer.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/net/http_server.h"

namespace tocsin::tests {
struct FakeRequest final : api::HttpRequest {
  FakeRequest(std::string method, std::string target, std::vector<api::HttpHeader> headers = {},
              std::string body_in = "")
      : body(std::move(body_in)) {
    request.method = std::move(method);
    request.target = std::move(target);
    request.headers = std::move(headers);
    if (!body.empty()) request.content_bytes = body.size();
  }
  const api::RequestHead& head() const override { return request; }
  const std::string& remote() const override { return address; }
  tl::expected<void, api::HttpFault> read_body(
      const std::function<bool(std::string_view)>& take) override {
    take(body);
    return {};
  }
  api::RequestHead request;
  std::string address = "127.0.0.1";
  std::string body;
};
/// The value of an answer's header; null where there is none.
inline const std::string* header_of(const api::HttpResponse& response, std::string_view name) {
  for (const api::HttpHeader& header : response.headers) {
    if (header.name == name) return &header.value;
  }
  return nullptr;
}
}  // namespace tocsin::tests
