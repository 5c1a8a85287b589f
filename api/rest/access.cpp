#include "api/rest/access.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <utility>

#include "api/base/base64url.h"

namespace tocsin::api {
namespace {
constexpr std::array<std::string_view, kRoleCount> kRoleNames = {
    "open", "producer", "reader", "approver", "analyst", "author", "operator", "admin"};
// What each role may do, as bits of the roles that operations need.
constexpr unsigned bits(std::initializer_list<Role> roles) {
  unsigned all = 1U << static_cast<unsigned>(Role::kOpen);
  for (const Role role : roles) all |= 1U << static_cast<unsigned>(role);
  return all;
}
constexpr unsigned kAnalystBits = bits({Role::kReader, Role::kAnalyst});
constexpr unsigned kAuthorBits = kAnalystBits | bits({Role::kAuthor});
constexpr unsigned kOperatorBits =
    kAuthorBits | bits({Role::kProducer, Role::kApprover, Role::kOperator});
constexpr std::array<unsigned, kRoleCount> kGrants = {
    bits({}),                                // open
    bits({Role::kProducer}),                 // producer
    bits({Role::kReader}),                   // reader
    bits({Role::kReader, Role::kApprover}),  // approver
    kAnalystBits,                            // analyst
    kAuthorBits,                             // author
    kOperatorBits,                           // operator
    kOperatorBits | bits({Role::kAdmin}),    // admin
};
constexpr std::string_view kTokenPrefix = "tocsin_";

bool is_equal(const cep::Digest& a, const cep::Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}
// Whether a digest is that of the token, or of the one before it while that counts.
bool counts(const StoredToken& stored, const cep::Digest& digest, cep::EventTime now) {
  const bool is_now = is_equal(stored.digest, digest);
  const bool is_before = stored.before && is_equal(stored.before->digest, digest);
  return is_now || (is_before && now < stored.before->until);
}
}  // namespace

bool may(Role has, Role needs) {
  return (kGrants[static_cast<std::size_t>(has)] >> static_cast<unsigned>(needs) & 1U) != 0;
}

std::string_view role_name(Role role) { return kRoleNames[static_cast<std::size_t>(role)]; }

std::optional<Role> parse_role(std::string_view name) {
  const auto* const found = std::ranges::find(kRoleNames, name);
  if (found == kRoleNames.end() || found == kRoleNames.begin()) return std::nullopt;
  return static_cast<Role>(found - kRoleNames.begin());
}

bool TokenScope::has_tag_of(const std::vector<std::string>& of_rule) const {
  return tags.empty() ||
         std::ranges::any_of(of_rule, [&](const std::string& tag) { return tags.contains(tag); });
}

std::string TokenScope::text() const {
  std::string text;
  for (const auto& [what, names] : {std::pair{"tag", &tags}, std::pair{"type", &types}}) {
    if (names->empty()) continue;
    text += fmt::format("{}the {}{} {}", text.empty() ? "" : " and ", what,
                        names->size() == 1 ? "" : "s", fmt::join(*names, ", "));
  }
  return text;
}

Result<std::string> random_secret() {
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return fail(Errc::kIo, "the system gives no random bytes for a token");
  }
  std::string secret = base64url({reinterpret_cast<const char*>(random.data()), random.size()});
  OPENSSL_cleanse(random.data(), random.size());
  return secret;
}

Result<NewToken> make_token(TokenGrant grant) {
  const Result<std::string> secret = random_secret();
  if (!secret) return tl::unexpected(secret.error());
  NewToken made;
  made.token = std::string(kTokenPrefix) + *secret;
  made.stored = {std::move(grant), cep::sha256(made.token)};
  return made;
}

Result<TokenGrant> AccessList::find(std::string_view token, cep::EventTime now) const {
  return find_digest(cep::sha256(token), now);
}

Result<TokenGrant> AccessList::find_digest(const cep::Digest& digest, cep::EventTime now) const {
  const StoredToken* found = nullptr;
  for (const StoredToken& stored : tokens_) {
    if (counts(stored, digest, now)) found = &stored;
  }
  if (found == nullptr)
    return fail(Errc::kNotFound, "the token is unknown; it may have been revoked");
  if (found->grant.expires_at && now >= *found->grant.expires_at) {
    return fail(Errc::kDenied, fmt::format("the token {} expired at {}", found->grant.name,
                                           cep::format_time(*found->grant.expires_at)));
  }
  TokenGrant grant = found->grant;
  grant.digest = digest;
  return grant;
}

bool AccessList::has(const TokenGrant& grant, cep::EventTime now) const {
  return std::ranges::any_of(tokens_, [&](const StoredToken& stored) {
    return stored.grant.name == grant.name && stored.grant.role == grant.role &&
           counts(stored, grant.digest, now) &&
           (!stored.grant.expires_at || now < *stored.grant.expires_at);
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

bool AccessList::rotate(std::string_view name, const cep::Digest& digest, cep::EventTime until) {
  const auto found = std::ranges::find_if(
      tokens_, [&](const StoredToken& token) { return token.grant.name == name; });
  if (found == tokens_.end()) return false;
  found->before = StoredToken::Before{found->digest, until};
  found->digest = digest;
  return true;
}

std::string TokenGrant::called() const { return by.empty() ? "the token " + name : name; }

std::size_t person_prefix(std::string_view name) {
  for (const std::string_view prefix : {"person:", "group:", "certificate:"}) {
    if (name.starts_with(prefix)) return prefix.size();
  }
  return 0;
}

std::optional<cep::Digest> parse_digest(std::string_view hex) {
  cep::Digest digest{};
  if (hex.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const char* const at = hex.data() + i * 2;
    const auto parsed = std::from_chars(at, at + 2, digest[i], 16);
    if (parsed.ec != std::errc{} || parsed.ptr != at + 2) return std::nullopt;
  }
  return digest;
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
