#include "runtime/store/rocks_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "runtime/io/system_files.h"
#include "runtime/journal/end_mark.h"
#include "runtime/store/rocks_database.h"
#include "runtime/store/rocks_log.h"

namespace tocsin::runtime {
namespace {
namespace fs = std::filesystem;

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

tl::unexpected<Error> failed(const char* what, const std::string& path, int error_number) {
  return fail(
      error_number == ENOSPC ? Errc::kLimit : Errc::kIo,
      fmt::format("cannot {} {}: {}", what, path, std::generic_category().message(error_number)));
}

Result<void> sync_directory(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return failed("open", path, errno);
  const int outcome = ::fsync(descriptor);
  const int error_number = errno;
  ::close(descriptor);
  if (outcome != 0) return failed("sync", path, error_number);
  return {};
}
// Files that are needed no more may be removed again, once nobody else forbids it. Before RocksDB 9
// there is an argument for that.
template <typename Database>
rocksdb::Status allow_file_deletions(Database& database) {
  if constexpr (requires { database.EnableFileDeletions(false); }) {
    return database.EnableFileDeletions(false);
  } else {
    return database.EnableFileDeletions();
  }
}
// Makes a store under another name first: one that lacks files is then always a damaged one, never
// one whose making was cut short.
Result<void> make_store(const std::string& directory, const RocksStoreOptions& options) {
  const std::string unfinished = directory + ".new";
  std::error_code error;
  fs::remove_all(unfinished, error);
  if (error) return failed("remove", unfinished, error.value());
  // Before RocksDB makes it, for all to read.
  if (::mkdir(unfinished.c_str(), S_IRWXU) != 0) return failed("make", unfinished, errno);
  if (Result<std::unique_ptr<RocksDatabase>> made = open_rocks_database(unfinished, options, true);
      !made)
    return tl::unexpected(made.error());
  fs::rename(unfinished, directory, error);
  if (error) return failed("rename", unfinished, error.value());
  const fs::path parent = fs::path(directory).parent_path();
  return sync_directory(parent.empty() ? "." : parent.string());
}

// What a reader and an owner have in common.
template <typename Interface>
class Reading : public Interface {
 public:
  Reading(std::unique_ptr<RocksDatabase> database, std::vector<std::string> names)
      : database_(std::move(database)), names_(std::move(names)) {}
  Result<std::optional<std::string>> get(StoreFamily family, std::string_view key) const override {
    return database_->get(family, key);
  }
  Result<void> scan(StoreFamily family, const StoreRange& range,
                    const StoreVisitor& visit) const override {
    return database_->scan(family, range, visit);
  }
  Result<std::uint64_t> approximate_bytes(StoreFamily family) const override {
    return database_->approximate_bytes(family);
  }
  Result<StoreStats> stats() const override { return database_->stats(names_); }

 protected:
  std::unique_ptr<RocksDatabase> database_;

