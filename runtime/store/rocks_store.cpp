#include "runtime/store/rocks_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "runtime/io/system_files.h"
#include "runtime/journal/end_mark.h"
#include "runtime/store/rocks_error.h"
#include "runtime/store/rocks_log.h"

namespace tocsin::runtime {
namespace {
namespace fs = std::filesystem;

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

bool is_locked(const std::string& text) {
  return text.find("lock hold by current process") != std::string::npos ||
         text.find("While lock file") != std::string::npos;
}
tl::unexpected<Error> failed(const char* what, const std::string& directory,
                             const rocksdb::Status& status) {
  if (status.IsIOError() && is_locked(status.ToString()))
    return fail(Errc::kInUse, fmt::format("another process uses the store {}", directory));
  Error error = rocks_error(what, directory, status);
  if (error.code == Errc::kCorrupt) {
    if (const std::optional<std::string> log = find_damaged_rocks_log(directory))
      error.message += fmt::format(" (in {})", *log);
  }
  return tl::unexpected(std::move(error));
}
tl::unexpected<Error> failed(const char* what, const std::string& path, int error_number) {
  return fail(
      error_number == ENOSPC ? Errc::kLimit : Errc::kIo,
      fmt::format("cannot {} {}: {}", what, path, std::generic_category().message(error_number)));
}

// Threads that RocksDB starts meanwhile take no signals: those are the main thread's.
class SignalsBlocked {
 public:
  [[nodiscard]] SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

rocksdb::CompressionType compression() {
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool has_lz4 =
      std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  return has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

struct Settings {
  rocksdb::DBOptions database;
  rocksdb::ColumnFamilyOptions family;
  std::shared_ptr<rocksdb::Cache> cache;
};
Settings settings_of(const RocksStoreOptions& options) {
  Settings settings;
  settings.cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = settings.cache;
  table.cache_index_and_filter_blocks = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  settings.family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  settings.family.compression = compression();
  settings.family.write_buffer_size = options.write_buffer_bytes;

  rocksdb::DBOptions& database = settings.database;
  database.env = private_rocks_env();
  database.paranoid_checks = true;
  // Logs that are no longer written are known by the manifest; how far the one that is written was
  // synced, RocksDB does not note: our end mark does.
  database.track_and_verify_wals_in_manifest = true;
  database.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  // Damage before the end of the log is refused; at its end stands what nobody was told of.
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  database.db_write_buffer_size = options.write_buffers_bytes_max;
  database.max_total_wal_size = options.log_bytes_max;
  database.max_background_jobs = options.background_jobs;
  database.max_open_files = 256;
  database.max_file_opening_threads = 1;  // the default makes sixteen for each family
  database.bytes_per_sync = 1 << 20;
  // With asserts, as Debian builds it, RocksDB aborts when it cannot write its own notes.
  database.info_log = silent_rocks_logger();
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  return settings;
}

// An open database with the handles of its families, those of the options first.
class Database {
 public:
  Database(std::string directory, std::size_t family_count, std::shared_ptr<rocksdb::Cache> cache)
      : directory_(std::move(directory)), family_count_(family_count), cache_(std::move(cache)) {}
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle);
    }
  }
  void take(rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> handles) {
    db_.reset(db);
    handles_ = std::move(handles);
    handles_.resize(family_count_, nullptr);
  }

  const std::string& directory() const { return directory_; }
  rocksdb::DB& db() const { return *db_; }
  // Number of its last change, and one.
  std::uint64_t end() const { return db_->GetLatestSequenceNumber() + 1; }
  // Null where a store that is only read lacks it.
  rocksdb::ColumnFamilyHandle* handle(StoreFamily family) const {
    TOCSIN_ASSERT(family.index < handles_.size(), "families are those of the opening");
    return handles_[family.index];
  }

  Result<std::optional<std::string>> get(StoreFamily family, std::string_view key) const {
    if (handle(family) == nullptr) return std::nullopt;
    std::string value;
    const rocksdb::Status status =
        db_->Get(rocksdb::ReadOptions(), handle(family), slice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return failed("read", directory_, status);
    return value;
  }

  Result<void> scan(StoreFamily family, const StoreRange& range, const StoreVisitor& visit) const {
    if (handle(family) == nullptr || (range.end && range.begin >= *range.end)) return {};
    rocksdb::ReadOptions options;
    options.fill_cache = false;  // what is listed once is not what is looked up
    const rocksdb::Slice begin = slice(range.begin);
    const rocksdb::Slice end = range.end ? slice(*range.end) : rocksdb::Slice();
    options.iterate_lower_bound = &begin;
    if (range.end) options.iterate_upper_bound = &end;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options, handle(family)));
    if (range.is_descending) {
      at->SeekToLast();
    } else {
      at->SeekToFirst();
    }
    while (at->Valid() && visit(view(at->key()), view(at->value()))) {
      if (range.is_descending) {
        at->Prev();
      } else {
        at->Next();
      }
    }
    if (!at->status().ok()) return failed("read", directory_, at->status());
    return {};
  }

