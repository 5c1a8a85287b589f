#include "runtime/store/rocks_state_store.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/table_properties.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "cep/base/byte_codec.h"
#include "runtime/io/background_thread.h"
#include "runtime/journal/file_tree.h"
#include "runtime/store/rocks_error.h"

namespace tocsin::runtime {
namespace {
tl::unexpected<Error> failed(std::string_view what, const std::string& path,
                             const rocksdb::Status& status) {
  return tl::unexpected(rocks_error(what, path, status));
}

bool is_table(std::string_view name) { return name.ends_with(".sst"); }

rocksdb::Slice slice_of(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view_of(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

rocksdb::Options options_of_state() {
  rocksdb::Options options;
  options.env = private_rocks_env();
  options.info_log = silent_rocks_logger();
  options.compression = rocksdb::kLZ4Compression;
  rocksdb::BlockBasedTableOptions table;
  // Read from end to end or not at all: large blocks, no filter, and nothing is worth caching.
  table.block_size = std::size_t{32} << 10;
  table.no_block_cache = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // Every checkpoint is a sorted run, or a few files that count as one each. Where there are many,
  // those of like size are merged; tidy() sees to it that they have no more than about twice the
  // state's bytes.
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.compaction_options_universal.max_size_amplification_percent = 100;
  options.level0_file_num_compaction_trigger = 32;
  // Nothing is ever written past the runs, so that there is nothing to slow down.
  options.level0_slowdown_writes_trigger = 1 << 20;
  options.level0_stop_writes_trigger = 1 << 20;
  options.soft_pending_compaction_bytes_limit = 0;
  options.hard_pending_compaction_bytes_limit = 0;
  options.target_file_size_base = std::uint64_t{64} << 20;
  options.max_background_jobs = 2;
  options.max_file_opening_threads = 1;  // the default makes sixteen at each opening
  options.write_buffer_size = std::size_t{64} << 10;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  return options;
}

rocksdb::ReadOptions options_of_scan() {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.verify_checksums = true;
  options.ignore_range_deletions = true;  // nobody writes any
  options.readahead_size = std::size_t{1} << 20;
  return options;
}

// Reads ahead on a thread of its own: to unpack and merge what is on disk takes about as long as
// what is done with it.
class RocksScan : public StateScan {
 public:
  // `owned` may be null: the database is then another's.
  RocksScan(std::unique_ptr<rocksdb::DB> owned, rocksdb::DB& database, std::string directory)
      : owned_(std::move(owned)),
        directory_(std::move(directory)),
        iterator_(database.NewIterator(options_of_scan())),
        thread_([this] { read_ahead(); }) {}
  ~RocksScan() override {
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Result<bool> next(StateEntry& entry) override {
    if (at_ == block_.bytes.size()) {
      if (block_.is_last) return false;
      if (Result<void> taken = take_block(); !taken) return tl::unexpected(taken.error());
      if (block_.bytes.empty()) return false;
    }
    const std::size_t key_bytes = size_at(at_);
    const std::size_t value_bytes = size_at(at_ + kSizeBytes);
    const std::string_view rest = std::string_view(block_.bytes).substr(at_ + 2 * kSizeBytes);
    entry = {rest.substr(0, key_bytes), rest.substr(key_bytes, value_bytes), false};
    at_ += 2 * kSizeBytes + key_bytes + value_bytes;
    if (entry.key.size() < kStoreKeyHeadBytes) {
      return fail(Errc::kCorrupt, directory_ + " is damaged: it has a key without table and group");
    }
    return true;
  }

 private:
  static constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
  static constexpr std::size_t kBlocksMax = 8;
  static constexpr std::size_t kSizeBytes = sizeof(std::uint32_t);
  // Entries: the sizes of key and value, then both.
  struct Block {
    std::string bytes;
    bool is_last = false;
    std::optional<Error> failure = {};  // after these entries
  };

  std::size_t size_at(std::size_t at) const {
    return load_number<std::uint32_t>(block_.bytes.data() + at);
  }
  Result<void> take_block() {
    if (block_.failure) return tl::unexpected(*block_.failure);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !blocks_.empty(); });
    block_ = std::move(blocks_.front());
    blocks_.pop_front();
    lock.unlock();
    changed_.notify_all();
    at_ = 0;
    if (block_.bytes.empty() && block_.failure) return tl::unexpected(*block_.failure);
    return {};
  }
  // Another thread's from here on.
  void read_ahead() {
    begin_background_thread("read-ahead");
    iterator_->SeekToFirst();
    for (bool is_wanted = true; is_wanted;) is_wanted = give(read_block());
  }
  Block read_block() {
    Block block;
    block.bytes.reserve(kBlockBytes + kBlockBytes / 8);
    ByteWriter to(block.bytes);
    for (; iterator_->Valid() && block.bytes.size() < kBlockBytes; iterator_->Next()) {
      const rocksdb::Slice key = iterator_->key();
      const rocksdb::Slice value = iterator_->value();
      to.u32(static_cast<std::uint32_t>(key.size()));
      to.u32(static_cast<std::uint32_t>(value.size()));
      to.raw(view_of(key));
      to.raw(view_of(value));
    }
    if (iterator_->Valid()) return block;
    if (iterator_->status().ok()) {
      block.is_last = true;
    } else {
      block.failure = failed("read", directory_, iterator_->status()).value();
    }
    return block;
  }
  // False when no more is wanted.
  bool give(Block block) {
    const bool is_more = !block.is_last && !block.failure;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return is_ending_ || blocks_.size() < kBlocksMax; });
    if (is_ending_) return false;
    blocks_.push_back(std::move(block));
    lock.unlock();
    changed_.notify_all();
    return is_more;
  }