 private:
  std::vector<std::string> names_;
};
using RocksReader = Reading<StoreReader>;

// Whether a file of some length can be written to the disk beside those of the store.
bool has_space(const std::string& directory) {
  constexpr std::size_t kBytes = std::size_t{1} << 20;
  constexpr int kCount = 4;
  const std::string path = directory + "/space.tmp";
  const int file =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return false;
  const std::string bytes(kBytes, '\0');
  bool has_all = true;
  for (int i = 0; i < kCount && has_all; ++i) {
    has_all = ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }
  has_all = has_all && ::fsync(file) == 0;
  ::close(file);
  ::unlink(path.c_str());
  return has_all;
}

// Number of the last change of a batch that was written, and one.
std::uint64_t end_of(const rocksdb::WriteBatch& batch) {
  // Its bytes begin with the number of its first change, which the write sets.
  return load_number<std::uint64_t>(batch.Data().data()) + batch.Count();
}

class OwnedStore : public Reading<RocksStore> {
 public:
  OwnedStore(std::unique_ptr<RocksDatabase> database, std::vector<std::string> names,
             std::unique_ptr<EndMark> end_mark)
      : Reading(std::move(database), std::move(names)), end_mark_(std::move(end_mark)) {}
  ~OwnedStore() override {
    if (!end_mark_) return;
    if (!failure_ && database_->db().FlushWAL(true).ok()) end_mark_->advance(database_->end());
    end_mark_->sync();
  }
  Result<void> write(const StoreBatch& batch, bool sync) override {
    if (std::optional<Error> before = failure()) {
      if (before->code != Errc::kLimit || !has_recovered()) return tl::unexpected(*before);
    }
    std::unique_ptr<rocksdb::WriteBatch> changes = take_spare();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const StoreBatch::Change change = batch.change(i);
      rocksdb::ColumnFamilyHandle* const family = database_->handle(change.family);
      rocksdb::Status added;
      switch (change.kind) {
        case StoreBatch::Kind::kPut:
          added = changes->Put(family, slice(change.key), slice(change.value));
          break;
        case StoreBatch::Kind::kRemove:
          added = changes->Delete(family, slice(change.key));
          break;
        case StoreBatch::Kind::kRemoveRange:
          added = changes->DeleteRange(family, slice(change.key), slice(change.value));
          break;
      }
      if (!added.ok()) return note(added);
    }
    rocksdb::WriteOptions options;
    options.sync = sync;
    const rocksdb::Status status = database_->db().Write(options, changes.get());
    if (!status.ok()) return note(status);
    if (sync) note_synced(end_of(*changes));
    keep_spare(std::move(changes));
    return {};
  }
  Result<void> rewrite(StoreFamily family) override {
    // A log goes once no family needs it.
    rocksdb::Status status =
        database_->db().Flush(rocksdb::FlushOptions(), database_->all_handles());
    if (status.ok()) {
      rocksdb::CompactRangeOptions options;
      options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
      status = database_->db().CompactRange(options, database_->handle(family), nullptr, nullptr);
    }
    // Files that are needed no more are removed here, and not some time later. A copy forbids it
    // until it is made. The thread that compacted may have begun with it, and says that all is
    // compacted before it is done: who asks for logs waits for that.
    const std::lock_guard lock(copy_mutex_);
    if (status.ok()) status = database_->db().DisableFileDeletions();
    if (status.ok()) {
      rocksdb::VectorLogPtr logs;
      status = database_->db().GetSortedWalFiles(logs);
      const rocksdb::Status allowed = allow_file_deletions(database_->db());
      if (status.ok()) status = allowed;
    }
    if (status.ok()) return {};
    return rocks_failure("rewrite", database_->directory(), status);
  }
  Result<void> copy_to(const std::string& directory) override {
    // Below it the log is copied: a table for a few changes would not be worth its name.
    constexpr std::uint64_t kLogBytesMax = std::uint64_t{1} << 20;
    const std::lock_guard lock(copy_mutex_);
    rocksdb::Checkpoint* made = nullptr;
    rocksdb::Status status = rocksdb::Checkpoint::Create(&database_->db(), &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok())
      status = checkpoint->CreateCheckpoint(fs::absolute(directory).string(), kLogBytesMax);
    if (status.ok()) return {};
    return rocks_failure("copy", database_->directory(), status);
  }

 private:
  std::optional<Error> failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  // An empty batch, with the memory of the last one.
  std::unique_ptr<rocksdb::WriteBatch> take_spare() {
    const std::lock_guard lock(mutex_);
    return spare_ ? std::move(spare_) : std::make_unique<rocksdb::WriteBatch>();
  }
  void keep_spare(std::unique_ptr<rocksdb::WriteBatch> batch) {
    constexpr std::size_t kBytesKept = std::size_t{4} << 20;
    if (batch->Data().capacity() > kBytesKept) return;
    batch->Clear();
    const std::lock_guard lock(mutex_);
    spare_ = std::move(batch);
  }
  // After a write without space: whether there is some again, and RocksDB has put what it has into
  // tables, so that what stands half written in its log counts no more.
  bool has_recovered() {
    const std::lock_guard recovering(recovery_mutex_);
    if (!failure()) return true;  // another caller has
    if (!has_space(database_->directory())) return false;
    if (!database_->db().Resume().ok()) return false;
    const std::lock_guard lock(mutex_);
    failure_.reset();
    return true;
  }
  void note_synced(std::uint64_t end) {
    const std::lock_guard lock(mutex_);
    if (end_mark_) end_mark_->advance(end);
  }
  // RocksDB may recover by itself from some errors; who was told of a failure would then see what
  // came after it without what failed.
  tl::unexpected<Error> note(const rocksdb::Status& status) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = rocks_failure("write", database_->directory(), status).value();
    return tl::unexpected(*failure_);
  }

  std::mutex copy_mutex_;      // of who keeps files from being removed
  std::mutex recovery_mutex_;  // before mutex_
  mutable std::mutex mutex_;
  std::optional<Error> failure_;
  std::unique_ptr<rocksdb::WriteBatch> spare_;
  std::unique_ptr<EndMark> end_mark_;  // null: none
};