  std::uint64_t number(StoreFamily family, const char* property) const {
    std::uint64_t number = 0;
    if (handle(family) != nullptr) db_->GetIntProperty(handle(family), property, &number);
    return number;
  }
  std::uint64_t approximate_bytes(StoreFamily family) const {
    return number(family, "rocksdb.live-sst-files-size") +
           number(family, "rocksdb.cur-size-all-mem-tables");
  }
  StoreStats stats(const std::vector<std::string>& names) const {
    StoreStats stats;
    for (std::uint32_t i = 0; i < names.size(); ++i) {
      stats.families.push_back(
          {names[i], approximate_bytes({i}), number({i}, "rocksdb.estimate-num-keys")});
      stats.memory_bytes += number({i}, "rocksdb.cur-size-all-mem-tables");
    }
    stats.memory_bytes += cache_->GetUsage();
    return stats;
  }

 private:
  std::string directory_;
  std::size_t family_count_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

// What stands for everything that an opening reads: while it is the same, no log or file that was
// needed has gone.
struct ManifestState {
  std::string name;
  std::uintmax_t bytes = 0;
  friend bool operator==(const ManifestState&, const ManifestState&) = default;
};
ManifestState manifest_state(const std::string& directory) {
  ManifestState state;
  const int current = ::open((directory + "/CURRENT").c_str(), O_RDONLY | O_CLOEXEC);
  if (current < 0) return state;
  char text[64];
  const ssize_t count = ::read(current, text, sizeof text);
  ::close(current);
  if (count <= 0) return state;
  state.name.assign(text, static_cast<std::size_t>(count));
  while (!state.name.empty() && state.name.back() == '\n') state.name.pop_back();
  std::error_code error;
  state.bytes = fs::file_size(directory + "/" + state.name, error);
  return state;
}

Result<void> check_families(const std::string& directory, const std::vector<std::string>& found,
                            const std::vector<std::string>& known) {
  for (const std::string& name : found) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return fail(Errc::kOtherVersion,
                  fmt::format("{} was written by a newer tocsin: use that one (its store has `{}`)",
                              directory, name));
    }
  }
  return {};
}
Result<std::vector<std::string>> list_families(const std::string& directory,
                                               const rocksdb::DBOptions& options) {
  if (!fs::exists(directory + "/CURRENT")) {
    return fail(Errc::kCorrupt,
                fmt::format("the store is damaged: {}/CURRENT is missing", directory));
  }
  std::vector<std::string> names;
  const rocksdb::Status status = rocksdb::DB::ListColumnFamilies(options, directory, &names);
  if (!status.ok()) {
    Error error = failed("open", directory, status).value();
    // A file that CURRENT names and that is not there.
    if (error.code == Errc::kNotFound) error.code = Errc::kCorrupt;
    return tl::unexpected(std::move(error));
  }
  return names;
}
std::vector<rocksdb::ColumnFamilyDescriptor> descriptors(const std::vector<std::string>& names,
                                                         const Settings& settings) {
  std::vector<rocksdb::ColumnFamilyDescriptor> result;
  result.reserve(names.size());
  for (const std::string& name : names) result.emplace_back(name, settings.family);
  return result;
}

