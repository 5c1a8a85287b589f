/// A file system in memory that knows what is on disk and what is only in the cache, and fails on
/// demand: for crashes at any operation, failed syncs, full disks, short and interrupted calls.
///
/// What a power failure leaves of writes that were not synced: any choice of 512-byte sectors, each
/// whole, as it was, or with its first bytes new; of names that were not synced (made, renamed,
/// removed, linked): any choice of these operations; a folder whose name is lost is lost with all
/// that is in it. Cached sectors reach the disk early at any time. After a failed sync the cache
/// keeps what was written and calls it clean, though it is not on disk. The folder that a path
/// begins with is there from the beginning.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "tests/support/random.h"

namespace tocsin::tests {
enum class FileOperation : std::uint8_t {
  kOpen,
  kRead,
  kWrite,
  kSync,
  kSize,
  kRename,
  kLink,
  kRemove,
  kList,
  kMakeDirectory,
  kSyncDirectory,
  kLock,
};
enum class Fault : std::uint8_t {
  kNone,
  kCrash,        // it happens in part, and no later call gets through until restart()
  kFail,         // an I/O error; a failed sync loses what it should have written
  kNoSpace,      // writes in part, where that can be
  kShort,        // reads or writes fewer bytes
  kInterrupted,  // by a signal
};

class SimulatedFiles : public runtime::Files {
 public:
  explicit SimulatedFiles(std::uint64_t seed = 1);
  ~SimulatedFiles() override;

  // --- what the world does ---
  /// Asked before each operation, with its number from 0 and the path.
  std::function<Fault(std::uint64_t, FileOperation, const std::string&)> fault;
  /// Bytes that all files together may have.
  std::uint64_t capacity = UINT64_MAX;
  /// False: files have but one name (FileErrc::kNoLink).
  bool knows_links = true;
  std::uint64_t operations() const { return operations_; }
  bool crashed() const { return crashed_; }
  /// The process is gone and its files closed; the cache stays. Locks are free again.
  void restart();
  /// The same, and the cache is lost as well.
  void cut_power();
  /// A whole file as the process sees it; empty for one that is not there.
  std::string contents(const std::string& path) const;
  /// Of all files, each once.
  std::uint64_t used() const;
  /// Turns bits of one byte of a file that is there, on disk, as if they had rotted.
  void flip(const std::string& path, std::size_t offset, char mask);
  /// Puts a file there, on disk, with the folders that it is in.
  void put(const std::string& path, std::string contents);
  /// All paths of files.
  std::vector<std::string> paths() const;

  // --- Files ---
  runtime::FileResult<std::unique_ptr<runtime::File>> open(const std::string& path,
                                                           runtime::OpenMode mode) override;
  runtime::FileResult<void> rename(const std::string& from, const std::string& to) override;
  runtime::FileResult<void> link(const std::string& from, const std::string& to) override;
  runtime::FileResult<void> remove(const std::string& path) override;
  runtime::FileResult<void> remove_directory(const std::string& path) override;
  runtime::FileResult<bool> is_directory(const std::string& path) override;
  runtime::FileResult<runtime::FileIdentity> identity(const std::string& path) override;
  runtime::FileResult<std::vector<std::string>> list(const std::string& directory) override;
  runtime::FileResult<void> make_directory(const std::string& path) override;
  runtime::FileResult<void> sync_directory(const std::string& path) override;
  runtime::FileResult<std::unique_ptr<runtime::FileLock>> lock(const std::string& path) override;

 private:
  friend class SimulatedFile;
  friend class SimulatedLock;
  static constexpr std::size_t kSectorBytes = 512;
  struct Node;
  using NodePointer = std::shared_ptr<Node>;
  using Names = std::map<std::string, NodePointer, std::less<>>;
  struct Node {
    std::string cached;           // a file's contents as the process sees them
    std::string on_disk;          // what is safe
    std::set<std::size_t> dirty;  // sectors that the next sync writes
    bool is_directory = false;
    std::uint64_t id = 0;  // given when somebody asks
    Names names;           // a folder's, likewise
    Names names_on_disk;
  };
  // A name in a folder; without one it stands for no place.
  struct Place {
    NodePointer directory;
    std::string name;
  };
  // A change of names that is not yet on disk. Without `from` the node was made or got a second
  // name, without `to` it was removed.
  struct NameChange {
    Place from;
    Place to;
    NodePointer node;
  };

  Fault begin(FileOperation operation, const std::string& path);
  void crash() { crashed_ = true; }
  static NodePointer new_directory();
  // Nothing where there is none.
  NodePointer find(const std::string& path) const;
  // The place of `path`, whose folder must be there; `make`: is made, on disk, where it is missing.
  std::optional<Place> place(const std::string& path, bool make);
  void change(NameChange change);
  static void apply(const NameChange& change);
  void forget_cache(Node& node);
  static std::uint64_t bytes_below(const Node& node, std::set<const Node*>& counted);
  static void collect(const Node& node, const std::string& path, std::vector<std::string>& to);
  void write_back(Node& node, std::size_t sector, std::size_t bytes);
  void write(Node& node, std::uint64_t offset, std::string_view bytes);
  void sync(Node& node, bool works);

  Random random_;
  std::uint64_t operations_ = 0;
  bool crashed_ = false;
  std::uint64_t generation_ = 0;  // of the process; files of an earlier one are closed
  NodePointer root_;
  std::uint64_t last_id_ = 0;
  std::vector<NameChange> changes_;
  std::set<std::string> locks_;
};

/// A clock that stands still unless told.
class SimulatedClock : public runtime::Clock {
 public:
  cep::EventTime now() override { return time; }
  cep::EventTime time{1'772'452'860'000'000};
};
}  // namespace tocsin::tests
