#include "runtime/checkpoint/checkpoint_work.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/checkpoint/checkpoint_witness.h"
#include "runtime/io/crash_point.h"
#include "runtime/journal/file_tree.h"

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

// --- opening ---

Result<void> CheckpointWork::open() {
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
Result<void> CheckpointWork::clean() {
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

Result<void> CheckpointWork::set_side_output(const std::vector<GoodCheckpoint::Damaged>& damaged) {
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

Result<void> CheckpointWork::note_kept() {
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
std::uint64_t CheckpointWork::needed_from() const {
  if (kept.size() < kCheckpointsKept) return 0;
  return std::min(kept.back().trim, kept[kept.size() - kCheckpointsKept].trim);
}

// --- taking one ---

Result<void> CheckpointWork::empty_store() {
  store.reset();
  known.clear();
  Result<void> removed = remove_tree(files, options.state);
  if (!removed) return removed;
  Result<std::unique_ptr<StateStore>> made = stores.create(options.state);
  if (!made) return tl::unexpected(made.error());
  store = *std::move(made);
  return {};
}

void CheckpointWork::start(CheckpointMeta cut, CheckpointScope chosen) {
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

void CheckpointWork::take(std::uint32_t shard, StateBuffer buffer) {
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
Result<void> CheckpointWork::write_waiting(bool is_all) {
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

Result<void> CheckpointWork::append(std::uint64_t table, StateRun& entries_of_table) {
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

Result<void> CheckpointWork::finish_runs() {
  for (const auto& [table, file] : runs) {
    if (Result<void> done = file->finish(); !done) return done;
  }
  runs.clear();
  return {};
}

void CheckpointWork::complete() {
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
void CheckpointWork::weigh(std::uint64_t entries_before) {
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

void CheckpointWork::end_as_failed() {
  clear_up();
  note_failure(*failure);
}

void CheckpointWork::note_failure(const Error& error) {
  const std::lock_guard lock(mutex);
  status.stage = CheckpointStage::kFailed;
  status.error = error;
  wants_all = true;
}

void CheckpointWork::clear_up() {
  waiting.clear();
  waiting_bytes = 0;
  runs.clear();
  // Without space the part that was written is in the way of others; the next start removes it too.
  (void)remove_tree(files,
                    checkpoint_path(options.checkpoints, meta.number) + std::string(kUnfinished));
}

Result<void> CheckpointWork::describe_state(const std::string& directory, Manifest& manifest) {
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

Result<void> CheckpointWork::describe_texts(const std::string& directory, Manifest& manifest) {
  for (const auto& [name, contents] : checkpoint_texts(meta)) {
    Result<void> written = write_synced(files, directory + "/" + name, contents);
    if (!written) return written;
    manifest.files.push_back({name, contents.size(), digest_range(contents)});
  }
  const std::string witness = witness_at(meta.position);
  if (witness.empty()) return {};
  manifest.files.push_back({kWitnessFile, witness.size(), digest_range(witness)});
  return write_synced(files, fmt::format("{}/{}", directory, kWitnessFile), witness);
}

Result<void> CheckpointWork::make() {
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

void CheckpointWork::publish(const Manifest& manifest) {
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
void CheckpointWork::let_go() {
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
}  // namespace tocsin::runtime
