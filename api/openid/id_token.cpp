#include "api/openid/id_token.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/base/base64url.h"

namespace tocsin::api {
namespace {
using nlohmann::json;
constexpr std::int64_t kSkewS = 60;
constexpr std::size_t kTokenBytesMax = 64 * 1024;
constexpr std::size_t kGroupsMax = 1000;

tl::unexpected<Error> denied(std::string why) { return fail(Errc::kDenied, std::move(why)); }

std::optional<json> object_of(std::string_view part) {
  const auto text = decode_base64url(part);
  if (!text) return std::nullopt;
  json object = json::parse(*text, nullptr, false);
  return object.is_object() ? std::optional(std::move(object)) : std::nullopt;
}
std::string text_of(const json& object, const std::string& name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
// A time of a claim, whole seconds or parts of them; nothing where it has none.
std::optional<double> time_of(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

// Whom the token is for: the client alone, or the client as the one that asked.
bool is_for(const json& claims, const std::string& client) {
  const auto audience = claims.find("aud");
  if (audience == claims.end()) return false;
  const std::string party = text_of(claims, "azp");
  if (!party.empty() && party != client) return false;
  if (audience->is_string()) return *audience == client;
  const auto is_client = [&](const json& one) { return one == client; };
  if (!audience->is_array() || std::none_of(audience->begin(), audience->end(), is_client))
    return false;
  return audience->size() == 1 || party == client;
}

Result<void> check(const json& claims, const TokenExpectation& expected) {
  if (text_of(claims, "iss") != expected.issuer)
    return denied(fmt::format("the token is of the issuer `{}`", text_of(claims, "iss")));
  if (!is_for(claims, expected.client)) return denied("the token is for another client");
  if (text_of(claims, "nonce") != expected.nonce || expected.nonce.empty())
    return denied("the token answers another sign-in");
  const auto now = static_cast<double>(expected.now_s);
  const auto end = time_of(claims, "exp");
  if (!end || now >= *end + kSkewS) return denied("the token has expired");
  if (const auto begin = time_of(claims, "nbf"); begin && now < *begin - kSkewS)
    return denied("the token does not count yet: do the clocks differ?");
  const auto issued = time_of(claims, "iat");
  if (!issued || now < *issued - kSkewS)
    return denied("the token was issued later than now: do the clocks differ?");
  return {};
}
}  // namespace

Result<ClaimedPerson> read_id_token(std::string_view token, const IssuerKeys& keys,
                                    const TokenExpectation& expected, const PersonClaims& claims) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (token.size() > kTokenBytesMax || second == token.npos ||
      token.find('.', second + 1) != token.npos)
    return denied("the issuer gave no token of three parts");
  const auto head = object_of(token.substr(0, first));
  const auto said = object_of(token.substr(first + 1, second - first - 1));
  const auto signature = decode_base64url(token.substr(second + 1));
  if (!head || !said || !signature) return denied("the token's parts cannot be read");
  if (head->contains("crit")) return denied("the token has marks that are not known");
  if (auto is_signed = keys.verify(text_of(*head, "alg"), text_of(*head, "kid"),
                                   token.substr(0, second), *signature);
      !is_signed)
    return tl::unexpected(is_signed.error());
  if (auto checked = check(*said, expected); !checked) return tl::unexpected(checked.error());
  ClaimedPerson person{text_of(*said, claims.name), {}};
  if (person.name.empty())
    return denied(fmt::format("the token has no claim `{}`, which is to name people", claims.name));
  if (claims.name == "email" && !said->value("email_verified", json()).is_boolean())
    return denied("the issuer does not say that the mail address is verified");
  if (claims.name == "email" && !said->at("email_verified").get<bool>())
    return denied("the issuer says that the mail address is not verified");
  const auto groups = claims.groups.empty() ? said->end() : said->find(claims.groups);
  if (groups == said->end()) return person;
  if (groups->is_string()) person.groups.push_back(groups->get<std::string>());
  if (!groups->is_array()) return person;
  for (const json& group : *groups) {
    if (group.is_string() && person.groups.size() < kGroupsMax)
      person.groups.push_back(group.get<std::string>());
  }
  return person;
}
}  // namespace tocsin::api
