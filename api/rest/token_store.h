/// The tokens that a server knows, kept as digests in a file of its data directory, which only its
/// owner may read; and when each was used last, in a file of its own.
///
///   {"tokens":[{"name":"admin","role":"admin","sha256":"HEX"},…],"digest":"HEX"}
///
/// A token that expires has `expires_at`; one that was rotated `sha256_before` and `before_until`.
/// One that is limited has `tags`, `types` or both, lists of texts. With a token that expires or is
/// limited the file has format 2: earlier versions refuse it. `pii` says whether it is shown what
/// is marked so.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "api/rest/access.h"
#include "cep/base/result.h"
#include "cep/value/time.h"

namespace tocsin::api {
inline constexpr const char* kTokensFile = "tokens.json";           // in the data directory
inline constexpr const char* kTokensUsedFile = "tokens-used.json";  // likewise
/// Threading: any.
class TokenStore {
 public:
  /// Reads what is there; no file is no token. Fails with kCorrupt, naming the file and the
  /// remedy, or kIo.
  static Result<std::unique_ptr<TokenStore>> open(std::string path);
  /// Writes down when tokens were used last, where that is not on disk yet.
  ~TokenStore();
  TokenStore(const TokenStore&) = delete;
  TokenStore& operator=(const TokenStore&) = delete;
  /// As of now; it does not change.
  std::shared_ptr<const AccessList> list() const;
  /// Makes a token, which is known once it is on disk. Fails with kInvalidArgument where the name
  /// is taken or is none (1 to 100 printable characters), kIo.
  Result<std::string> add(const TokenGrant& grant);
  /// The same of one that was made elsewhere.
  Result<void> add(StoredToken token);
  /// Forgets a token; false where there is none of that name. Fails with kConflict for the last one
  /// of an admin that neither expires nor is limited, kIo.
  Result<bool> remove(const std::string& name);
  /// A new token in the place of one, which counts too until `until`. Fails with kNotFound, kIo.
  Result<std::string> rotate(const std::string& name, cep::EventTime until);
  /// A token was used. In memory; on disk once in kUseWrittenEvery, and at the end.
  void used(const std::string& name, cep::EventTime now);
  std::optional<cep::EventTime> last_use(const std::string& name) const;
  static constexpr cep::Duration kUseWrittenEvery{60'000'000};

 private:
  explicit TokenStore(std::string path) : path_(std::move(path)) {}
  Result<void> save(const AccessList& list) const;
  void read_uses();
  void write_uses();

  const std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const AccessList> list_ = std::make_shared<AccessList>();
  mutable std::mutex uses_mutex_;
  std::map<std::string, cep::EventTime, std::less<>> uses_;
  std::optional<cep::EventTime> uses_written_at_;
  bool has_unwritten_uses_ = false;
};
/// The members `tags` and `types` of an object, lists of 1 to 100 names, and `pii`, true or false;
/// what is wrong is text.
tl::expected<TokenScope, std::string> read_scope(const nlohmann::ordered_json& object);
/// Adds them, where they are said.
void add_scope(const TokenScope& scope, nlohmann::ordered_json& object);
/// Writes a file that only its owner may read: whole under its name, or not at all, and with `sync`
/// on disk. Fails with kIo.
Result<void> write_private_file(const std::string& path, const std::string& text, bool sync = true);
}  // namespace tocsin::api
