#include "runtime/checkpoint/checkpoint_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "cep/base/assert.h"
#include "cep/value/shard.h"
#include "runtime/io/crash_point.h"
#include "runtime/journal/file_tree.h"
#include "runtime/store/state_buffer.h"

namespace tocsin::runtime {
namespace {
// From this share on of all entries changed, in fifths, the next checkpoints are of everything, so
// many of them before changes are looked at again.
constexpr std::uint64_t kFifthsChanged = 2;
constexpr int kWholeOnes = 8;
constexpr std::string_view kUnfinished = ".new";
constexpr std::string_view kRemoved = ".old";
constexpr std::string_view kSetSideOutput = ".damaged";
constexpr std::string_view kStateFolder = "state/";

tl::unexpected<Error> failed(const FileError& error) { return tl::unexpected(to_error(error)); }

// The number that a name in DIR/checkpoints begins with; 0 for any other.
std::uint64_t leading_number(std::string_view name) {
  std::uint64_t number = 0;
  for (const char letter : name.substr(0, name.find('.'))) {
    if (letter < '0' || letter > '9') return 0;
    number = number * 10 + static_cast<std::uint64_t>(letter - '0');
  }
  return number;
}
}  // namespace

// What the writer, and the tasks that it posts, share.
struct CheckpointWriter::Work : std::enable_shared_from_this<CheckpointWriter::Work> {
  struct Kept {
    std::uint64_t number = 0;
    std::uint64_t position = 0;
    std::uint64_t trim = 0;
  };

  Work(Files& files_port, StateStores& stores_port, Executor& executor_port,
       const CheckpointOptions& chosen)
      : files(files_port), stores(stores_port), executor(executor_port), options(chosen) {}

  Files& files;
  StateStores& stores;
  Executor& executor;
  const CheckpointOptions options;

  // --- the engine's thread ---
  std::optional<GoodCheckpoint> recovered;
  bool is_open = false;  // between begin() and finish()
  std::uint64_t last_number = 0;
  std::array<StateBuffer, cep::kShardCount> buffers;

  // --- both, under the lock ---
  mutable std::mutex mutex;
  CheckpointStatus status;
  std::size_t in_flight = 0;
  bool wants_all = false;
  int whole_ones = 0;  // that are still to come before changes are looked at again

  // --- the executor's thread, once open() is done ---
  std::unique_ptr<StateStore> store;
  std::vector<Kept> kept;                   // ascending; those whose manifest can be read
  std::map<std::string, FileDigest> known;  // of the store's files that never change
  CheckpointMeta meta;
  std::optional<Error> failure;                  // of the checkpoint that is being taken
  std::map<std::uint32_t, StateBuffer> waiting;  // by shard
  std::size_t waiting_bytes = 0;
  std::map<std::uint64_t, std::unique_ptr<StateRunFile>> runs;  // being written, by table
  bool has_runs = false;                                        // these, or finished ones
  std::uint32_t next_shard = 0;                                 // runs have only those before it
  std::uint64_t entries = 0;
  std::uint64_t entry_bytes = 0;
  CheckpointScope scope = CheckpointScope::kChanges;

  Result<void> open();
  Result<void> clean();
  Result<void> set_side_output(const std::vector<GoodCheckpoint::Damaged>& damaged);
  Result<void> note_kept();
  std::uint64_t needed_from() const;

