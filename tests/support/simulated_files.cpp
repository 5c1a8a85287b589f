#include "tests/support/simulated_files.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::tests {
using runtime::FileErrc;
using runtime::FileError;
using runtime::FileResult;

namespace {
tl::unexpected<FileError> failed(FileErrc code, const std::string& what, const std::string& path) {
  return tl::unexpected(FileError{code, "cannot " + what + " " + path + ": simulated"});
}

// What a fault makes of an operation that has no parts.
std::optional<tl::unexpected<FileError>> failure_of(Fault fault, const std::string& what,
                                                    const std::string& path) {
  switch (fault) {
    case Fault::kCrash:
    case Fault::kFail:
      return failed(FileErrc::kIo, what, path);
    case Fault::kNoSpace:
      return failed(FileErrc::kNoSpace, what, path);
    case Fault::kNone:
    case Fault::kShort:
    case Fault::kInterrupted:
      break;
  }
  return std::nullopt;
}

// Of a path's folders and its name.
std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    std::string part = path.substr(begin, end - begin);
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    begin = end + 1;
  }
  return parts;
}
}  // namespace

class SimulatedFile : public runtime::File {
 public:
  SimulatedFile(SimulatedFiles& files, std::shared_ptr<SimulatedFiles::Node> node, std::string path)
      : files_(files),
        generation_(files.generation_),
        node_(std::move(node)),
        path_(std::move(path)) {}

  FileResult<std::size_t> read(std::uint64_t offset, char* to, std::size_t capacity) override {
    const Fault fault = begin(FileOperation::kRead);
    if (fault == Fault::kInterrupted) return failed(FileErrc::kInterrupted, "read", path_);
    if (const auto failure = failure_of(fault, "read", path_)) return *failure;
    const std::string& bytes = node_->cached;
    if (offset >= bytes.size()) return std::size_t{0};
    std::size_t count = std::min<std::size_t>(capacity, bytes.size() - offset);
    if (fault == Fault::kShort) count = 1 + files_.random_.below(count);
    std::memcpy(to, bytes.data() + offset, count);
    return count;
  }

  FileResult<std::size_t> write(std::uint64_t offset, std::string_view bytes) override {
    const Fault fault = begin(FileOperation::kWrite);
    const auto is_whole = [](std::uint64_t at) { return at % runtime::kDirectBytes == 0; };
    TOCSIN_ASSERT(!is_direct_ || (is_whole(offset) && is_whole(bytes.size()) &&
                                  is_whole(reinterpret_cast<std::uintptr_t>(bytes.data()))),
                  "who bypasses the cache writes whole blocks");
    if (fault == Fault::kInterrupted) return failed(FileErrc::kInterrupted, "write", path_);
    if (fault == Fault::kFail) return failed(FileErrc::kIo, "write", path_);
    std::size_t count = bytes.size();
    if (fault == Fault::kShort) count = 1 + files_.random_.below(count);
    if (fault == Fault::kNoSpace && count > 0) count = files_.random_.below(count);
    if (fault == Fault::kCrash) count = files_.random_.below(count + 1);
    const std::uint64_t size = node_->cached.size();
    const std::uint64_t others = files_.used() - size;
    if (offset + count > size && others + offset + count > files_.capacity) {
      // What is there may be written over, and the file grow to the last byte.
      const std::uint64_t room =
          std::max(size, files_.capacity > others ? files_.capacity - others : 0);
      count = room > offset ? static_cast<std::size_t>(room - offset) : 0;
    }
    files_.write(*node_, offset, bytes.substr(0, count));
    // What is left of it goes through the cache.
    if (count != bytes.size()) is_direct_ = false;
    if (fault == Fault::kCrash) return failed(FileErrc::kIo, "write", path_);
    if (count == 0 && !bytes.empty()) return failed(FileErrc::kNoSpace, "write", path_);
    return count;
  }

  FileResult<void> sync() override {
    const Fault fault = begin(FileOperation::kSync);
    const bool works = fault != Fault::kFail && fault != Fault::kNoSpace;
    if (fault == Fault::kCrash) return failed(FileErrc::kIo, "sync", path_);
    files_.sync(*node_, works);
    if (const auto failure = failure_of(fault, "sync", path_)) return *failure;
    return {};
  }

  FileResult<std::uint64_t> size() override {
    if (const auto failure = failure_of(begin(FileOperation::kSize), "look at", path_)) {
      return *failure;
    }
    return node_->cached.size();
  }