Result<std::unique_ptr<Database>> open_database(const std::string& directory,
                                                const RocksStoreOptions& options,
                                                bool create_if_missing) {
  const SignalsBlocked blocked;
  Settings settings = settings_of(options);
  settings.database.create_if_missing = create_if_missing;
  settings.database.create_missing_column_families = true;
  auto database = std::make_unique<Database>(directory, options.families.size(), settings.cache);
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status status = rocksdb::DB::Open(
      settings.database, directory, descriptors(options.families, settings), &handles, &db);
  if (!status.ok()) return failed("open", directory, status);
  database->take(db, std::move(handles));
  return database;
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
// Makes a store under another name first: one that lacks files is then always a damaged one, never
// one whose making was cut short.
Result<void> make_store(const std::string& directory, const RocksStoreOptions& options) {
  const std::string unfinished = directory + ".new";
  std::error_code error;
  fs::remove_all(unfinished, error);
  if (error) return failed("remove", unfinished, error.value());
  // Before RocksDB makes it, for all to read.
  if (::mkdir(unfinished.c_str(), S_IRWXU) != 0) return failed("make", unfinished, errno);
  if (Result<std::unique_ptr<Database>> made = open_database(unfinished, options, true); !made)
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
  Reading(std::unique_ptr<Database> database, std::vector<std::string> names)
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
  std::unique_ptr<Database> database_;

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
  OwnedStore(std::unique_ptr<Database> database, std::vector<std::string> names,
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
    if (!failure_) failure_ = failed("write", database_->directory(), status).value();
    return tl::unexpected(*failure_);
  }

  std::mutex recovery_mutex_;  // before mutex_
  mutable std::mutex mutex_;
  std::optional<Error> failure_;
  std::unique_ptr<rocksdb::WriteBatch> spare_;
  std::unique_ptr<EndMark> end_mark_;  // null: none
};

void check_options(const RocksStoreOptions& options) {
  TOCSIN_ASSERT(!options.families.empty() && options.families.front() == "default",
                "the first family of a store is `default`");
}
Result<std::unique_ptr<Database>> open_for_reading(const std::string& directory,
                                                   const RocksStoreOptions& options) {
  check_options(options);
  if (!fs::is_directory(directory))
    return fail(Errc::kNotFound, fmt::format("there is no store {}", directory));
  const SignalsBlocked blocked;
  Settings settings = settings_of(options);
  settings.database.max_open_files = -1;  // all at once: an owner may remove files later
  Result<std::unique_ptr<Database>> outcome = fail(Errc::kInternal, "not tried");
  // An owner that writes meanwhile may remove a file or log after this read that it is needed: then
  // the opening fails, or would lack what was in that log. Again, until nothing has moved.
  constexpr int kTries = 50;
  for (int i = 0; i < kTries; ++i) {
    const ManifestState before = manifest_state(directory);
    const Result<std::vector<std::string>> found = list_families(directory, settings.database);
    if (found) {
      if (Result<void> checked = check_families(directory, *found, options.families); !checked)
        return tl::unexpected(checked.error());
      std::vector<std::string> names;
      for (const std::string& name : options.families) {
        if (std::find(found->begin(), found->end(), name) != found->end()) names.push_back(name);
      }
      rocksdb::DB* db = nullptr;
      std::vector<rocksdb::ColumnFamilyHandle*> handles;
      const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(
          settings.database, directory, descriptors(names, settings), &handles, &db);
      if (status.ok()) {
        auto database =
            std::make_unique<Database>(directory, options.families.size(), settings.cache);
        std::vector<rocksdb::ColumnFamilyHandle*> in_place(options.families.size(), nullptr);
        for (std::size_t place = 0, next = 0; place < in_place.size() && next < names.size();
             ++place) {
          if (options.families[place] == names[next]) in_place[place] = handles[next++];
        }
        database->take(db, std::move(in_place));
        outcome = std::move(database);
      } else {
        outcome = failed("open", directory, status);
      }
    } else {
      outcome = tl::unexpected(found.error());
    }
    if (manifest_state(directory) == before) return outcome;
  }
  return outcome ? fail(Errc::kIo, fmt::format("{} changes too fast to be read", directory))
                 : std::move(outcome);
}

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
Result<std::unique_ptr<Database>> open_whole(const std::string& directory,
                                             const RocksStoreOptions& options) {
  const Result<std::uint64_t> known = known_end(options);  // first: an owner may go on
  if (!known) return tl::unexpected(known.error());
  Result<std::unique_ptr<Database>> database = open_for_reading(directory, options);
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
  if (Result<std::unique_ptr<Database>> opened = open_whole(directory, options); !opened)
    return tl::unexpected(opened.error());
  return {};
}
}  // namespace

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::string& directory,
                                                     const RocksStoreOptions& options) {
  check_options(options);
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
  const Result<std::vector<std::string>> found =
      list_families(directory, settings_of(options).database);
  if (!found) return tl::unexpected(found.error());
  if (Result<void> checked = check_families(directory, *found, options.families); !checked)
    return tl::unexpected(checked.error());
  if (Result<void> checked = check_end(directory, options, *known); !checked)
    return tl::unexpected(checked.error());
  Result<std::unique_ptr<Database>> database = open_database(directory, options, false);
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
  Result<std::unique_ptr<Database>> database = open_whole(directory, options);
  if (!database) return tl::unexpected(database.error());
  return std::make_unique<RocksReader>(std::move(*database), options.families);
}

Result<std::unique_ptr<StoreReader>> RocksStore::verify(const std::string& directory,
                                                        const RocksStoreOptions& options) {
  if (Result<void> checked = check_cut(survey_rocks_logs(directory)); !checked)
    return tl::unexpected(checked.error());
  Result<std::unique_ptr<Database>> database = open_whole(directory, options);
  if (!database) return tl::unexpected(database.error());
  rocksdb::DB& db = (*database)->db();
  // The first has every byte, but only of files that a version with such checksums wrote.
  rocksdb::Status status = db.VerifyFileChecksums(rocksdb::ReadOptions());
  if (status.ok()) status = db.VerifyChecksum(rocksdb::ReadOptions());
  if (!status.ok()) return failed("read", directory, status);
  for (std::uint32_t i = 0; i < options.families.size(); ++i) {
    Result<void> read =
        (*database)->scan({i}, {}, [](std::string_view, std::string_view) { return true; });
    if (!read) return tl::unexpected(read.error());
  }
  return std::make_unique<RocksReader>(std::move(*database), options.families);
}
}  // namespace tocsin::runtime
