/// An issuer of OpenID Connect, as this server asks it: what it offers (OpenID Connect Discovery
/// 1.0), by which keys it signs, and what it says of a person for a code.
#pragma once
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "api/openid/id_token.h"
#include "api/openid/issuer_keys.h"
#include "api/openid/sign_in_ticket.h"
#include "api/outbound/http_get.h"
#include "cep/base/result.h"

namespace tocsin::api {
struct IssuerOptions {
  std::string issuer;       // its URL, as its tokens have it
  std::string client;       // as whom this server is known there
  std::string secret = {};  // empty: it has none
  std::string redirect;     // where the issuer sends browsers back to
  std::string scope = "openid email profile";
  PersonClaims claims = {};
  std::chrono::milliseconds patience{5'000};  // with each of its answers
};
/// Threading: any; each call may wait for the issuer.
class OpenIdIssuer {
 public:
  /// Asks nobody yet. Fails with kInvalidArgument for a URL that is none, or that is neither https
  /// nor of this machine.
  static Result<std::unique_ptr<OpenIdIssuer>> make(IssuerOptions options);
  /// Where a browser signs in. Fails with kIo where the issuer does not answer, kCorrupt where it
  /// answers something else, in words for an admin.
  Result<std::string> sign_in_url(const SignIn& sign_in);
  /// Whom the issuer names for a code. Fails likewise, and with kDenied where it refuses the code,
  /// or its token counts for nothing.
  Result<ClaimedPerson> redeem(std::string_view code, const SignIn& sign_in, std::int64_t now_s);

 private:
  using Moment = std::chrono::steady_clock::time_point;
  struct Offer {
    std::string authorization;  // URL
    WebhookUrl token;
    WebhookUrl keys;
    bool takes_secret_in_body = false;
    Moment read_at;
  };
  explicit OpenIdIssuer(IssuerOptions options) : options_(std::move(options)) {}
  Result<Offer> offer();
  Result<Offer> read_offer() const;
  Result<std::shared_ptr<const IssuerKeys>> keys(const Offer& offer, bool are_new);
  Result<std::string> id_token(const Offer& offer, std::string_view code,
                               const SignIn& sign_in) const;
  Result<HttpReply> ask(const WebhookUrl& url) const;
  Result<WebhookUrl> read_url(const std::string& text, const char* what) const;

  const IssuerOptions options_;
  std::mutex mutex_;  // of what follows; held while the issuer is asked, so that it is asked once
  std::optional<Offer> offer_;
  std::optional<Error> failure_;  // of the last look for it, while there is none
  Moment failed_at_{};
  std::shared_ptr<const IssuerKeys> keys_;
  Moment keys_read_at_{};
};
}  // namespace tocsin::api
