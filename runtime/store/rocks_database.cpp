#include "runtime/store/rocks_database.h"

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
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "cep/base/assert.h"
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
};
Settings settings_of(const RocksStoreOptions& options) {
  Settings settings;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
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
    Error error = rocks_failure("open", directory, status).value();
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
void check_options(const RocksStoreOptions& options) {
  TOCSIN_ASSERT(!options.families.empty() && options.families.front() == "default",
                "the first family of a store is `default`");
}
}  // namespace

tl::unexpected<Error> rocks_failure(const char* what, const std::string& directory,
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

RocksDatabase::RocksDatabase(std::string directory, std::size_t family_count)
    : directory_(std::move(directory)), family_count_(family_count) {}

RocksDatabase::~RocksDatabase() {
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle);
  }
}

void RocksDatabase::take(rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> handles) {
  db_.reset(db);
  handles_ = std::move(handles);
  handles_.resize(family_count_, nullptr);
}

std::uint64_t RocksDatabase::end() const { return db_->GetLatestSequenceNumber() + 1; }

std::vector<rocksdb::ColumnFamilyHandle*> RocksDatabase::all_handles() const {
  std::vector<rocksdb::ColumnFamilyHandle*> all = handles_;
  std::erase(all, nullptr);
  return all;
}

rocksdb::ColumnFamilyHandle* RocksDatabase::handle(StoreFamily family) const {
  TOCSIN_ASSERT(family.index < handles_.size(), "families are those of the opening");
  return handles_[family.index];
}

Result<std::optional<std::string>> RocksDatabase::get(StoreFamily family,
                                                      std::string_view key) const {
  if (handle(family) == nullptr) return std::nullopt;
  std::string value;
  const rocksdb::Status status =
      db_->Get(rocksdb::ReadOptions(), handle(family), slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return rocks_failure("read", directory_, status);
  return value;
}

Result<void> RocksDatabase::scan(StoreFamily family, const StoreRange& range,
                                 const StoreVisitor& visit) const {
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
  if (!at->status().ok()) return rocks_failure("read", directory_, at->status());
  return {};
}

std::uint64_t RocksDatabase::number(StoreFamily family, const char* property) const {
  std::uint64_t number = 0;
  if (handle(family) != nullptr) db_->GetIntProperty(handle(family), property, &number);
  return number;
}

std::uint64_t RocksDatabase::approximate_bytes(StoreFamily family) const {
  return number(family, "rocksdb.live-sst-files-size") +
         number(family, "rocksdb.cur-size-all-mem-tables");
}

StoreStats RocksDatabase::stats(const std::vector<std::string>& names) const {
  StoreStats stats;
  for (std::uint32_t i = 0; i < names.size(); ++i) {
    stats.families.push_back(
        {names[i], approximate_bytes({i}), number({i}, "rocksdb.estimate-num-keys")});
    stats.memory_bytes += number({i}, "rocksdb.cur-size-all-mem-tables");
  }
  // The families have one cache.
  if (!names.empty()) stats.memory_bytes += number({0}, "rocksdb.block-cache-usage");
  return stats;
}

Result<std::unique_ptr<RocksDatabase>> open_rocks_database(const std::string& directory,
                                                           const RocksStoreOptions& options,
                                                           bool create_if_missing) {
  check_options(options);
  const SignalsBlocked blocked;
  Settings settings = settings_of(options);
  settings.database.create_if_missing = create_if_missing;
  settings.database.create_missing_column_families = true;
  auto database = std::make_unique<RocksDatabase>(directory, options.families.size());
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status status = rocksdb::DB::Open(
      settings.database, directory, descriptors(options.families, settings), &handles, &db);
  if (!status.ok()) return rocks_failure("open", directory, status);
  database->take(db, std::move(handles));
  return database;
}

Result<std::unique_ptr<RocksDatabase>> open_rocks_reader(const std::string& directory,
                                                         const RocksStoreOptions& options) {
  check_options(options);
  if (!fs::is_directory(directory))
    return fail(Errc::kNotFound, fmt::format("there is no store {}", directory));
  const SignalsBlocked blocked;
  Settings settings = settings_of(options);
  settings.database.max_open_files = -1;  // all at once: an owner may remove files later
  Result<std::unique_ptr<RocksDatabase>> outcome = fail(Errc::kInternal, "not tried");
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
        auto database = std::make_unique<RocksDatabase>(directory, options.families.size());
        std::vector<rocksdb::ColumnFamilyHandle*> in_place(options.families.size(), nullptr);
        for (std::size_t place = 0, next = 0; place < in_place.size() && next < names.size();
             ++place) {
          if (options.families[place] == names[next]) in_place[place] = handles[next++];
        }
        database->take(db, std::move(in_place));
        outcome = std::move(database);
      } else {
        outcome = rocks_failure("open", directory, status);
      }
    } else {
      outcome = tl::unexpected(found.error());
    }
    if (manifest_state(directory) == before) return outcome;
  }
  return outcome ? fail(Errc::kIo, fmt::format("{} changes too fast to be read", directory))
                 : std::move(outcome);
}

Result<void> check_rocks_families(const std::string& directory, const RocksStoreOptions& options) {
  const Result<std::vector<std::string>> found =
      list_families(directory, settings_of(options).database);
  if (!found) return tl::unexpected(found.error());
  return check_families(directory, *found, options.families);
}
}  // namespace tocsin::runtime