  void bypass_cache() override { is_direct_ = true; }

 private:
  Fault begin(FileOperation operation) {
    if (generation_ != files_.generation_) return Fault::kCrash;
    return files_.begin(operation, path_);
  }

  SimulatedFiles& files_;
  std::uint64_t generation_;
  std::shared_ptr<SimulatedFiles::Node> node_;
  std::string path_;
  bool is_direct_ = false;
};

class SimulatedLock : public runtime::FileLock {
 public:
  SimulatedLock(SimulatedFiles& files, std::string path)
      : files_(files), generation_(files.generation_), path_(std::move(path)) {}
  ~SimulatedLock() override {
    if (generation_ == files_.generation_) files_.locks_.erase(path_);
  }

 private:
  SimulatedFiles& files_;
  std::uint64_t generation_;
  std::string path_;
};

SimulatedFiles::SimulatedFiles(std::uint64_t seed) : random_(seed), root_(new_directory()) {}
SimulatedFiles::~SimulatedFiles() = default;

SimulatedFiles::NodePointer SimulatedFiles::new_directory() {
  auto node = std::make_shared<Node>();
  node->is_directory = true;
  return node;
}

Fault SimulatedFiles::begin(FileOperation operation, const std::string& path) {
  if (crashed_) return Fault::kCrash;
  const std::uint64_t number = operations_++;
  const Fault found = fault ? fault(number, operation, path) : Fault::kNone;
  if (found == Fault::kCrash) crash();
  return found;
}

SimulatedFiles::NodePointer SimulatedFiles::find(const std::string& path) const {
  NodePointer node = root_;
  for (const std::string& name : parts_of(path)) {
    const auto found = node->names.find(name);
    if (found == node->names.end()) return nullptr;
    node = found->second;
  }
  return node;
}

std::optional<SimulatedFiles::Place> SimulatedFiles::place(const std::string& path, bool make) {
  std::vector<std::string> parts = parts_of(path);
  if (parts.empty()) return std::nullopt;
  Place place{root_, std::move(parts.back())};
  parts.pop_back();
  for (const std::string& name : parts) {
    const auto found = place.directory->names.find(name);
    if (found != place.directory->names.end()) {
      if (!found->second->is_directory) return std::nullopt;
      place.directory = found->second;
      continue;
    }
    if (!make && place.directory != root_) return std::nullopt;
    const NodePointer made = new_directory();
    place.directory->names[name] = place.directory->names_on_disk[name] = made;
    place.directory = made;
  }
  return place;
}

std::uint64_t SimulatedFiles::bytes_below(const Node& node, std::set<const Node*>& counted) {
  if (!counted.insert(&node).second) return 0;
  std::uint64_t bytes = node.cached.size();
  for (const auto& [name, below] : node.names) bytes += bytes_below(*below, counted);
  return bytes;
}

std::uint64_t SimulatedFiles::used() const {
  std::set<const Node*> counted;
  return bytes_below(*root_, counted);
}

void SimulatedFiles::change(NameChange change) {
  if (change.from.directory) change.from.directory->names.erase(change.from.name);
  if (change.to.directory) change.to.directory->names[change.to.name] = change.node;
  changes_.push_back(std::move(change));
}

// On the disk.
void SimulatedFiles::apply(const NameChange& change) {
  if (change.from.directory) {
    // Where an earlier change did not reach the disk there may be nothing, or another file.
    Names& names = change.from.directory->names_on_disk;
    const auto found = names.find(change.from.name);
    if (found == names.end() || found->second != change.node) return;
    names.erase(found);
  }
  if (change.to.directory) change.to.directory->names_on_disk[change.to.name] = change.node;
}

// The first `bytes` of a sector reach the disk.
void SimulatedFiles::write_back(Node& node, std::size_t sector, std::size_t bytes) {
  const std::size_t begin = sector * kSectorBytes;
  const std::size_t end = std::min(begin + bytes, node.cached.size());
  if (end <= begin) return;
  if (node.on_disk.size() < end) node.on_disk.resize(end, '\0');
  std::copy(node.cached.begin() + static_cast<std::ptrdiff_t>(begin),
            node.cached.begin() + static_cast<std::ptrdiff_t>(end),
            node.on_disk.begin() + static_cast<std::ptrdiff_t>(begin));
}

