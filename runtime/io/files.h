/// The port to the file system, for what must survive a crash. What a call has done is sure to
/// outlive a power failure only after sync() (a file's contents and size) or sync_directory()
/// (which names there are). Everything above runs as well on a simulated file system.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cep/base/result.h"

namespace tocsin::runtime {
/// What callers branch on.
enum class FileErrc : std::uint8_t {
  kNotFound,
  kExists,
  kNoSpace,      // also a quota; may pass
  kInterrupted,  // by a signal, before anything was done: try again
  kInUse,        // another process holds the lock
  kNoLink,       // no second name there: another file system, or one that knows none
  kIo,           // anything else
};
struct FileError {
  FileErrc code = FileErrc::kIo;
  std::string message;  // what was tried, the path, the system's reason
};
/// Of a file, whatever names it has; as long as it has one nobody else's.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t file = 0;
  friend constexpr auto operator<=>(const FileIdentity&, const FileIdentity&) = default;
};
template <typename T>
using FileResult = tl::expected<T, FileError>;

/// What offsets, lengths and addresses of writes past the cache are multiples of.
constexpr std::size_t kDirectBytes = 4096;

/// An open file. Closed by destruction. Threading: one caller at a time.
class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;
  /// Reads up to `capacity` bytes from `offset` on; fewer do not mean the end, 0 does.
  virtual FileResult<std::size_t> read(std::uint64_t offset, char* to, std::size_t capacity) = 0;
  /// Writes some of `bytes`, at least one; the file grows where needed.
  virtual FileResult<std::size_t> write(std::uint64_t offset, std::string_view bytes) = 0;
  /// Waits until contents and size are on disk. After a failure what was written since the last
  /// success may be lost, and a later success does not bring it back.
  virtual FileResult<void> sync() = 0;
  virtual FileResult<std::uint64_t> size() = 0;
  /// What stands from `begin` up to `end` is on disk and will hardly be read soon: it need not stay
  /// in memory.
  virtual void let_go(std::uint64_t begin, std::uint64_t end);
  /// From now on the system takes what is written from the caller's memory, without a copy in its
  /// cache, as long as it can and the caller keeps to kDirectBytes.
  virtual void bypass_cache();
};
/// Held until destruction, or the end of the process.
class FileLock {
 public:
  FileLock() = default;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  virtual ~FileLock() = default;
};
enum class OpenMode : std::uint8_t {
  kRead,
  kWrite,   // reads too; the file must exist
  kCreate,  // reads too; the file must not exist
};
/// Threading: any.
class Files {
 public:
  Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  virtual ~Files() = default;
  virtual FileResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  /// Replaces `to`, if there is one, in one step. Moves a directory with all that is in it, to a
  /// name that is free.
  virtual FileResult<void> rename(const std::string& from, const std::string& to) = 0;
  /// Gives the file `from` a second name; kExists where `to` is there, kNoLink where files have but
  /// one name.
  virtual FileResult<void> link(const std::string& from, const std::string& to) = 0;
  virtual FileResult<void> remove(const std::string& path) = 0;
  /// An empty one.
  virtual FileResult<void> remove_directory(const std::string& path) = 0;
  /// False for a file; kNotFound for what is not there.
  virtual FileResult<bool> is_directory(const std::string& path) = 0;
  virtual FileResult<FileIdentity> identity(const std::string& path) = 0;
  /// Names of the files and folders in a directory, sorted by their bytes.
  virtual FileResult<std::vector<std::string>> list(const std::string& directory) = 0;
  /// Makes one directory, or leaves the one that is there.
  virtual FileResult<void> make_directory(const std::string& path) = 0;
  /// Takes every permission on a directory from all but its owner.
  virtual FileResult<void> make_private(const std::string& path);
  virtual FileResult<void> sync_directory(const std::string& path) = 0;
  /// Takes an exclusive lock on `path`, made where missing; kInUse names the process that has it,
  /// where known. Never waits.
  virtual FileResult<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

/// The same failure for callers who do not branch on FileErrc: kNoSpace is Errc::kLimit, kInUse
/// kInUse, kNotFound kNotFound, the rest kIo.
Error to_error(const FileError& error);
/// Writes all of `bytes`, whatever is short or interrupted.
FileResult<void> write_all(File& file, std::uint64_t offset, std::string_view bytes);
/// Reads up to `bytes_max` bytes from `offset` on, fewer only at the end of the file, to `to`,
/// whose old contents go.
FileResult<void> read_range(File& file, std::uint64_t offset, std::uint64_t bytes_max,
                            std::string& to);
/// The whole file at `path`.
FileResult<std::string> read_whole(Files& files, const std::string& path);
/// Makes `path` and waits until its parent holds it on disk.
FileResult<void> make_durable_directory(Files& files, const std::string& path);
}  // namespace tocsin::runtime
