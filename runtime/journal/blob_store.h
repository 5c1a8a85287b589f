/// Contents by their SHA-256, beside the journal: rule texts, tables, lists, time zones that
/// commands name. A blob never changes; it is verified whenever it is read.
///
///   DIR/HEX           64 lower-case hex digits, the digest of the contents
///   DIR/HEX.new       being written: renamed once it is on disk
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/identity.h"
#include "runtime/io/files.h"

namespace tocsin::runtime {
/// The digest that a file's name is; nothing for another name.
std::optional<cep::Digest> digest_of_blob_name(std::string_view name);
/// Threading: one caller at a time writes; any read.
class BlobStore {
 public:
  /// Makes `directory`, whose parent must exist, and removes what a crash left unfinished: by the
  /// owner of the folder's lock alone.
  static Result<BlobStore> open(Files& files, std::string directory);

  /// For reading alone: nothing is made or removed.
  static BlobStore look(Files& files, std::string directory);

  /// Keeps `contents`; once it returns they are on disk. One that is there already is read, and
  /// written anew where it is damaged. Fails with kLimit without space.
  Result<cep::Digest> put(std::string_view contents);
  /// Fails with kNotFound, or kCorrupt naming the file where the contents have another digest.
  Result<std::string> get(const cep::Digest& digest) const;
  /// All that are there, in the order of their digests.
  Result<std::vector<cep::Digest>> list() const;
  /// Lets go of one; it is no failure if it is not there.
  Result<void> remove(const cep::Digest& digest);

 private:
  BlobStore(Files& files, std::string directory);
  std::string path_of(const cep::Digest& digest) const;
  Files* files_;
  std::string directory_;
};
}  // namespace tocsin::runtime