  std::unique_ptr<rocksdb::DB> owned_;
  std::string directory_;
  Block block_;  // the one that is being given
  std::size_t at_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> blocks_;
  bool is_ending_ = false;

  std::unique_ptr<rocksdb::Iterator> iterator_;  // the thread's
  std::thread thread_;
};

class RocksRunFile : public StateRunFile {
 public:
  // Adds itself to `finished`.
  RocksRunFile(Files& files, std::string path, std::vector<std::string>& finished)
      : files_(files),
        path_(std::move(path)),
        finished_(finished),
        writer_(rocksdb::EnvOptions(), options_of_state(), nullptr, false) {}
  ~RocksRunFile() override {
    if (!is_finished_) (void)files_.remove(path_);
  }
  Result<void> open() { return result_of(writer_.Open(path_)); }
  Result<void> append(StateRun& entries) override {
    StateEntry entry;
    rocksdb::Status status;
    while (status.ok() && entries.next(entry)) {
      is_empty_ = false;
      status = entry.is_removed ? writer_.Delete(slice_of(entry.key))
                                : writer_.Put(slice_of(entry.key), slice_of(entry.value));
    }
    return result_of(status);
  }
  std::uint64_t bytes() const override { return writer_.FileSize(); }
  Result<void> finish() override {
    if (is_empty_) return {};
    Result<void> done = result_of(writer_.Finish());
    if (!done) return done;
    is_finished_ = true;
    finished_.push_back(path_);
    return {};
  }

 private:
  Result<void> result_of(const rocksdb::Status& status) const {
    if (!status.ok()) return failed("write", path_, status);
    return {};
  }
  Files& files_;
  const std::string path_;
  std::vector<std::string>& finished_;
  mutable rocksdb::SstFileWriter writer_;  // its FileSize() is not const
  bool is_empty_ = true;
  bool is_finished_ = false;
};

class RocksStateStore : public StateStore {
 public:
  RocksStateStore(Files& files, std::unique_ptr<rocksdb::DB> database, std::string directory)
      : files_(files), database_(std::move(database)), directory_(std::move(directory)) {}

  Result<std::unique_ptr<StateRunFile>> new_run() override {
    auto run = std::make_unique<RocksRunFile>(
        files_, fmt::format("{}/run-{}", directory_, ++run_count_), runs_);
    if (Result<void> opened = run->open(); !opened) return tl::unexpected(opened.error());
    return run;
  }

  Result<void> ingest() override {
    if (runs_.empty()) return {};
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.write_global_seqno = false;  // the files are what was digested, for ever
    const std::vector<std::string> runs = std::exchange(runs_, {});
    const rocksdb::Status status = database_->IngestExternalFile(runs, options);
    if (!status.ok()) {
      for (const std::string& path : runs) (void)files_.remove(path);
      return failed("take runs into", directory_, status);
    }
    return {};
  }

  Result<void> link_to(const std::string& directory) override {
    rocksdb::Checkpoint* made = nullptr;
    rocksdb::Status status = rocksdb::Checkpoint::Create(database_.get(), &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) {
      status = checkpoint->CreateCheckpoint(std::filesystem::absolute(directory).string());
    }
    if (!status.ok()) return failed("make", directory, status);
    const FileResult<void> kept = files_.make_private(directory);
    if (!kept) return tl::unexpected(to_error(kept.error()));
    return {};
  }

  bool is_immutable(std::string_view name) const override { return is_table(name); }

  Result<std::unique_ptr<StateScan>> scan() override {
    return std::make_unique<RocksScan>(nullptr, *database_, directory_);
  }

