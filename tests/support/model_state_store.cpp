#include "tests/support/model_state_store.h"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "cep/base/byte_codec.h"
#include "runtime/journal/file_tree.h"

namespace tocsin::tests {
namespace {
using runtime::Files;
using runtime::StateEntry;
using runtime::StateRun;
using runtime::StateRunFile;
using runtime::StateScan;
using runtime::StateStore;

constexpr const char* kList = "RUNS";

tl::unexpected<Error> failed(const runtime::FileError& error) {
  return tl::unexpected(runtime::to_error(error));
}

// Key to value; nothing where it was removed.
using Entries = std::map<std::string, std::optional<std::string>, std::less<>>;

std::string encode(StateRun& run) {
  std::string bytes;
  ByteWriter writer(bytes);
  StateEntry entry;
  while (run.next(entry)) {
    writer.u8(entry.is_removed ? 2 : 1);
    writer.text(entry.key);
    if (!entry.is_removed) writer.text(entry.value);
  }
  return bytes;
}

// False for bytes that encode() did not give.
bool decode(std::string_view bytes, Entries& to) {
  ByteReader reader(bytes);
  while (reader.left() > 0) {
    const std::uint8_t kind = reader.u8();
    const std::string_view key = reader.text();
    if (kind != 1 && kind != 2) return false;
    std::optional<std::string>& value = to[std::string(key)];
    if (kind == 1) {
      value = reader.text();
    } else {
      value.reset();
    }
  }
  return reader.is_done();
}

Result<std::vector<std::string>> read_list(Files& files, const std::string& directory) {
  const auto text = runtime::read_whole(files, directory + "/" + kList);
  if (!text) return failed(text.error());
  std::vector<std::string> runs;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = text->find('\n', begin);
    if (end == std::string::npos) return fail(Errc::kCorrupt, directory + ": bad list of runs");
    runs.push_back(text->substr(begin, end - begin));
    begin = end + 1;
  }
  return runs;
}

class ModelScan : public StateScan {
 public:
  explicit ModelScan(Entries entries) : entries_(std::move(entries)), at_(entries_.begin()) {}
  Result<bool> next(StateEntry& entry) override {
    while (at_ != entries_.end() && !at_->second) ++at_;
    if (at_ == entries_.end()) return false;
    entry = {at_->first, *at_->second, false};
    ++at_;
    return true;
  }

 private:
  Entries entries_;
  Entries::const_iterator at_;
};

Result<Entries> read_runs(Files& files, const std::string& directory,
                          const std::vector<std::string>& runs) {
  Entries entries;
  for (const std::string& name : runs) {
    const auto bytes = runtime::read_whole(files, directory + "/" + name);
    if (!bytes) return failed(bytes.error());
    if (!decode(*bytes, entries)) {
      return fail(Errc::kCorrupt, fmt::format("{}/{} is damaged", directory, name));
    }
  }
  return entries;
}

class EntriesRun : public StateRun {
 public:
  explicit EntriesRun(const Entries& entries) : at_(entries.begin()), end_(entries.end()) {}
  bool next(StateEntry& entry) override {
    while (at_ != end_ && !at_->second) ++at_;
    if (at_ == end_) return false;
    entry = {at_->first, *at_->second, false};
    ++at_;
    return true;
  }

 private:
  Entries::const_iterator at_;
  Entries::const_iterator end_;
};

class ModelRunFile : public StateRunFile {
 public:
  ModelRunFile(Files& files, std::string directory, std::string name,
               std::vector<std::string>& finished)
      : files_(files),
        directory_(std::move(directory)),
        name_(std::move(name)),
        finished_(finished) {}
  Result<void> append(StateRun& entries) override {
    bytes_ += encode(entries);
    return {};
  }
  std::uint64_t bytes() const override { return bytes_.size(); }
  Result<void> finish() override {
    if (bytes_.empty()) return {};
    Result<void> written = runtime::write_synced(files_, directory_ + "/" + name_, bytes_);
    if (written) finished_.push_back(name_);
    return written;
  }

 private:
  Files& files_;
  std::string directory_;
  std::string name_;
  std::vector<std::string>& finished_;
  std::string bytes_;
};

class ModelStateStore : public StateStore {
 public:
  ModelStateStore(Files& files, std::string directory, std::vector<std::string> runs)
      : files_(files), directory_(std::move(directory)), runs_(std::move(runs)) {
    for (const std::string& name : runs_) last_number_ = std::max(last_number_, number_of(name));
  }

  Result<std::unique_ptr<StateRunFile>> new_run() override {
    return std::make_unique<ModelRunFile>(files_, directory_,
                                          fmt::format("pending-{}", ++pending_count_), pending_);
  }

  Result<void> ingest() override {
    std::vector<std::string> runs = runs_;
    for (const std::string& pending : std::exchange(pending_, {})) {
      const std::string name = fmt::format("{:06}.run", ++last_number_);
      const auto renamed = files_.rename(path_of(pending), path_of(name));
      if (!renamed) return failed(renamed.error());
      runs.push_back(name);
    }
    return take(std::move(runs));
  }

