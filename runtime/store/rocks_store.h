/// The store on RocksDB. Its own lock file keeps a second owner out; a reader needs no lock and may
/// look while an owner writes.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "runtime/store/store.h"

namespace tocsin::runtime {
struct RocksStoreOptions {
  /// Names of the families, at least one; the first must be "default". A store on disk may lack
  /// some: they are made. One that has others is refused as newer.
  std::vector<std::string> families;
  std::size_t write_buffer_bytes = std::size_t{8} << 20;        // of one family
  std::size_t write_buffers_bytes_max = std::size_t{32} << 20;  // of all
  std::size_t block_cache_bytes = std::size_t{16} << 20;
  std::size_t log_bytes_max = std::size_t{64} << 20;  // written again at an opening, at most
  int background_jobs = 2;
  /// The file of its end mark (runtime/journal/end_mark.h), which an owner keeps: the number of the
  /// last change that was synced, and one. A store that ends before it is damaged. Empty: none.
  std::string end_mark = {};
};

class RocksStore : public Store {
 public:
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
