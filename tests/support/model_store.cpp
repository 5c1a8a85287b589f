#include "tests/support/model_store.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::tests {
using runtime::StoreBatch;
using runtime::StoreFamily;
using runtime::StoreRange;
using runtime::StoreVisitor;

namespace {
using Entries = std::vector<std::pair<std::string, std::string>>;

// The entries of a range, in its order.
Entries entries_of(const std::map<std::string, std::string>& family, const StoreRange& range) {
  if (range.end && range.begin >= *range.end) return {};
  const auto first = family.lower_bound(range.begin);
  const auto last = range.end ? family.lower_bound(*range.end) : family.end();
  Entries entries(first, last);
  if (range.is_descending) std::ranges::reverse(entries);
  return entries;
}
std::optional<std::string> value_of(const std::map<std::string, std::string>& family,
                                    std::string_view key) {
  const auto found = family.find(std::string(key));
  if (found == family.end()) return std::nullopt;
  return found->second;
}

Result<void> visit_all(const Entries& entries, const StoreVisitor& visit) {
  for (const auto& [key, value] : entries) {
    if (!visit(key, value)) break;
  }
  return {};
}
}  // namespace

// What is there at this moment, for a reader.
class ModelReader : public runtime::StoreReader {
 public:
  ModelReader(ModelDisk::Contents contents, std::vector<std::string> names)
      : contents_(std::move(contents)), names_(std::move(names)) {}
  Result<std::optional<std::string>> get(StoreFamily family, std::string_view key) const override {
    return value_of(in(family), key);
  }
  Result<void> scan(StoreFamily family, const StoreRange& range,
                    const StoreVisitor& visit) const override {
    return visit_all(entries_of(in(family), range), visit);
  }
  Result<std::uint64_t> approximate_bytes(StoreFamily family) const override {
    std::uint64_t bytes = 0;
    for (const auto& [key, value] : in(family)) bytes += key.size() + value.size();
    return bytes;
  }
  Result<runtime::StoreStats> stats() const override {
    runtime::StoreStats stats;
    for (std::uint32_t i = 0; i < names_.size(); ++i) {
      stats.families.push_back({names_[i], *approximate_bytes({i}), in({i}).size()});
    }
    return stats;
  }

 private:
  const ModelDisk::Family& in(StoreFamily family) const {
    static const ModelDisk::Family kNothing;
    TOCSIN_ASSERT(family.index < names_.size(), "families are those of the opening");
    const auto found = contents_.find(names_[family.index]);
    return found == contents_.end() ? kNothing : found->second;
  }
  ModelDisk::Contents contents_;
  std::vector<std::string> names_;
};

class ModelStore : public runtime::Store {
 public:
  ModelStore(ModelDisk& disk, std::vector<std::string> names, std::uint64_t generation)
      : disk_(disk), names_(std::move(names)), generation_(generation) {}
  ~ModelStore() override {
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.generation_ == generation_) disk_.is_open_ = false;
  }
  Result<std::optional<std::string>> get(StoreFamily family, std::string_view key) const override {
    const std::lock_guard lock(disk_.mutex_);
    if (is_gone()) return gone();
    return value_of(disk_.written_[names_.at(family.index)], key);
  }
  Result<void> scan(StoreFamily family, const StoreRange& range,
                    const StoreVisitor& visit) const override {
    Entries entries;
    {
      const std::lock_guard lock(disk_.mutex_);
      if (is_gone()) return gone();
      entries = entries_of(disk_.written_[names_.at(family.index)], range);
    }
    return visit_all(entries, visit);
  }
  Result<std::uint64_t> approximate_bytes(StoreFamily family) const override {
    const std::lock_guard lock(disk_.mutex_);
    return ModelReader(disk_.written_, names_).approximate_bytes(family);
  }
  Result<runtime::StoreStats> stats() const override {
    const std::lock_guard lock(disk_.mutex_);
    return ModelReader(disk_.written_, names_).stats();
  }
  Result<void> write(const StoreBatch& batch, bool sync) override {
    const std::lock_guard lock(disk_.mutex_);
    if (is_gone()) return gone();
    return disk_.write(names_, batch, sync);
  }

 private:
  bool is_gone() const { return disk_.crashed_ || disk_.generation_ != generation_; }
  static tl::unexpected<Error> gone() {
    return fail(Errc::kIo, "model store: the process has crashed");
  }
  ModelDisk& disk_;
  std::vector<std::string> names_;
  std::uint64_t generation_;
};

Result<std::unique_ptr<runtime::Store>> ModelDisk::open(const std::vector<std::string>& families) {
  const std::lock_guard lock(mutex_);
  if (is_open_) return fail(Errc::kInUse, "another process uses the model store");
  for (const auto& [name, entries] : written_) {
    if (std::ranges::find(families, name) == families.end())
      return fail(Errc::kOtherVersion, "the model store was written by a newer tocsin");
  }
  for (const std::string& name : families) {
    written_.try_emplace(name);
    synced_.try_emplace(name);
  }
  is_open_ = true;
  failed_ = false;
  return std::make_unique<ModelStore>(*this, families, generation_);
}

std::unique_ptr<runtime::StoreReader> ModelDisk::open_reader(
    const std::vector<std::string>& families) const {
  const std::lock_guard lock(mutex_);
  return std::make_unique<ModelReader>(written_, families);
}

void ModelDisk::restart() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  is_open_ = false;
  crashed_ = false;
  failed_ = false;
}

void ModelDisk::cut_power() {
  restart();
  const std::lock_guard lock(mutex_);
  const std::size_t kept = random_.below(unsynced_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) apply(synced_, unsynced_[i].families, unsynced_[i].batch);
  unsynced_.clear();
  written_ = synced_;
}

void ModelDisk::apply(Contents& contents, const std::vector<std::string>& families,
                      const StoreBatch& batch) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const StoreBatch::Change change = batch.change(i);
    const std::string key(change.key);
    Family& family = contents[families.at(change.family.index)];
    switch (change.kind) {
      case StoreBatch::Kind::kPut:
        family[key] = change.value;
        break;
      case StoreBatch::Kind::kRemove:
        family.erase(key);
        break;
      case StoreBatch::Kind::kRemoveRange:
        family.erase(family.lower_bound(key), family.lower_bound(std::string(change.value)));
        break;
    }
  }
}

Result<void> ModelDisk::write(const std::vector<std::string>& families, const StoreBatch& batch,
                              bool sync) {
  if (failed_) return fail(Errc::kIo, "model store: an earlier write failed");
  const StoreFault outcome = fault ? fault(writes_) : StoreFault::kNone;
  ++writes_;
  if (outcome == StoreFault::kCrashBefore) {
    crashed_ = true;
    return fail(Errc::kIo, "model store: crashed");
  }
  if (outcome == StoreFault::kFail) {
    failed_ = true;
    return fail(Errc::kIo, "model store: the write failed");
  }
  apply(written_, families, batch);
  unsynced_.push_back({families, batch});
  if (outcome == StoreFault::kFailAfter) {
    failed_ = true;
    return fail(Errc::kIo, "model store: the write failed");
  }
  if (sync) {
    unsynced_.clear();
    synced_ = written_;
  }
  if (outcome == StoreFault::kCrashAfter) {
    crashed_ = true;
    return fail(Errc::kIo, "model store: crashed");
  }
  return {};
}
}  // namespace tocsin::tests