  Result<void> link_to(const std::string& directory) override {
    const auto made = files_.make_directory(directory);
    if (!made) return failed(made.error());
    for (const std::string& name : runs_) {
      const auto linked = files_.link(path_of(name), directory + "/" + name);
      if (!linked) return failed(linked.error());
    }
    const Result<runtime::FileDigest> copied =
        runtime::copy_file(files_, path_of(kList), directory + "/" + kList);
    if (!copied) return tl::unexpected(copied.error());
    return {};
  }

  bool is_immutable(std::string_view name) const override { return name.ends_with(".run"); }

  Result<std::unique_ptr<StateScan>> scan() override {
    Result<Entries> entries = read_runs(files_, directory_, runs_);
    if (!entries) return tl::unexpected(entries.error());
    return std::make_unique<ModelScan>(*std::move(entries));
  }

  runtime::StateStoreFigures figures() override {
    runtime::StateStoreFigures figures;
    for (const std::string& name : runs_) {
      const auto bytes = runtime::read_whole(files_, path_of(name));
      if (!bytes) continue;
      ++figures.files;
      figures.bytes += bytes->size();
      Entries entries;
      (void)decode(*bytes, entries);
      figures.entries += entries.size();
    }
    return figures;
  }

  Result<void> tidy() override {
    if (runs_.size() < 4) return {};
    const Result<Entries> entries = read_runs(files_, directory_, runs_);
    if (!entries) return tl::unexpected(entries.error());
    EntriesRun run(*entries);
    const std::string name = fmt::format("{:06}.run", ++last_number_);
    const std::string bytes = encode(run);
    Result<void> written = runtime::write_synced(files_, path_of(name), bytes);
    if (!written) return written;
    const std::vector<std::string> old = runs_;
    Result<void> taken = take({name});
    if (!taken) return taken;
    for (const std::string& gone : old) (void)files_.remove(path_of(gone));
    return {};
  }

 private:
  static std::uint64_t number_of(const std::string& name) { return std::stoull(name); }
  std::string path_of(const std::string& name) const { return directory_ + "/" + name; }

  // Makes `runs` the state in one step.
  Result<void> take(std::vector<std::string> runs) {
    std::string text;
    for (const std::string& name : runs) text += name + "\n";
    const std::string unfinished = path_of(std::string(kList) + ".new");
    Result<void> done = runtime::remove_tree(files_, unfinished);
    if (done) done = runtime::write_synced(files_, unfinished, text);
    if (!done) return done;
    auto renamed = files_.rename(unfinished, path_of(kList));
    if (renamed) renamed = files_.sync_directory(directory_);
    if (!renamed) return failed(renamed.error());
    runs_ = std::move(runs);
    return {};
  }

  Files& files_;
  std::string directory_;
  std::vector<std::string> runs_;  // later ones win
  std::vector<std::string> pending_;
  std::uint64_t pending_count_ = 0;
  std::uint64_t last_number_ = 0;
};
}  // namespace

Result<std::unique_ptr<StateStore>> ModelStateStores::create(const std::string& directory) {
  const Result<bool> found = runtime::exists(files_, directory);
  if (!found) return tl::unexpected(found.error());
  if (*found) return fail(Errc::kIo, directory + " is there already");
  const auto made = files_.make_directory(directory);
  if (!made) return failed(made.error());
  const Result<void> written = runtime::write_synced(files_, directory + "/" + kList, "");
  if (!written) return tl::unexpected(written.error());
  return std::make_unique<ModelStateStore>(files_, directory, std::vector<std::string>());
}

Result<std::unique_ptr<StateStore>> ModelStateStores::open_copy(
    const std::string& from, const std::vector<std::string>& names, const std::string& directory) {
  const auto made = files_.make_directory(directory);
  if (!made) return failed(made.error());
  for (const std::string& name : names) {
    const std::string source = from + "/" + name;
    const std::string target = directory + "/" + name;
    if (name != kList) {
      const auto linked = files_.link(source, target);
      if (linked) continue;
      if (linked.error().code != runtime::FileErrc::kNoLink) return failed(linked.error());
    }
    const Result<runtime::FileDigest> copied = runtime::copy_file(files_, source, target);
    if (!copied) return tl::unexpected(copied.error());
  }
  Result<std::vector<std::string>> runs = read_list(files_, directory);
  if (!runs) return tl::unexpected(runs.error());
  return std::make_unique<ModelStateStore>(files_, directory, *std::move(runs));
}

Result<std::unique_ptr<StateScan>> ModelStateStores::read(const std::string& directory) {
  const Result<std::vector<std::string>> runs = read_list(files_, directory);
  if (!runs) return tl::unexpected(runs.error());
  Result<Entries> entries = read_runs(files_, directory, *runs);
  if (!entries) return tl::unexpected(entries.error());
  return std::make_unique<ModelScan>(*std::move(entries));
}
}  // namespace tocsin::tests
