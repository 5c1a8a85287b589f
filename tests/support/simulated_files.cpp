#include "tests/support/simulated_files.h"

#include <algorithm>
#include <cstring>
#include <utility>

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

 private:
  Fault begin(FileOperation operation) {
    if (generation_ != files_.generation_) return Fault::kCrash;
    return files_.begin(operation, path_);
  }

  SimulatedFiles& files_;
  std::uint64_t generation_;
  std::shared_ptr<SimulatedFiles::Node> node_;
  std::string path_;
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

SimulatedFiles::SimulatedFiles(std::uint64_t seed) : random_(seed) {}
SimulatedFiles::~SimulatedFiles() = default;

Fault SimulatedFiles::begin(FileOperation operation, const std::string& path) {
  if (crashed_) return Fault::kCrash;
  const std::uint64_t number = operations_++;
  const Fault found = fault ? fault(number, operation, path) : Fault::kNone;
  if (found == Fault::kCrash) crash();
  return found;
}

std::uint64_t SimulatedFiles::used() const {
  std::uint64_t bytes = 0;
  for (const auto& [path, node] : names_) bytes += node->cached.size();
  return bytes;
}

void SimulatedFiles::apply(Names& names, const NameChange& change) const {
  if (change.from.empty()) {
    names[change.to] = change.node;
    return;
  }
  // Where an earlier change did not reach the disk there may be nothing, or another file.
  const auto found = names.find(change.from);
  if (found == names.end() || found->second != change.node) return;
  names.erase(found);
  if (!change.to.empty()) names[change.to] = change.node;
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
    if (in_order ? kept > 0 : random_.chance(50)) apply(names_on_disk_, change);
    if (kept > 0) --kept;
  }
  changes_.clear();
  std::set<Node*> done;
  for (const auto& [path, node] : names_on_disk_) {
    if (!done.insert(node.get()).second) continue;
    for (const std::size_t sector : node->dirty) {
      const std::size_t choice = random_.below(5);
      if (choice < 2) write_back(*node, sector, kSectorBytes);
      if (choice == 2) write_back(*node, sector, random_.below(kSectorBytes));
    }
    node->dirty.clear();
    node->cached = node->on_disk;
  }
  names_ = names_on_disk_;
}

std::string SimulatedFiles::contents(const std::string& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? std::string() : found->second->cached;
}

void SimulatedFiles::put(const std::string& path, std::string contents) {
  auto node = std::make_shared<Node>();
  node->cached = node->on_disk = std::move(contents);
  names_[path] = names_on_disk_[path] = std::move(node);
}

std::vector<std::string> SimulatedFiles::paths() const {
  std::vector<std::string> all;
  for (const auto& [path, node] : names_) all.push_back(path);
  return all;
}

FileResult<std::unique_ptr<runtime::File>> SimulatedFiles::open(const std::string& path,
                                                                runtime::OpenMode mode) {
  if (const auto failure = failure_of(begin(FileOperation::kOpen, path), "open", path)) {
    return *failure;
  }
  const auto found = names_.find(path);
  if (mode == runtime::OpenMode::kCreate) {
    if (found != names_.end()) return failed(FileErrc::kExists, "make", path);
    const auto node = std::make_shared<Node>();
    changes_.push_back({"", path, node});
    names_[path] = node;
    return std::make_unique<SimulatedFile>(*this, node, path);
  }
  if (found == names_.end()) return failed(FileErrc::kNotFound, "open", path);
  return std::make_unique<SimulatedFile>(*this, found->second, path);
}

FileResult<void> SimulatedFiles::rename(const std::string& from, const std::string& to) {
  if (const auto failure = failure_of(begin(FileOperation::kRename, from), "rename", from)) {
    return *failure;
  }
  const auto found = names_.find(from);
  if (found == names_.end()) return failed(FileErrc::kNotFound, "rename", from);
  const NameChange change{from, to, found->second};
  changes_.push_back(change);
  apply(names_, change);
  return {};
}

FileResult<void> SimulatedFiles::remove(const std::string& path) {
  if (const auto failure = failure_of(begin(FileOperation::kRemove, path), "remove", path)) {
    return *failure;
  }
  const auto found = names_.find(path);
  if (found == names_.end()) return failed(FileErrc::kNotFound, "remove", path);
  const NameChange change{path, "", found->second};
  changes_.push_back(change);
  apply(names_, change);
  return {};
}

FileResult<std::vector<std::string>> SimulatedFiles::list(const std::string& directory) {
  if (const auto failure = failure_of(begin(FileOperation::kList, directory), "list", directory)) {
    return *failure;
  }
  std::vector<std::string> names;
  for (const auto& [path, node] : names_) {
    if (!path.starts_with(directory + "/")) continue;
    std::string name = path.substr(directory.size() + 1);
    if (name.find('/') == std::string::npos) names.push_back(std::move(name));
  }
  return names;
}

FileResult<void> SimulatedFiles::make_directory(const std::string& path) {
  if (const auto failure = failure_of(begin(FileOperation::kMakeDirectory, path), "make", path)) {
    return *failure;
  }
  directories_.insert(path);
  return {};
}

FileResult<void> SimulatedFiles::sync_directory(const std::string& path) {
  const Fault found = begin(FileOperation::kSyncDirectory, path);
  if (const auto failure = failure_of(found, "sync", path)) return *failure;
  std::erase_if(changes_, [&](const NameChange& change) {
    const std::string& name = change.from.empty() ? change.to : change.from;
    if (name.substr(0, name.find_last_of('/')) != path) return false;
    apply(names_on_disk_, change);
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