  void post(std::function<void(Work&)> task) {
    executor.post([self = shared_from_this(), task = std::move(task)] { task(*self); });
  }
  // Runs a step of the checkpoint that is being taken, unless one before it failed.
  template <typename Step>
  void attempt(const Step& step) {
    if (failure) return;
    Result<void> done = step();
    if (!done) failure = std::move(done.error());
  }
  void start(CheckpointMeta cut, CheckpointScope chosen);
  Result<void> empty_store();
  void take(std::uint32_t shard, StateBuffer buffer);
  Result<void> write_waiting(bool is_all);
  Result<void> append(std::uint64_t table, StateRun& entries);
  Result<void> finish_runs();
  void complete();
  void end_as_failed();
  void note_failure(const Error& error);
  void clear_up();
  Result<void> make();
  Result<void> describe_state(const std::string& directory, Manifest& manifest);
  Result<void> describe_texts(const std::string& directory, Manifest& manifest);
  void publish(const Manifest& manifest);
  void let_go();
  void weigh(std::uint64_t entries_before);
};

// --- opening ---

Result<void> CheckpointWriter::Work::open() {
  const FileResult<void> made = make_durable_directory(files, options.checkpoints);
  if (!made) return failed(made.error());
  Result<void> done = clean();
  if (!done) return done;
  Result<std::optional<GoodCheckpoint>> found =
      newest_good(files, options.checkpoints,
                  options.accept_other_semantics ? std::nullopt : std::optional(options.semantics));
  if (!found) return tl::unexpected(found.error());
  recovered = *std::move(found);
  if (recovered) done = set_side_output(recovered->damaged);
  if (done) done = note_kept();
  if (done) done = remove_tree(files, options.state);
  if (!done) return done;
  if (!recovered) return empty_store();
  std::vector<std::string> names;
  for (const ManifestFile& file : recovered->files) {
    if (file.name.starts_with(kStateFolder)) names.push_back(file.name.substr(kStateFolder.size()));
  }
  Result<std::unique_ptr<StateStore>> copy =
      stores.open_copy(recovered->directory + "/state", names, options.state);
  if (!copy) return tl::unexpected(copy.error());
  store = *std::move(copy);
  for (const ManifestFile& file : recovered->files) {
    if (!file.name.starts_with(kStateFolder)) continue;
    const std::string name = file.name.substr(kStateFolder.size());
    if (store->is_immutable(name)) known[name] = {file.bytes, file.digest};
  }
  return {};
}

// Removes what is unfinished, and finds the greatest number that was ever given.
Result<void> CheckpointWriter::Work::clean() {
  const FileResult<std::vector<std::string>> names = files.list(options.checkpoints);
  if (!names) return failed(names.error());
  for (const std::string& name : *names) {
    last_number = std::max(last_number, leading_number(name));
    if (leading_number(name) == 0) continue;
    if (!name.ends_with(kUnfinished) && !name.ends_with(kRemoved)) continue;
    Result<void> removed = remove_tree(files, options.checkpoints + "/" + name);
    if (!removed) return removed;
  }
  return {};
}

Result<void> CheckpointWriter::Work::set_side_output(
    const std::vector<GoodCheckpoint::Damaged>& damaged) {
  for (const GoodCheckpoint::Damaged& one : damaged) {
    const std::string side_output = one.directory + std::string(kSetSideOutput);
    Result<void> removed = remove_tree(files, side_output);
    if (!removed) return removed;
    const FileResult<void> renamed = files.rename(one.directory, side_output);
    if (!renamed) return failed(renamed.error());
  }
  if (damaged.empty()) return {};
  const FileResult<void> synced = files.sync_directory(options.checkpoints);
  if (!synced) return failed(synced.error());
  return {};
}

Result<void> CheckpointWriter::Work::note_kept() {
  if (!recovered) return {};
  const Result<std::vector<std::uint64_t>> numbers = list_checkpoints(files, options.checkpoints);
  if (!numbers) return tl::unexpected(numbers.error());
  for (const std::uint64_t number : *numbers) {
    const Result<Manifest> manifest =
        read_manifest(files, checkpoint_path(options.checkpoints, number));
    // An older one that cannot be read is no help, and goes when it is its turn.
    if (manifest) kept.push_back({number, manifest->meta.position, manifest->meta.trim});
  }
  const std::lock_guard lock(mutex);
  status.number = recovered->meta.number;
  status.position = recovered->meta.position;
  status.journal_needed_from = needed_from();
  return {};
}

// By the newest two; everything while there are not so many.
std::uint64_t CheckpointWriter::Work::needed_from() const {
  if (kept.size() < kCheckpointsKept) return 0;
  return std::min(kept.back().trim, kept[kept.size() - kCheckpointsKept].trim);
}

// --- taking one ---

Result<void> CheckpointWriter::Work::empty_store() {
  store.reset();
  known.clear();
  Result<void> removed = remove_tree(files, options.state);
  if (!removed) return removed;
  Result<std::unique_ptr<StateStore>> made = stores.create(options.state);
  if (!made) return tl::unexpected(made.error());
  store = *std::move(made);
  return {};
}

void CheckpointWriter::Work::start(CheckpointMeta cut, CheckpointScope chosen) {
  meta = std::move(cut);
  scope = chosen;
  failure.reset();
  waiting.clear();
  waiting_bytes = 0;
  runs.clear();
  has_runs = false;
  next_shard = 0;
  entries = entry_bytes = 0;
  crash_point("checkpoint.begin");
  if (scope == CheckpointScope::kAll) attempt([&] { return empty_store(); });
}

void CheckpointWriter::Work::take(std::uint32_t shard, StateBuffer buffer) {
  const std::size_t bytes = buffer.bytes();
  if (!failure) {
    entries += buffer.entries();
    entry_bytes += bytes;
    waiting_bytes += bytes;
    waiting[shard].append(std::move(buffer));
    if (waiting_bytes >= options.group_bytes) attempt([&] { return write_waiting(false); });
  }
  const std::lock_guard lock(mutex);
  in_flight -= bytes;
}

// Few files for few changes: all of them are one run. Where there are more, each table has runs of
// its own, so that no two of them overlap; shard follows shard in them.
Result<void> CheckpointWriter::Work::write_waiting(bool is_all) {
  if (waiting.empty()) return {};
  if (waiting.begin()->first < next_shard) {
    if (Result<void> done = finish_runs(); !done) return done;
  }
  next_shard = waiting.rbegin()->first + 1;
  std::vector<StateBuffer> shards;
  for (auto& [shard, buffer] : std::exchange(waiting, {})) shards.push_back(std::move(buffer));
  waiting_bytes = 0;
  has_runs = true;
  const SortedState sorted(std::move(shards));
  if (is_all) return append(0, *sorted.whole());
  for (const auto& [table, run] : sorted.by_table()) {
    if (Result<void> done = append(table, *run); !done) return done;
  }
  return {};
}

Result<void> CheckpointWriter::Work::append(std::uint64_t table, StateRun& entries_of_table) {
  crash_point("checkpoint.sst");
  std::unique_ptr<StateRunFile>& file = runs[table];
  if (!file) {
    Result<std::unique_ptr<StateRunFile>> made = store->new_run();
    if (!made) return tl::unexpected(made.error());
    file = *std::move(made);
  }
  Result<void> done = file->append(entries_of_table);
  if (!done || file->bytes() < options.run_bytes) return done;
  done = file->finish();
  runs.erase(table);
  return done;
}

Result<void> CheckpointWriter::Work::finish_runs() {
  for (const auto& [table, file] : runs) {
    if (Result<void> done = file->finish(); !done) return done;
  }
  runs.clear();
  return {};
}

void CheckpointWriter::Work::complete() {
  const std::uint64_t entries_before = failure ? 0 : store->figures().entries;
  attempt([&] { return write_waiting(!has_runs); });
  attempt([&] { return finish_runs(); });
  attempt([&] {
    crash_point("checkpoint.ingest");
    return store->ingest();
  });
  attempt([&] { return make(); });
  if (failure) {
    end_as_failed();
    return;
  }
  weigh(entries_before);
}

// Clears up in the store, or leaves it to the next checkpoint, which begins a new one.
void CheckpointWriter::Work::weigh(std::uint64_t entries_before) {
  {
    const std::lock_guard lock(mutex);
    if (scope == CheckpointScope::kAll) {
      whole_ones = std::max(whole_ones - 1, 0);
    } else if (entries_before > 0 && entries * 5 >= entries_before * kFifthsChanged) {
      whole_ones = kWholeOnes;
    }
    if (whole_ones > 0) return;
  }
  // The checkpoint is on disk, whatever becomes of this: a store that cannot be tidied is larger
  // than need be.
  (void)store->tidy();
}

void CheckpointWriter::Work::end_as_failed() {
  clear_up();
  note_failure(*failure);
}

void CheckpointWriter::Work::note_failure(const Error& error) {
  const std::lock_guard lock(mutex);
  status.stage = CheckpointStage::kFailed;
  status.error = error;
  wants_all = true;
}

void CheckpointWriter::Work::clear_up() {
  waiting.clear();
  waiting_bytes = 0;
  runs.clear();
  // Without space the part that was written is in the way of others; the next start removes it too.
  (void)remove_tree(files,
                    checkpoint_path(options.checkpoints, meta.number) + std::string(kUnfinished));
}

Result<void> CheckpointWriter::Work::describe_state(const std::string& directory,
                                                    Manifest& manifest) {
  const std::string state = directory + "/state";
  const FileResult<std::vector<std::string>> names = files.list(state);
  if (!names) return failed(names.error());
  std::map<std::string, FileDigest> immutable;
  for (const std::string& name : *names) {
    const auto found = known.find(name);
    FileDigest digest;
    if (found != known.end()) {
      digest = found->second;
    } else {
      const Result<FileDigest> read = digest_file(files, state + "/" + name);
      if (!read) return tl::unexpected(read.error());
      Result<void> synced = sync_file(files, state + "/" + name);
      if (!synced) return synced;
      digest = *read;
    }
    if (store->is_immutable(name)) immutable[name] = digest;
    manifest.files.push_back({std::string(kStateFolder) + name, digest.bytes, digest.digest});
  }
  known = std::move(immutable);
  const FileResult<void> synced = files.sync_directory(state);
  if (!synced) return failed(synced.error());
  return {};
}

Result<void> CheckpointWriter::Work::describe_texts(const std::string& directory,
                                                    Manifest& manifest) {
  for (const auto& [name, contents] : checkpoint_texts(meta)) {
    Result<void> written = write_synced(files, directory + "/" + name, contents);
    if (!written) return written;
    manifest.files.push_back({name, contents.size(), digest_range(contents)});
  }
  return {};
}

Result<void> CheckpointWriter::Work::make() {
  const std::string path = checkpoint_path(options.checkpoints, meta.number);
  const std::string unfinished = path + std::string(kUnfinished);
  crash_point("checkpoint.link");
  Result<void> done = remove_tree(files, unfinished);
  if (!done) return done;
  FileResult<void> named = files.make_directory(unfinished);
  if (!named) return failed(named.error());
  Manifest manifest;
  done = store->link_to(unfinished + "/state");
  if (done) done = describe_state(unfinished, manifest);
  if (done) done = describe_texts(unfinished, manifest);
  if (!done) return done;
  named = files.sync_directory(unfinished);
  if (!named) return failed(named.error());
  manifest.meta = std::move(meta);
  manifest.meta.globals.clear();
  manifest.meta.intake.clear();
  manifest.meta.node.clear();
  meta = manifest.meta;
  std::sort(manifest.files.begin(), manifest.files.end(),
            [](const ManifestFile& a, const ManifestFile& b) { return a.name < b.name; });
  crash_point("checkpoint.manifest");
  done = write_synced(files, manifest_path(unfinished), encode_manifest(manifest));
  if (!done) return done;
  named = files.sync_directory(unfinished);
  crash_point("checkpoint.rename");
  if (named) named = files.rename(unfinished, path);
  if (named) named = files.sync_directory(options.checkpoints);
  if (!named) return failed(named.error());
  publish(manifest);
  return {};
}

void CheckpointWriter::Work::publish(const Manifest& manifest) {
  kept.push_back({manifest.meta.number, manifest.meta.position, manifest.meta.trim});
  // Before it is said: what only older ones need may go then.
  let_go();
  const std::lock_guard lock(mutex);
  status.stage = CheckpointStage::kDone;
  status.number = manifest.meta.number;
  status.position = manifest.meta.position;
  status.journal_needed_from = needed_from();
  status.entries = entries;
  status.entry_bytes = entry_bytes;
  status.files = manifest.files.size();
  status.bytes = 0;
  for (const ManifestFile& file : manifest.files) status.bytes += file.bytes;
}

// Removes all but the newest two. What fails here is tried again with the next one.
void CheckpointWriter::Work::let_go() {
  if (kept.size() < kCheckpointsKept) return;
  const std::uint64_t oldest = kept[kept.size() - kCheckpointsKept].number;
  const FileResult<std::vector<std::string>> names = files.list(options.checkpoints);
  if (!names) return;
  for (const std::string& name : *names) {
    const std::uint64_t number = leading_number(name);
    if (number == 0 || number >= oldest) continue;
    crash_point("checkpoint.trim");
    std::string path = options.checkpoints + "/" + name;
    if (name.find('.') == std::string::npos) {
      // Never a part under its own name.
      const std::string removed = path + std::string(kRemoved);
      if (!remove_tree(files, removed) || !files.rename(path, removed) ||
          !files.sync_directory(options.checkpoints)) {
        continue;
      }
      path = removed;
    }
    (void)remove_tree(files, path);
  }
  kept.erase(kept.begin(), kept.end() - kCheckpointsKept);
}

// --- the engine's side ---

CheckpointWriter::CheckpointWriter(std::shared_ptr<Work> work) : work_(std::move(work)) {}
CheckpointWriter::~CheckpointWriter() = default;

Result<std::unique_ptr<CheckpointWriter>> CheckpointWriter::open(Files& files, StateStores& stores,
                                                                 Executor& executor,
                                                                 const CheckpointOptions& options) {
  auto work = std::make_shared<Work>(files, stores, executor, options);
  const Result<void> opened = work->open();
  if (!opened) return tl::unexpected(opened.error());
  return std::unique_ptr<CheckpointWriter>(new CheckpointWriter(std::move(work)));
}

const std::optional<GoodCheckpoint>& CheckpointWriter::recovered() const {
  return work_->recovered;
}

Result<void> CheckpointWriter::read(
    const std::function<Result<void>(const cep::StateKey&, std::string_view)>& take,
    const std::function<void(std::uint64_t)>& progress) {
  const Result<std::unique_ptr<StateScan>> scan = work_->store->scan();
  if (!scan) return tl::unexpected(scan.error());
  return read_pieces(**scan, take, progress);
}

void CheckpointWriter::drop_recovered() { work_->recovered.reset(); }

bool CheckpointWriter::wants_all() const {
  const std::lock_guard lock(work_->mutex);
  return work_->wants_all;
}

std::uint64_t CheckpointWriter::begin(CheckpointMeta meta, CheckpointScope scope) {
  Work& work = *work_;
  {
    const std::lock_guard lock(work.mutex);
    TOCSIN_ASSERT(work.status.stage != CheckpointStage::kTaking, "one checkpoint at a time");
    TOCSIN_ASSERT(scope == CheckpointScope::kAll || !work.wants_all,
                  "after a failed checkpoint everything is written");
    work.status.stage = CheckpointStage::kTaking;
    work.wants_all = false;
  }
  work.is_open = true;
  meta.number = ++work.last_number;
  const std::uint64_t number = meta.number;
  work.post(
      [meta = std::move(meta), scope](Work& one) mutable { one.start(std::move(meta), scope); });
  return number;
}

bool CheckpointWriter::prefers_all() const {
  const std::lock_guard lock(work_->mutex);
  return work_->whole_ones > 0;
}

bool CheckpointWriter::has_room() const {
  const std::lock_guard lock(work_->mutex);
  return work_->in_flight < work_->options.in_flight_bytes_max;
}

void CheckpointWriter::put(const cep::StateKey& key, std::string_view value) {
  TOCSIN_ASSERT(work_->is_open, "pieces come between begin() and finish()");
  work_->buffers[cep::shard_of(key.group)].put(key, value);
}

void CheckpointWriter::remove(const cep::StateKey& key) {
  TOCSIN_ASSERT(work_->is_open, "pieces come between begin() and finish()");
  work_->buffers[cep::shard_of(key.group)].remove(key);
}

void CheckpointWriter::shard_done(std::uint32_t shard) {
  TOCSIN_ASSERT(shard < cep::kShardCount, "a shard is one of kShardCount");
  StateBuffer& buffer = work_->buffers[shard];
  if (buffer.empty()) return;
  {
    const std::lock_guard lock(work_->mutex);
    work_->in_flight += buffer.bytes();
  }
  // A function must be copyable, a buffer is not.
  auto handed = std::make_shared<StateBuffer>(std::exchange(buffer, {}));
  work_->post([shard, handed](Work& one) { one.take(shard, std::move(*handed)); });
}

void CheckpointWriter::put_intake(std::string bytes) {
  TOCSIN_ASSERT(work_->is_open, "pieces come between begin() and finish()");
  // Not copied with the function.
  auto handed = std::make_shared<std::string>(std::move(bytes));
  work_->post([handed](Work& one) { one.meta.intake = std::move(*handed); });
}

void CheckpointWriter::finish() {
  TOCSIN_ASSERT(work_->is_open, "finish() ends what begin() began");
  for (std::uint32_t shard = 0; shard < cep::kShardCount; ++shard) shard_done(shard);
  work_->is_open = false;
  work_->post([](Work& one) { one.complete(); });
}

void CheckpointWriter::abandon() {
  if (!work_->is_open) return;
  work_->is_open = false;
  for (StateBuffer& buffer : work_->buffers) buffer = StateBuffer();
  // At once, for another may begin before the executor comes to this one.
  work_->note_failure({Errc::kStopped, "the checkpoint was given up"});
  work_->post([](Work& one) { one.clear_up(); });
}

CheckpointStatus CheckpointWriter::status() const {
  const std::lock_guard lock(work_->mutex);
  return work_->status;
}

void CheckpointWriter::with_newest(std::function<void(const std::string& directory)> task) {
  work_->post([task = std::move(task)](Work& one) {
    task(one.kept.empty() ? std::string()
                          : checkpoint_path(one.options.checkpoints, one.kept.back().number));
  });
}
}  // namespace tocsin::runtime
