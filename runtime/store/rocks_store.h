/// The store on RocksDB. Its own lock file keeps a second owner out; a reader needs no lock and may
/// look while an owner writes.
#pragma once
#include <memory>
#include <string>

#include "cep/base/result.h"
#include "runtime/store/rocks_options.h"
#include "runtime/store/store.h"

namespace tocsin::runtime {
class RocksStore : public Store {
 public:
  /// Writes what a family holds to new files: what was removed or replaced before, in it or in a
  /// log, is not on disk any more when this returns. Takes time by the family. Errors: kIo,
  /// kCorrupt, kLimit without space.
  virtual Result<void> rewrite(StoreFamily family) = 0;
  /// Makes a store in `directory`, which must not be there and lies on the same file system, of all
  /// that was written before now. Tables are second names, and writes go on meanwhile. Nothing of
  /// it is sure to be on disk. Errors: kIo, kLimit without space.
  virtual Result<void> copy_to(const std::string& directory) = 0;
  /// Opens the store in `directory`, whose parent must exist, or begins one; waits until its name
  /// is on disk. Errors, all naming the path: kInUse for a live owner, kOtherVersion for a
  /// newer store; kCorrupt for damage; kLimit without space; kIo.
  static Result<std::unique_ptr<RocksStore>> open(const std::string& directory,
                                                  const RocksStoreOptions& options);
  /// Opens what is on disk for reading: all that was written before now, by an owner that may go on
  /// writing meanwhile; what it writes later is not seen. Families that the store lacks are empty.
  /// Errors: kNotFound where there is none; else as open().
  static Result<std::unique_ptr<StoreReader>> open_reader(const std::string& directory,
                                                          const RocksStoreOptions& options);
  /// Reads every table of the store in `directory`, compares the checksums of whole files and of
  /// each block, and gives the store as open_reader() does. Errors: kCorrupt, naming the file.
  static Result<std::unique_ptr<StoreReader>> verify(const std::string& directory,
                                                     const RocksStoreOptions& options);
};
}  // namespace tocsin::runtime
