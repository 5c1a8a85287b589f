/// A request whose body can be read more than once, where that is asked for.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "api/net/http_server.h"
#include "api/rest/body_budget.h"

namespace tocsin::api {
/// Threading: none needed; one thread answers a request.
class BufferedRequest final : public HttpRequest {
 public:
  explicit BufferedRequest(HttpRequest& inner) : inner_(inner) {}
  const RequestHead& head() const override { return inner_.head(); }
  const std::string& remote() const override { return inner_.remote(); }
  /// Reads the whole body now, counted until the request ends; read_body() gives it from then on.
  /// Fails as read_whole_body() does. Called once, before anybody has read.
  tl::expected<std::string_view, HttpResponse> buffer(BodyBudget& bodies) {
    hold_.emplace(bodies);
    auto body = read_whole_body(inner_, *hold_);
    if (!body) return tl::unexpected(body.error());
    body_ = *std::move(body);
    return *body_;
  }
  tl::expected<void, HttpFault> read_body(
      const std::function<bool(std::string_view)>& take) override {
    if (!body_) return inner_.read_body(take);
    if (!body_->empty()) take(*body_);
    return {};
  }

 private:
  HttpRequest& inner_;
  std::optional<BodyBudget::Hold> hold_;
  std::optional<std::string> body_;
};
}  // namespace tocsin::api
