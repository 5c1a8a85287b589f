#include "api/openid/sign_in_ticket.h"

#include <fmt/format.h>

#include <charconv>

#include "api/base/base64url.h"
#include "api/rest/access.h"
#include "api/secrets/secret_keys.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kTicketBytesMax = 2048;
}  // namespace

Result<SignInTickets> SignInTickets::make() {
  Result<std::string> key = random_secret();
  if (!key) return tl::unexpected(key.error());
  SignInTickets tickets;
  tickets.key_ = *std::move(key);
  return tickets;
}

std::string SignInTickets::derived(std::string_view purpose, std::string_view ticket) const {
  const std::string text = fmt::format("{} {}", purpose, ticket);
  const SecretBytes digest = hmac_sha256(key_, text);
  return base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

SignIn SignInTickets::of(std::string_view ticket) const {
  return {derived("state", ticket), derived("nonce", ticket), derived("verifier", ticket), {}, 0};
}

Result<std::pair<std::string, SignIn>> SignInTickets::begin(std::string_view place,
                                                            std::int64_t now_s) const {
  const Result<std::string> secret = random_secret();
  if (!secret) return tl::unexpected(secret.error());
  std::string ticket = fmt::format("{}.{}.{}", *secret, now_s, base64url(place));
  SignIn sign_in = of(ticket);
  sign_in.place = place;
  sign_in.begun_s = now_s;
  return std::pair(std::move(ticket), std::move(sign_in));
}

std::optional<SignIn> SignInTickets::read(std::string_view ticket, std::int64_t now_s) const {
  const std::size_t first = ticket.find('.');
  const std::size_t second = first == ticket.npos ? ticket.npos : ticket.find('.', first + 1);
  if (ticket.size() > kTicketBytesMax || second == ticket.npos) return std::nullopt;
  SignIn sign_in = of(ticket);
  const char* const end = ticket.data() + second;
  const auto parsed = std::from_chars(ticket.data() + first + 1, end, sign_in.begun_s);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  if (sign_in.begun_s < 0 || sign_in.begun_s > now_s || now_s - sign_in.begun_s > kLifeS)
    return std::nullopt;
  auto place = decode_base64url(ticket.substr(second + 1));
  if (!place) return std::nullopt;
  sign_in.place = *std::move(place);
  return sign_in;
}

std::string code_challenge(std::string_view verifier) {
  const cep::Digest digest = cep::sha256(verifier);
  return base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}
}  // namespace tocsin::api
