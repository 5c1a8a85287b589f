/// The tokens that a server knows, kept as digests in a file of its data directory, which only its
/// owner may read.
///
///   {"tokens":[{"name":"admin","role":"admin","sha256":"HEX"},…],"digest":"HEX"}
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "api/rest/access.h"
#include "cep/base/result.h"

namespace tocsin::api {
inline constexpr const char* kTokensFile = "tokens.json";  // in the data directory
/// Threading: any.
class TokenStore {
 public:
  /// Reads what is there; no file is no token. Fails with kCorrupt, naming the file and the
  /// remedy, or kIo.
  static Result<std::unique_ptr<TokenStore>> open(std::string path);
  /// As of now; it does not change.
  std::shared_ptr<const AccessList> list() const;
  /// Makes a token, which is known once it is on disk. Fails with kInvalidArgument where the name
  /// is taken or is none (1 to 100 printable characters), kIo.
  Result<std::string> add(const TokenGrant& grant);
  /// The same of one that was made elsewhere.
  Result<void> add(StoredToken token);
  /// Forgets a token; false where there is none of that name. Fails with kConflict for the last one
  /// of an admin, kIo.
  Result<bool> remove(const std::string& name);

 private:
  explicit TokenStore(std::string path) : path_(std::move(path)) {}
  Result<void> save(const AccessList& list) const;

  const std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const AccessList> list_ = std::make_shared<AccessList>();
};
/// Writes a file that only its owner may read: whole on disk under its name, or not at all. Fails
/// with kIo.
Result<void> write_private_file(const std::string& path, const std::string& text);
}  // namespace tocsin::api
