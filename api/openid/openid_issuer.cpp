#include "api/openid/openid_issuer.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "api/net/loopback_address.h"
#include "cep/base/percent_encoded.h"

namespace tocsin::api {
namespace {
using nlohmann::json;
using std::chrono::steady_clock;
constexpr std::chrono::hours kOfferLife{1};
constexpr std::chrono::minutes kOfferPause{1};
constexpr std::chrono::seconds kFailurePause{2};  // everybody is told the same meanwhile
constexpr std::chrono::hours kKeysLife{24};
constexpr std::chrono::seconds kKeysPause{30};  // between two looks for a key that is not there
constexpr std::size_t kAnswerBytesMax = std::size_t{1} << 20;

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;
std::string form(const Fields& fields) {
  std::string text;
  for (const auto& [name, value] : fields)
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, percent_encoded(value));
  return text;
}

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
tl::unexpected<Error> strange(const WebhookUrl& url, const std::string& what) {
  return fail(Errc::kCorrupt, fmt::format("{} {}", url.text(), what));
}
// The object of an answer of 200.
Result<json> object_of(const WebhookUrl& url, const HttpReply& reply) {
  if (reply.status != 200) return strange(url, fmt::format("answers {}", reply.status));
  json object = json::parse(reply.body, nullptr, false);
  if (!object.is_object()) return strange(url, "answers something else than a JSON object");
  return object;
}
std::string without_slash(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}
}  // namespace

Result<std::unique_ptr<OpenIdIssuer>> OpenIdIssuer::make(IssuerOptions options) {
  std::unique_ptr<OpenIdIssuer> issuer(new OpenIdIssuer(std::move(options)));
  if (auto url = issuer->read_url(issuer->options_.issuer, "the issuer"); !url)
    return tl::unexpected(url.error());
  return issuer;
}

// An address to which codes and secrets may be sent.
Result<WebhookUrl> OpenIdIssuer::read_url(const std::string& text, const char* what) const {
  Result<WebhookUrl> url = parse_webhook_url(text);
  if (!url)
    return fail(url.error().code, fmt::format("{}: `{}`: {}", what, text, url.error().message));
  const std::string host =
      url->host.find(':') == url->host.npos ? url->host : "[" + url->host + "]";
  if (url->tls || parse_loopback_address(fmt::format("{}:{}", host, url->port))) return url;
  return fail(Errc::kInvalidArgument,
              fmt::format("{}: `{}` is not encrypted: it has to be https", what, text));
}

Result<HttpReply> OpenIdIssuer::ask(const WebhookUrl& url) const {
  auto get = HttpGet::make(url, {options_.patience, kAnswerBytesMax});
  if (!get) return tl::unexpected(get.error());
  const std::array<HttpHeader, 1> headers = {{{"Accept", "application/json"}}};
  Result<HttpReply> reply = (*get)->get(url.target, headers);
  if (reply) return reply;
  return fail(reply.error().code, fmt::format("{}: {}", url.text(), reply.error().message));
}

Result<OpenIdIssuer::Offer> OpenIdIssuer::read_offer() const {
  const Result<WebhookUrl> url =
      read_url(without_slash(options_.issuer) + "/.well-known/openid-configuration", "the issuer");
  if (!url) return tl::unexpected(url.error());
  const Result<HttpReply> reply = ask(*url);
  if (!reply) return tl::unexpected(reply.error());
  const Result<json> object = object_of(*url, *reply);
  if (!object) return tl::unexpected(object.error());
  if (text_of(*object, "issuer") != options_.issuer) {
    return strange(*url, fmt::format("is of the issuer `{}`, not `{}`: openid.issuer has to be "
                                     "the same, letter by letter",
                                     text_of(*object, "issuer"), options_.issuer));
  }
  Offer offer;
  offer.authorization = text_of(*object, "authorization_endpoint");
  auto authorization = read_url(offer.authorization, "authorization_endpoint");
  auto token = read_url(text_of(*object, "token_endpoint"), "token_endpoint");
  auto keys = read_url(text_of(*object, "jwks_uri"), "jwks_uri");
  for (const auto* one : {&authorization, &token, &keys}) {
    if (!*one) return strange(*url, "says " + one->error().message);
  }
  offer.token = *std::move(token);
  offer.keys = *std::move(keys);
  const auto ways = object->find("token_endpoint_auth_methods_supported");
  if (ways != object->end() && ways->is_array()) {
    const auto has = [&](const char* way) {
      return std::any_of(ways->begin(), ways->end(), [&](const json& one) { return one == way; });
    };
    offer.takes_secret_in_body = !has("client_secret_basic") && has("client_secret_post");
  }
  offer.read_at = steady_clock::now();
  return offer;
}

