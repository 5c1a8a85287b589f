/// The keys of a server: what they are, where they come from, and what is derived from them. The
/// reasons: docs/decisions/0090-secrets-at-rest.md.
///
/// A text of keys has one key a line, 64 hex digits: 32 random bytes. The first is current: it
/// encrypts and signs. The others are earlier ones, with which things are read. Blank lines, and
/// lines that begin with #, are passed over.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"

namespace tocsin::api {
/// Of AES-256 and HMAC-SHA-256.
using SecretBytes = std::array<std::uint8_t, 32>;
/// What a key is used for; each use has bytes of its own.
enum class KeyUse : std::uint8_t { kSecrets, kAudit };

class SecretKey {
 public:
  explicit SecretKey(const SecretBytes& bytes);
  /// Overwrites the bytes. What a copy of a key leaves in memory is overwritten with that copy.
  ~SecretKey();
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  /// The first 16 hex digits of a digest: it says which key it is, and nothing else about it.
  const std::string& id() const { return id_; }
  const SecretBytes& bytes(KeyUse use) const { return use == KeyUse::kSecrets ? secrets_ : audit_; }

 private:
  std::string id_;
  SecretBytes secrets_;
  SecretBytes audit_;
};

/// The current key and earlier ones, or none at all. Immutable.
class SecretKeys {
 public:
  SecretKeys() = default;
  /// Of a text as above; `where` is for messages, which never have a part of a key. Errors:
  /// kInvalidArgument, naming the line.
  static Result<SecretKeys> parse(std::string_view text, const std::string& where);
  bool empty() const { return keys_.empty(); }
  /// Requires that there is one.
  const SecretKey& current() const { return keys_.front(); }
  /// Null where there is none of that id.
  const SecretKey* find(std::string_view id) const;
  /// Their ids, for messages: "3f…, 9a…", or "none".
  std::string ids() const;
  std::size_t size() const { return keys_.size(); }

 private:
  std::vector<SecretKey> keys_;
};

/// Where keys may be; the first of these that is there counts alone.
struct KeySources {
  std::string file = {};                        // named by people; empty: none
  std::optional<std::string> environment = {};  // the value of TOCSIN_SECRETS_KEY
  std::optional<std::string> credentials = {};  // $CREDENTIALS_DIRECTORY of systemd
  /// Of this process, with a file that was named.
  static KeySources of_process(std::string file);
};
inline constexpr const char* kKeyVariable = "TOCSIN_SECRETS_KEY";
inline constexpr const char* kKeyCredential = "tocsin-secrets-key";  // in $CREDENTIALS_DIRECTORY
struct FoundKeys {
  SecretKeys keys;    // empty where no source is there
  std::string where;  // for messages
  std::string warning = {};
};
/// Errors: kNotFound where the named file is not there, kInvalidArgument for what holds no keys,
/// kIo.
Result<FoundKeys> find_keys(const KeySources& sources);
/// Puts keys where read_keys() of the same file finds them: what to do without the key of `id`.
std::string missing_key_text(std::string_view what, std::string_view id, const SecretKeys& given);

/// A line with a new random key. Errors: kIo without randomness.
Result<std::string> make_key_line();
/// HMAC-SHA-256.
SecretBytes hmac_sha256(const SecretBytes& key, std::string_view bytes);
SecretBytes hmac_sha256(std::string_view key, std::string_view bytes);
/// In a time that does not depend on where they differ.
bool is_same(const SecretBytes& a, const SecretBytes& b);
}  // namespace tocsin::api
