#include "api/rest/access.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

namespace tocsin::api {
namespace {
constexpr std::array<std::string_view, 6> kRoleNames = {"open",    "producer", "reader",
                                                        "analyst", "operator", "admin"};
constexpr std::string_view kTokenPrefix = "tocsin_";

// RFC 4648, section 5, without padding.
std::string base64url(const std::array<unsigned char, 32>& bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const unsigned char byte : bytes) {
    bits = bits << 8 | byte;
    count += 8;
    while (count >= 6) {
      count -= 6;
      text += kLetters[bits >> count & 63];
    }
  }
  if (count > 0) text += kLetters[bits << (6 - count) & 63];
  return text;
}

bool is_equal(const cep::Digest& a, const cep::Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}
}  // namespace

bool may(Role has, Role needs) {
  if (needs == Role::kOpen) return true;
  if (needs == Role::kProducer) return has == Role::kProducer || has >= Role::kOperator;
  return has != Role::kProducer && has >= needs;
}

std::string_view role_name(Role role) { return kRoleNames[static_cast<std::size_t>(role)]; }

std::optional<Role> parse_role(std::string_view name) {
  const auto* const found = std::ranges::find(kRoleNames, name);
  if (found == kRoleNames.end() || found == kRoleNames.begin()) return std::nullopt;
  return static_cast<Role>(found - kRoleNames.begin());
}

Result<NewToken> make_token(TokenGrant grant) {
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return fail(Errc::kIo, "the system gives no random bytes for a token");
  }
  NewToken made;
  made.token = std::string(kTokenPrefix) + base64url(random);
  made.stored = {std::move(grant), cep::sha256(made.token)};
  OPENSSL_cleanse(random.data(), random.size());
  return made;
}

std::optional<TokenGrant> AccessList::find(std::string_view token) const {
  const cep::Digest digest = cep::sha256(token);
  const StoredToken* found = nullptr;
  for (const StoredToken& stored : tokens_) {
    if (is_equal(stored.digest, digest)) found = &stored;
  }
  if (found == nullptr) return std::nullopt;
  TokenGrant grant = found->grant;
  grant.digest = digest;
  return grant;
}

bool AccessList::has(const TokenGrant& grant) const {
  return std::ranges::any_of(tokens_, [&](const StoredToken& stored) {
    return stored.grant.name == grant.name && stored.grant.role == grant.role &&
           is_equal(stored.digest, grant.digest);
  });
}

Result<void> AccessList::add(StoredToken token) {
  const auto has_name = [&](const StoredToken& other) {
    return other.grant.name == token.grant.name;
  };
  if (std::ranges::any_of(tokens_, has_name)) {
    return fail(Errc::kInvalidArgument,
                fmt::format("there is a token named {} already: revoke it, or take another name",
                            token.grant.name));
  }
  tokens_.push_back(std::move(token));
  return {};
}

bool AccessList::remove(std::string_view name) {
  return std::erase_if(tokens_,
                       [&](const StoredToken& token) { return token.grant.name == name; }) > 0;
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  const bool is_bearer =
      authorization.size() > kScheme.size() &&
      std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme,
                         [](char a, char b) { return (a == ' ' ? a : (a | 0x20)) == b; });
  if (!is_bearer) return std::nullopt;
  authorization.remove_prefix(kScheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}
}  // namespace tocsin::api