Result<OpenIdIssuer::Offer> OpenIdIssuer::offer() {
  const std::lock_guard lock(mutex_);
  const Moment now = steady_clock::now();
  if (offer_ && now - offer_->read_at < kOfferLife) return *offer_;
  if (failure_ && now - failed_at_ < kFailurePause) return tl::unexpected(*failure_);
  Result<Offer> read = read_offer();
  if (read) {
    offer_ = *std::move(read);
    return *offer_;
  }
  if (!offer_) {
    failure_ = read.error();
    failed_at_ = steady_clock::now();
    return read;
  }
  // What it offered counts a while longer where it does not answer now.
  offer_->read_at = steady_clock::now() - kOfferLife + kOfferPause;
  return *offer_;
}

Result<std::shared_ptr<const IssuerKeys>> OpenIdIssuer::keys(const Offer& offer, bool are_new) {
  const std::lock_guard lock(mutex_);
  const auto age = steady_clock::now() - keys_read_at_;
  if (keys_ != nullptr && (are_new ? age < kKeysPause : age < kKeysLife)) return keys_;
  const Result<HttpReply> reply = ask(offer.keys);
  if (!reply) return tl::unexpected(reply.error());
  if (reply->status != 200) return strange(offer.keys, fmt::format("answers {}", reply->status));
  Result<IssuerKeys> read = IssuerKeys::parse(reply->body);
  if (!read) return strange(offer.keys, read.error().message);
  keys_ = std::make_shared<const IssuerKeys>(*std::move(read));
  keys_read_at_ = steady_clock::now();
  return keys_;
}

Result<std::string> OpenIdIssuer::sign_in_url(const SignIn& sign_in) {
  const Result<Offer> now = offer();
  if (!now) return tl::unexpected(now.error());
  const std::string challenge = code_challenge(sign_in.verifier);
  const std::string query = form({{"response_type", "code"},
                                  {"client_id", options_.client},
                                  {"redirect_uri", options_.redirect},
                                  {"scope", options_.scope},
                                  {"state", sign_in.state},
                                  {"nonce", sign_in.nonce},
                                  {"code_challenge", challenge},
                                  {"code_challenge_method", "S256"}});
  const bool has_query = now->authorization.find('?') != std::string::npos;
  return fmt::format("{}{}{}", now->authorization, has_query ? '&' : '?', query);
}

Result<std::string> OpenIdIssuer::id_token(const Offer& offer, std::string_view code,
                                           const SignIn& sign_in) const {
  Fields fields = {{"grant_type", "authorization_code"},
                   {"code", code},
                   {"redirect_uri", options_.redirect},
                   {"code_verifier", sign_in.verifier},
                   {"client_id", options_.client}};
  std::vector<HttpHeader> headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                                     {"Accept", "application/json"}};
  if (!options_.secret.empty() && offer.takes_secret_in_body)
    fields.emplace_back("client_secret", options_.secret);
  if (!options_.secret.empty() && !offer.takes_secret_in_body) {
    headers.push_back({"Authorization", "Basic " + base64(percent_encoded(options_.client) + ":" +
                                                          percent_encoded(options_.secret))});
  }
  auto post = HttpGet::make(offer.token, {options_.patience, kAnswerBytesMax});
  if (!post) return tl::unexpected(post.error());
  const Result<HttpReply> reply = (*post)->post(headers, form(fields));
  if (!reply)
    return fail(reply.error().code,
                fmt::format("{}: {}", offer.token.text(), reply.error().message));
  if (reply->status == 400 || reply->status == 401) {
    const json said = json::parse(reply->body, nullptr, false);
    const std::string error = said.is_object() ? text_of(said, "error") : "";
    return fail(Errc::kDenied, fmt::format("{} answers {}{}{}", offer.token.text(), reply->status,
                                           error.empty() ? "" : ", ", error));
  }
  const Result<json> object = object_of(offer.token, *reply);
  if (!object) return tl::unexpected(object.error());
  std::string token = text_of(*object, "id_token");
  if (token.empty()) return strange(offer.token, "gives no id_token");
  return token;
}

Result<ClaimedPerson> OpenIdIssuer::redeem(std::string_view code, const SignIn& sign_in,
                                           std::int64_t now_s) {
  const Result<Offer> now = offer();
  if (!now) return tl::unexpected(now.error());
  const Result<std::string> token = id_token(*now, code, sign_in);
  if (!token) return tl::unexpected(token.error());
  const TokenExpectation expected{options_.issuer, options_.client, sign_in.nonce, now_s};
  for (const bool are_new : {false, true}) {
    const auto known = keys(*now, are_new);
    if (!known) return tl::unexpected(known.error());
    Result<ClaimedPerson> person = read_id_token(*token, **known, expected, options_.claims);
    // The issuer may sign by a key that it has made since.
    if (person || person.error().code != Errc::kNotFound) return person;
  }
  return fail(Errc::kDenied, "the token is signed by a key that the issuer does not name");
}
}  // namespace tocsin::api