void SimulatedFiles::write(Node& node, std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  const std::size_t end = static_cast<std::size_t>(offset) + bytes.size();
  const std::size_t old_size = node.cached.size();
  if (old_size < end) node.cached.resize(end, '\0');
  bytes.copy(node.cached.data() + offset, bytes.size());
  const std::size_t first = std::min<std::size_t>(static_cast<std::size_t>(offset), old_size);
  for (std::size_t sector = first / kSectorBytes; sector <= (end - 1) / kSectorBytes; ++sector) {
    node.dirty.insert(sector);
    if (random_.chance(10)) write_back(node, sector, kSectorBytes);
  }
}

void SimulatedFiles::sync(Node& node, bool works) {
  for (const std::size_t sector : node.dirty) {
    if (works || random_.chance(50)) write_back(node, sector, kSectorBytes);
  }
  node.dirty.clear();
}

void SimulatedFiles::restart() {
  ++generation_;
  crashed_ = false;
  locks_.clear();
}

void SimulatedFiles::cut_power() {
  restart();
  const bool in_order = random_.chance(50);  // as a journaling file system keeps them
  std::size_t kept = random_.below(changes_.size() + 1);
  for (const NameChange& change : changes_) {
    if (in_order ? kept > 0 : random_.chance(50)) apply(change);
    if (kept > 0) --kept;
  }
  changes_.clear();
  forget_cache(*root_);
}

void SimulatedFiles::forget_cache(Node& node) {
  for (const std::size_t sector : node.dirty) {
    const std::size_t choice = random_.below(5);
    if (choice < 2) write_back(node, sector, kSectorBytes);
    if (choice == 2) write_back(node, sector, random_.below(kSectorBytes));
  }
  node.dirty.clear();
  node.cached = node.on_disk;
  node.names = node.names_on_disk;
  for (const auto& [name, below] : node.names) forget_cache(*below);
}

void SimulatedFiles::flip(const std::string& path, std::size_t offset, char mask) {
  const NodePointer node = find(path);
  if (!node || offset >= node->cached.size()) return;
  node->cached[offset] = static_cast<char>(node->cached[offset] ^ mask);
  if (offset < node->on_disk.size()) node->on_disk[offset] = node->cached[offset];
}

std::string SimulatedFiles::contents(const std::string& path) const {
  const NodePointer found = find(path);
  return found ? found->cached : std::string();
}

void SimulatedFiles::put(const std::string& path, std::string contents) {
  auto node = std::make_shared<Node>();
  node->cached = node->on_disk = std::move(contents);
  const std::optional<Place> at = place(path, true);
  TOCSIN_ASSERT(at, "a file is put into folders");
  at->directory->names[at->name] = at->directory->names_on_disk[at->name] = std::move(node);
}

void SimulatedFiles::collect(const Node& node, const std::string& path,
                             std::vector<std::string>& to) {
  for (const auto& [name, below] : node.names) {
    const std::string full = path.empty() ? name : path + "/" + name;
    if (below->is_directory) {
      collect(*below, full, to);
    } else {
      to.push_back(full);
    }
  }
}

std::vector<std::string> SimulatedFiles::paths() const {
  std::vector<std::string> all;
  collect(*root_, "", all);
  std::sort(all.begin(), all.end());
  return all;
}

FileResult<std::unique_ptr<runtime::File>> SimulatedFiles::open(const std::string& path,
                                                                runtime::OpenMode mode) {
  if (const auto failure = failure_of(begin(FileOperation::kOpen, path), "open", path)) {
    return *failure;
  }
  const NodePointer found = find(path);
  if (found && found->is_directory) return failed(FileErrc::kIo, "open", path);
  if (mode == runtime::OpenMode::kCreate) {
    if (found) return failed(FileErrc::kExists, "make", path);
    const std::optional<Place> to = place(path, false);
    if (!to) return failed(FileErrc::kNotFound, "make", path);
    const auto node = std::make_shared<Node>();
    change({{}, *to, node});
    return std::make_unique<SimulatedFile>(*this, node, path);
  }
  if (!found) return failed(FileErrc::kNotFound, "open", path);
  return std::make_unique<SimulatedFile>(*this, found, path);
}

FileResult<void> SimulatedFiles::rename(const std::string& from, const std::string& to) {
  if (const auto failure = failure_of(begin(FileOperation::kRename, from), "rename", from)) {
    return *failure;
  }
  const NodePointer found = find(from);
  const std::optional<Place> from_place = place(from, false);
  const std::optional<Place> to_place = place(to, false);
  if (!found || !from_place || !to_place) return failed(FileErrc::kNotFound, "rename", from);
  const NodePointer there = find(to);
  if (there == found) return {};
  if (there && (found->is_directory || there->is_directory)) {
    return failed(FileErrc::kExists, "rename", from);
  }
  change({*from_place, *to_place, found});
  return {};
}

