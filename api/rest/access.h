/// Who may do what: tokens with a role each, kept as digests.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/identity.h"

namespace tocsin::api {
enum class Role : std::uint8_t {
  kOpen,      // no token is needed
  kProducer,  // sends events, and nothing else
  kReader,    // reads everything but secrets
  kAnalyst,   // reads, and works on alerts, rules up to shadow, lists and subscriptions
  kOperator,  // all but tokens: also sends events, deploys rules, runs checkpoints, re-injects
  kAdmin,     // everything
};
/// Whether who has one role may do what needs another: from reader on each may do what those before
/// it may; events are sent by producers, operators and admins.
bool may(Role has, Role needs);
/// "reader", …; the inverse gives nothing for other words, and for "open".
std::string_view role_name(Role role);
std::optional<Role> parse_role(std::string_view name);

struct TokenGrant {
  std::string name;  // for people: the audit log names it
  Role role = Role::kReader;
  cep::Digest digest{};  // of the token, where AccessList::find() gave it
};
/// A token as it is kept: what it is cannot be found from it.
struct StoredToken {
  TokenGrant grant;
  cep::Digest digest{};  // SHA-256 of the token
};
struct NewToken {
  std::string token;  // "tocsin_" and 43 characters of base64url: 256 random bits; shown once
  StoredToken stored;
};
/// Errors: kIo when the system gives no randomness.
Result<NewToken> make_token(TokenGrant grant);

/// Threading: readers at once; one writer alone.
class AccessList {
 public:
  /// The grant of a token; nothing for one that is not known. Takes as long for a wrong one as for
  /// a right one of another place: digests are compared, not tokens.
  std::optional<TokenGrant> find(std::string_view token) const;
  /// Whether find() would still give that grant.
  bool has(const TokenGrant& grant) const;
  /// Errors: kInvalidArgument where the name is taken.
  Result<void> add(StoredToken token);
  /// Whether there was one.
  bool remove(std::string_view name);
  const std::vector<StoredToken>& tokens() const { return tokens_; }

 private:
  std::vector<StoredToken> tokens_;
};
/// The token of an `Authorization: Bearer …` header; nothing for other schemes.
std::optional<std::string_view> bearer_token(std::string_view authorization);
}  // namespace tocsin::api
