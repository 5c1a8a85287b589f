/// A RocksDB database with the families of a store, and the ways to open one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/store/rocks_options.h"
#include "runtime/store/store.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Status;
}  // namespace rocksdb
namespace tocsin::runtime {
/// An open database with the handles of its families, those of the options first.
class RocksDatabase {
 public:
  RocksDatabase(std::string directory, std::size_t family_count);
  RocksDatabase(const RocksDatabase&) = delete;
  RocksDatabase& operator=(const RocksDatabase&) = delete;
  ~RocksDatabase();
  /// What was opened, with a handle for each family; null for one that the database lacks.
  void take(rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> handles);

  const std::string& directory() const { return directory_; }
  rocksdb::DB& db() const { return *db_; }
  /// Number of its last change, and one.
  std::uint64_t end() const;
  /// Null for a family that a database open for reading lacks.
  rocksdb::ColumnFamilyHandle* handle(StoreFamily family) const;
  /// Of all families that the database has.
  std::vector<rocksdb::ColumnFamilyHandle*> all_handles() const;

  /// As StoreReader has them. A family that the database lacks is empty.
  Result<std::optional<std::string>> get(StoreFamily family, std::string_view key) const;
  Result<void> scan(StoreFamily family, const StoreRange& range, const StoreVisitor& visit) const;
  std::uint64_t approximate_bytes(StoreFamily family) const;
  /// `names` are those of the families, by index.
  StoreStats stats(const std::vector<std::string>& names) const;

 private:
  std::uint64_t number(StoreFamily family, const char* property) const;

  std::string directory_;
  std::size_t family_count_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

/// Opens the database in `directory` for its owner; makes families that it lacks. Errors as
/// RocksStore::open().
Result<std::unique_ptr<RocksDatabase>> open_rocks_database(const std::string& directory,
                                                           const RocksStoreOptions& options,
                                                           bool create_if_missing);
/// Opens what is on disk for reading, beside an owner that may write. Errors as
/// RocksStore::open_reader().
Result<std::unique_ptr<RocksDatabase>> open_rocks_reader(const std::string& directory,
                                                         const RocksStoreOptions& options);
/// Whether all families of the database in `directory` are among those of the options:
/// kOtherVersion for a newer one, kCorrupt for damage.
Result<void> check_rocks_families(const std::string& directory, const RocksStoreOptions& options);
/// "cannot WHAT DIRECTORY: reason", as rocks_error(); kInUse while another process has the
/// database, and damage names the file where it can be found.
tl::unexpected<Error> rocks_failure(const char* what, const std::string& directory,
                                    const rocksdb::Status& status);
}  // namespace tocsin::runtime