FileResult<void> SimulatedFiles::link(const std::string& from, const std::string& to) {
  if (const auto failure = failure_of(begin(FileOperation::kLink, from), "link", from)) {
    return *failure;
  }
  const NodePointer found = find(from);
  const std::optional<Place> to_place = place(to, false);
  if (!found || !to_place) return failed(FileErrc::kNotFound, "link", from);
  if (find(to)) return failed(FileErrc::kExists, "link", from);
  if (!knows_links || found->is_directory) return failed(FileErrc::kNoLink, "link", from);
  change({{}, *to_place, found});
  return {};
}

FileResult<void> SimulatedFiles::remove(const std::string& path) {
  if (const auto failure = failure_of(begin(FileOperation::kRemove, path), "remove", path)) {
    return *failure;
  }
  const NodePointer found = find(path);
  if (!found) return failed(FileErrc::kNotFound, "remove", path);
  if (found->is_directory) return failed(FileErrc::kIo, "remove", path);
  change({*place(path, false), {}, found});
  return {};
}

FileResult<void> SimulatedFiles::remove_directory(const std::string& path) {
  if (const auto failure = failure_of(begin(FileOperation::kRemove, path), "remove", path)) {
    return *failure;
  }
  const NodePointer found = find(path);
  if (!found) return failed(FileErrc::kNotFound, "remove", path);
  if (!found->is_directory || !found->names.empty() || found == root_) {
    return failed(FileErrc::kIo, "remove", path);
  }
  change({*place(path, false), {}, found});
  return {};
}

FileResult<bool> SimulatedFiles::is_directory(const std::string& path) {
  if (const auto failure = failure_of(begin(FileOperation::kList, path), "look at", path)) {
    return *failure;
  }
  const NodePointer found = find(path);
  if (!found) return failed(FileErrc::kNotFound, "look at", path);
  return found->is_directory;
}

FileResult<runtime::FileIdentity> SimulatedFiles::identity(const std::string& path) {
  if (const auto failure = failure_of(begin(FileOperation::kList, path), "look at", path)) {
    return *failure;
  }
  const NodePointer found = find(path);
  if (!found) return failed(FileErrc::kNotFound, "look at", path);
  if (found->id == 0) found->id = ++last_id_;
  return runtime::FileIdentity{0, found->id};
}

FileResult<std::vector<std::string>> SimulatedFiles::list(const std::string& directory) {
  if (const auto failure = failure_of(begin(FileOperation::kList, directory), "list", directory)) {
    return *failure;
  }
  const NodePointer found = find(directory);
  if (!found || !found->is_directory) return failed(FileErrc::kNotFound, "list", directory);
  std::vector<std::string> names;
  for (const auto& [name, node] : found->names) names.push_back(name);
  return names;
}

FileResult<void> SimulatedFiles::make_directory(const std::string& path) {
  if (const auto failure = failure_of(begin(FileOperation::kMakeDirectory, path), "make", path)) {
    return *failure;
  }
  if (const NodePointer found = find(path)) {
    if (found->is_directory) return {};
    return failed(FileErrc::kIo, "make", path);
  }
  const std::optional<Place> to = place(path, false);
  if (!to) return failed(FileErrc::kNotFound, "make", path);
  change({{}, *to, new_directory()});
  return {};
}

FileResult<void> SimulatedFiles::sync_directory(const std::string& path) {
  const Fault fault_found = begin(FileOperation::kSyncDirectory, path);
  if (const auto failure = failure_of(fault_found, "sync", path)) return *failure;
  const NodePointer directory = find(path);
  if (!directory || !directory->is_directory) return failed(FileErrc::kNotFound, "sync", path);
  std::erase_if(changes_, [&](const NameChange& change) {
    if (change.from.directory != directory && change.to.directory != directory) return false;
    apply(change);
    return true;
  });
  return {};
}

FileResult<std::unique_ptr<runtime::FileLock>> SimulatedFiles::lock(const std::string& path) {
  if (const auto failure = failure_of(begin(FileOperation::kLock, path), "lock", path)) {
    return *failure;
  }
  if (!locks_.insert(path).second) return failed(FileErrc::kInUse, "lock", path);
  return std::make_unique<SimulatedLock>(*this, path);
}
}  // namespace tocsin::tests