// How far the store was on disk, as its end mark knows.
Result<std::uint64_t> known_end(const RocksStoreOptions& options) {
  if (options.end_mark.empty()) return 0;
  SystemFiles files;
  return read_end_mark(files, options.end_mark).map([](const KnownEnd& known) {
    return known.end;
  });
}
tl::unexpected<Error> ends_early(const std::string& directory, std::uint64_t end,
                                 std::uint64_t known) {
  return fail(Errc::kCorrupt,
              fmt::format("{} is damaged: a log of it ({}/*.log) is missing or was cut, or the "
                          "folder is an older copy: it ends with change {}, and changes up to {} "
                          "were on disk",
                          directory, directory, end - 1, known - 1));
}
Result<void> check_cut(const RocksLogs& logs) {
  if (!logs.cut) return {};
  return fail(Errc::kCorrupt,
              fmt::format("{} is damaged: it ends in the middle, and later changes are in the logs "
                          "behind it",
                          *logs.cut));
}
// A reader of a store that has all that was on disk.
Result<std::unique_ptr<RocksDatabase>> open_whole(const std::string& directory,
                                                  const RocksStoreOptions& options) {
  const Result<std::uint64_t> known = known_end(options);  // first: an owner may go on
  if (!known) return tl::unexpected(known.error());
  Result<std::unique_ptr<RocksDatabase>> database = open_rocks_reader(directory, options);
  if (database && (*database)->end() < *known) {
    return ends_early(directory, (*database)->end(), *known);
  }
  return database;
}
// Before an owner changes anything: does the store have all that was on disk?
Result<void> check_end(const std::string& directory, const RocksStoreOptions& options,
                       std::uint64_t known) {
  const RocksLogs logs = survey_rocks_logs(directory);
  if (Result<void> checked = check_cut(logs); !checked) return checked;
  if (logs.end >= known) return {};
  // What was in logs may stand in tables since.
  if (Result<std::unique_ptr<RocksDatabase>> opened = open_whole(directory, options); !opened)
    return tl::unexpected(opened.error());
  return {};
}
}  // namespace

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::string& directory,
                                                     const RocksStoreOptions& options) {
  const Result<std::uint64_t> known = known_end(options);
  if (!known) return tl::unexpected(known.error());
  std::error_code error;
  if (!fs::exists(directory, error)) {
    if (*known > 1) {
      return fail(Errc::kCorrupt,
                  fmt::format("{} is missing: changes up to {} were on disk; restore the data "
                              "directory from a copy",
                              directory, *known - 1));
    }
    if (Result<void> made = make_store(directory, options); !made)
      return tl::unexpected(made.error());
  }
  if (Result<void> checked = check_rocks_families(directory, options); !checked)
    return tl::unexpected(checked.error());
  if (Result<void> checked = check_end(directory, options, *known); !checked)
    return tl::unexpected(checked.error());
  Result<std::unique_ptr<RocksDatabase>> database = open_rocks_database(directory, options, false);
  if (!database) return tl::unexpected(database.error());
  std::unique_ptr<EndMark> end_mark;
  if (!options.end_mark.empty()) {
    SystemFiles files;
    // What was found is noted by the first write that is synced: it may be in the cache alone.
    Result<std::unique_ptr<EndMark>> opened = EndMark::open(files, options.end_mark, 0);
    if (!opened) return tl::unexpected(opened.error());
    end_mark = *std::move(opened);
  }
  return std::make_unique<OwnedStore>(std::move(*database), options.families, std::move(end_mark));
}

Result<std::unique_ptr<StoreReader>> RocksStore::open_reader(const std::string& directory,
                                                             const RocksStoreOptions& options) {
  Result<std::unique_ptr<RocksDatabase>> database = open_whole(directory, options);
  if (!database) return tl::unexpected(database.error());
  return std::make_unique<RocksReader>(std::move(*database), options.families);
}

Result<std::unique_ptr<StoreReader>> RocksStore::verify(const std::string& directory,
                                                        const RocksStoreOptions& options) {
  if (Result<void> checked = check_cut(survey_rocks_logs(directory)); !checked)
    return tl::unexpected(checked.error());
  Result<std::unique_ptr<RocksDatabase>> database = open_whole(directory, options);
  if (!database) return tl::unexpected(database.error());
  rocksdb::DB& db = (*database)->db();
  // The first has every byte, but only of files that a version with such checksums wrote.
  rocksdb::Status status = db.VerifyFileChecksums(rocksdb::ReadOptions());
  if (status.ok()) status = db.VerifyChecksum(rocksdb::ReadOptions());
  if (!status.ok()) return rocks_failure("read", directory, status);
  for (std::uint32_t i = 0; i < options.families.size(); ++i) {
    Result<void> read =
        (*database)->scan({i}, {}, [](std::string_view, std::string_view) { return true; });
    if (!read) return tl::unexpected(read.error());
  }
  return std::make_unique<RocksReader>(std::move(*database), options.families);
}
}  // namespace tocsin::runtime
