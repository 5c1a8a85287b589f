/// Who may do what: tokens with a role each, kept as digests.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"

namespace tocsin::api {
enum class Role : std::uint8_t {
  kOpen,      // no token is needed
  kProducer,  // sends events, and nothing else
  kReader,    // reads everything but secrets
  kApprover,  // reads, and approves changes of the rules
  kAnalyst,   // reads, and works on alerts, rules up to shadow, lists and subscriptions
  kAuthor,    // as an analyst; also asks for changes of rule files, which others approve
  kOperator,  // all but tokens: also sends events, deploys rules, runs checkpoints, re-injects
  kAdmin,     // everything
};
inline constexpr std::size_t kRoleCount = 8;
/// Whether who has one role may do what needs another. Events are sent by producers, operators and
/// admins; changes are approved by approvers, operators and admins; all but producers read.
bool may(Role has, Role needs);
/// "reader", …; the inverse gives nothing for other words, and for "open".
std::string_view role_name(Role role);
std::optional<Role> parse_role(std::string_view name);

/// What a token is limited to, beside its role; an empty set is no limit.
struct TokenScope {
  std::set<std::string, std::less<>> tags = {};   // of rules, and so of their alerts
  std::set<std::string, std::less<>> types = {};  // of events
  /// Whether fields that are marked `pii` are shown; absent: as the role says (privacy.roles).
  std::optional<bool> pii = {};

  /// Has no limit of tags or types.
  bool is_whole() const { return tags.empty() && types.empty(); }
  /// Whether rules, or alerts, with these tags are in it.
  bool has_tag_of(const std::vector<std::string>& of_rule) const;
  /// "the tags a, b and the types c"; requires a limit.
  std::string text() const;
  bool operator==(const TokenScope&) const = default;
};

struct TokenGrant {
  std::string name;  // for people: the audit log names it
  Role role = Role::kReader;
  cep::Digest digest{};                           // of the token, where AccessList::find() gave it
  std::optional<cep::EventTime> expires_at = {};  // counts no more from then on; absent: never
  TokenScope scope = {};
  std::string by = {};  // the entry of a person or a group that gives it; empty: a token

  /// "the token ann"; of those without a token "person:ann".
  std::string called() const;
};
/// A token as it is kept: what it is cannot be found from it.
struct StoredToken {
  TokenGrant grant;
  cep::Digest digest{};  // SHA-256 of the token
  /// The token that it replaced, which counts beside it for a while.
  struct Before {
    cep::Digest digest{};
    cep::EventTime until;
  };
  std::optional<Before> before = {};
};
struct NewToken {
  std::string token;  // "tocsin_" and 43 characters of base64url: 256 random bits; shown once
  StoredToken stored;
};
/// 256 random bits as 43 characters of base64url. Errors: kIo when the system gives no randomness.
Result<std::string> random_secret();
/// Errors: as random_secret().
Result<NewToken> make_token(TokenGrant grant);

/// Threading: readers at once; one writer alone.
class AccessList {
 public:
  /// The grant of a token at a time. Fails with kNotFound for one that is not known, kDenied for
  /// one that has expired. Takes as long for a wrong one as for a right one of another place:
  /// digests are compared, not tokens.
  Result<TokenGrant> find(std::string_view token, cep::EventTime now) const;
  /// The same by the token's digest, which is no secret.
  Result<TokenGrant> find_digest(const cep::Digest& digest, cep::EventTime now) const;
  /// Whether find() would still give that grant.
  bool has(const TokenGrant& grant, cep::EventTime now) const;
  /// Errors: kInvalidArgument where the name is taken.
  Result<void> add(StoredToken token);
  /// Whether there was one.
  bool remove(std::string_view name);
  /// Puts another digest in the place of a token's, which counts too until `until`. Whether there
  /// is one of that name.
  bool rotate(std::string_view name, const cep::Digest& digest, cep::EventTime until);
  const std::vector<StoredToken>& tokens() const { return tokens_; }

 private:
  std::vector<StoredToken> tokens_;
};
/// The length of the beginning `person:`, `group:` or `certificate:` of a name; 0: it has none.
/// Those whom others vouch for have such names, and no token has.
std::size_t person_prefix(std::string_view name);
/// Reads 64 hex digits; nothing for any other text.
std::optional<cep::Digest> parse_digest(std::string_view hex);
/// The token of an `Authorization: Bearer …` header; nothing for other schemes.
std::optional<std::string_view> bearer_token(std::string_view authorization);
}  // namespace tocsin::api