  StateStoreFigures figures() override {
    std::vector<rocksdb::LiveFileMetaData> files;
    database_->GetLiveFilesMetaData(&files);
    StateStoreFigures figures;
    for (const rocksdb::LiveFileMetaData& file : files) {
      ++figures.files;
      figures.bytes += file.size;
    }
    for_tables(
        [&](const rocksdb::TableProperties& table) { figures.entries += table.num_entries; });
    return figures;
  }

  Result<void> tidy() override {
    if (!has_much_that_is_gone() && !has_much_that_is_old()) return {};
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    const rocksdb::Status status = database_->CompactRange(options, nullptr, nullptr);
    if (!status.ok()) return failed("tidy", directory_, status);
    return {};
  }

 private:
  // The merging of runs goes by bytes, and removals have few: they are counted here.
  bool has_much_that_is_gone() {
    std::uint64_t entries = 0;
    std::uint64_t removals = 0;
    for_tables([&](const rocksdb::TableProperties& table) {
      entries += table.num_entries;
      removals += table.num_deletions;
    });
    constexpr std::uint64_t kShare = 4;
    return removals > 0 && removals * kShare >= entries;
  }
  // What lies over the oldest run is nearly as large as that. RocksDB sees to it only where there
  // are many runs; a few of all keys make a start slow.
  bool has_much_that_is_old() {
    std::vector<rocksdb::LiveFileMetaData> files;
    database_->GetLiveFilesMetaData(&files);
    if (files.empty()) return false;
    // A lower level is older, and within one that of the lesser sequence number; files of one run
    // have the same.
    const auto age = [](const rocksdb::LiveFileMetaData& file) {
      return std::make_pair(-file.level, file.level > 0 ? 0 : file.smallest_seqno);
    };
    const auto oldest = age(*std::ranges::min_element(files, {}, age));
    std::uint64_t bytes = 0;
    std::uint64_t oldest_bytes = 0;
    for (const rocksdb::LiveFileMetaData& file : files) {
      bytes += file.size;
      if (age(file) == oldest) oldest_bytes += file.size;
    }
    return bytes * 4 >= oldest_bytes * 7;
  }
  template <typename Take>
  void for_tables(const Take& take) {
    rocksdb::TablePropertiesCollection tables;
    if (!database_->GetPropertiesOfAllTables(&tables).ok()) return;
    for (const auto& [path, table] : tables) take(*table);
  }

  Files& files_;
  std::unique_ptr<rocksdb::DB> database_;
  std::string directory_;
  std::uint64_t run_count_ = 0;
  std::vector<std::string> runs_;  // finished and not yet ingested
};

Result<std::unique_ptr<StateStore>> open_store(Files& files, const std::string& directory,
                                               bool is_new) {
  if (is_new) {
    // Before RocksDB makes it, for all to read.
    const FileResult<void> made = files.make_directory(directory);
    if (!made) return tl::unexpected(to_error(made.error()));
  }
  rocksdb::Options options = options_of_state();
  options.create_if_missing = is_new;
  options.error_if_exists = is_new;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, directory, &opened);
  if (!status.ok()) return failed("open", directory, status);
  return std::make_unique<RocksStateStore>(files, std::unique_ptr<rocksdb::DB>(opened), directory);
}
}  // namespace

Result<std::unique_ptr<StateStore>> RocksStateStores::create(const std::string& directory) {
  return open_store(files_, directory, true);
}

Result<std::unique_ptr<StateStore>> RocksStateStores::open_copy(
    const std::string& from, const std::vector<std::string>& names, const std::string& directory) {
  const FileResult<void> made = files_.make_directory(directory);
  if (!made) return tl::unexpected(to_error(made.error()));
  for (const std::string& name : names) {
    const std::string source = from + "/" + name;
    const std::string target = directory + "/" + name;
    // Tables never change; the small files that name them would.
    if (is_table(name)) {
      const FileResult<void> linked = files_.link(source, target);
      if (linked) continue;
      if (linked.error().code != FileErrc::kNoLink) {
        return tl::unexpected(to_error(linked.error()));
      }
    }
    const Result<FileDigest> copied = copy_file(files_, source, target);
    if (!copied) return tl::unexpected(copied.error());
  }
  return open_store(files_, directory, false);
}

Result<std::unique_ptr<StateScan>> RocksStateStores::read(const std::string& directory) {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(options_of_state(), directory, &opened);
  if (!status.ok()) return failed("open", directory, status);
  std::unique_ptr<rocksdb::DB> database(opened);
  rocksdb::DB& reference = *database;
  return std::make_unique<RocksScan>(std::move(database), reference, directory);
}
}  // namespace tocsin::runtime
