#include "runtime/io/system_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace tocsin::runtime {
namespace {
tl::unexpected<FileError> failure(std::string_view what, const std::string& path, int number) {
  FileErrc code = FileErrc::kIo;
  switch (number) {
    case ENOENT:
      code = FileErrc::kNotFound;
      break;
    case EEXIST:
      code = FileErrc::kExists;
      break;
    case ENOSPC:
    case EDQUOT:
      code = FileErrc::kNoSpace;
      break;
    case EINTR:
      code = FileErrc::kInterrupted;
      break;
    default:
      break;
  }
  return tl::unexpected(
      FileError{code, fmt::format("cannot {} {}: {}", what, path, std::strerror(number))});
}

// open(2) again while a signal comes between; a descriptor or -1.
int open_descriptor(const std::string& path, int flags) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, S_IRUSR | S_IWUSR);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

class SystemFile : public File {
 public:
  SystemFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  FileResult<std::size_t> read(std::uint64_t offset, char* to, std::size_t capacity) override {
    const ssize_t count = ::pread(descriptor_.get(), to, capacity, static_cast<off_t>(offset));
    if (count < 0 && back_to_cache()) return read(offset, to, capacity);
    if (count < 0) return failure("read", path_, errno);
    return static_cast<std::size_t>(count);
  }
  FileResult<std::size_t> write(std::uint64_t offset, std::string_view bytes) override {
    const ssize_t count =
        ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && back_to_cache()) return write(offset, bytes);
    if (count < 0) return failure("write", path_, errno);
    if (count == 0 && !bytes.empty()) return failure("write", path_, ENOSPC);
    return static_cast<std::size_t>(count);
  }
  FileResult<void> sync() override {
    int status = 0;
    do {
      status = ::fdatasync(descriptor_.get());
    } while (status != 0 && errno == EINTR);
    if (status != 0) return failure("sync", path_, errno);
    return {};
  }
  FileResult<std::uint64_t> size() override {
    struct stat found {};
    if (::fstat(descriptor_.get(), &found) != 0) return failure("look at", path_, errno);
    return static_cast<std::uint64_t>(found.st_size);
  }
  void let_go(std::uint64_t begin, std::uint64_t end) override {
    ::posix_fadvise(descriptor_.get(), static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                    POSIX_FADV_DONTNEED);
  }
  void bypass_cache() override { is_direct_ = set_direct(true); }

 private:
  bool set_direct(bool is_direct) {
    const int flags = ::fcntl(descriptor_.get(), F_GETFL);
    if (flags < 0) return false;
    return ::fcntl(descriptor_.get(), F_SETFL, is_direct ? flags | O_DIRECT : flags & ~O_DIRECT) ==
           0;
  }
  // After a call that failed: true where it may be tried again, through the cache. Some systems
  // say only then that they cannot do without it.
  bool back_to_cache() {
    if (errno != EINVAL || !is_direct_) return false;
    is_direct_ = false;
    return set_direct(false);
  }

  bool is_direct_ = false;
  Descriptor descriptor_;
  std::string path_;
};

class SystemLock : public FileLock {
 public:
  explicit SystemLock(int descriptor) : descriptor_(descriptor) {}

 private:
  Descriptor descriptor_;
};
}  // namespace

FileResult<std::unique_ptr<File>> SystemFiles::open(const std::string& path, OpenMode mode) {
  int flags = O_RDONLY;
  if (mode == OpenMode::kWrite) flags = O_RDWR;
  if (mode == OpenMode::kCreate) flags = O_RDWR | O_CREAT | O_EXCL;
  const int descriptor = open_descriptor(path, flags);
  if (descriptor < 0) return failure("open", path, errno);
  return std::make_unique<SystemFile>(descriptor, path);
}

FileResult<void> SystemFiles::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failure("rename", from, errno);
  return {};
}

FileResult<void> SystemFiles::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return failure("remove", path, errno);
  return {};
}

FileResult<void> SystemFiles::link(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return {};
  const int number = errno;
  tl::unexpected<FileError> failed = failure("link", from, number);
  if (number == EXDEV || number == EMLINK || number == EPERM || number == ENOTSUP) {
    failed.value().code = FileErrc::kNoLink;
  }
  return failed;
}

FileResult<void> SystemFiles::remove_directory(const std::string& path) {
  if (::rmdir(path.c_str()) != 0) return failure("remove", path, errno);
  return {};
}

FileResult<bool> SystemFiles::is_directory(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return failure("look at", path, errno);
  return S_ISDIR(found.st_mode);
}

FileResult<FileIdentity> SystemFiles::identity(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return failure("look at", path, errno);
  return FileIdentity{static_cast<std::uint64_t>(found.st_dev),
                      static_cast<std::uint64_t>(found.st_ino)};
}

FileResult<std::vector<std::string>> SystemFiles::list(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> names;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) return failure("list", directory, error.value());
  std::sort(names.begin(), names.end());
  return names;
}

FileResult<void> SystemFiles::make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), S_IRWXU) == 0) return {};
  if (errno != EEXIST) return failure("make", path, errno);
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return {};
  return failure("make", path, ENOTDIR);
}

FileResult<void> SystemFiles::make_private(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return failure("look at", path, errno);
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) == 0) return {};
  if (::chmod(path.c_str(), S_IRWXU) != 0) return failure("change", path, errno);
  return {};
}

FileResult<void> SystemFiles::sync_directory(const std::string& path) {
  const Descriptor descriptor(open_descriptor(path, O_RDONLY | O_DIRECTORY));
  if (descriptor.get() < 0) return failure("open", path, errno);
  int status = 0;
  do {
    status = ::fsync(descriptor.get());
  } while (status != 0 && errno == EINTR);
  // EINVAL: a file system that knows no sync of directories keeps them by itself.
  if (status != 0 && errno != EINVAL) return failure("sync", path, errno);
  return {};
}

FileResult<std::unique_ptr<FileLock>> SystemFiles::lock(const std::string& path) {
  const int descriptor = open_descriptor(path, O_RDWR | O_CREAT);
  if (descriptor < 0) return failure("open", path, errno);
  auto lock = std::make_unique<SystemLock>(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failure("lock", path, errno);
    char owner[32] = {};
    const ssize_t count = ::pread(descriptor, owner, sizeof owner - 1, 0);
    std::string_view text(owner, count > 0 ? static_cast<std::size_t>(count) : 0);
    text = text.substr(0, text.find('\n'));
    return tl::unexpected(
        FileError{FileErrc::kInUse,
                  fmt::format("another process {}works with this folder; it holds {}",
                              text.empty() ? std::string() : fmt::format("({}) ", text), path)});
  }
  // For people: the lock itself is the kernel's.
  const std::string owner = fmt::format("{}\n", ::getpid());
  if (::ftruncate(descriptor, 0) != 0 || ::pwrite(descriptor, owner.data(), owner.size(), 0) < 0) {
    // A full disk does not keep anybody from going on.
  }
  return std::unique_ptr<FileLock>(std::move(lock));
}
}  // namespace tocsin::runtime
