#include "runtime/series/input_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

namespace tocsin::runtime {
namespace {
tl::unexpected<Error> cannot_read(const std::string& path, int error) {
  return fail(error == ENOENT ? Errc::kNotFound : Errc::kIo,
              fmt::format("cannot read {}: {}", path, std::generic_category().message(error)));
}
std::int64_t nanoseconds(const struct timespec& time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return std::int64_t{time.tv_sec} * kSecond + time.tv_nsec;
}
InputStatus status_of(const struct stat& found) {
  return {static_cast<std::uint64_t>(found.st_dev), static_cast<std::uint64_t>(found.st_ino),
          static_cast<std::uint64_t>(found.st_size), nanoseconds(found.st_mtim)};
}

class SystemInputFile final : public InputFile {
 public:
  SystemInputFile(int descriptor, std::string path)
      : descriptor_(descriptor), path_(std::move(path)) {}
  ~SystemInputFile() override { ::close(descriptor_); }
  Result<std::size_t> read(std::uint64_t offset, char* to, std::size_t capacity) override {
    for (;;) {
      const ssize_t got = ::pread(descriptor_, to, capacity, static_cast<off_t>(offset));
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return cannot_read(path_, errno);
    }
  }
  Result<InputStatus> status() override {
    struct stat found {};
    if (::fstat(descriptor_, &found) != 0) return cannot_read(path_, errno);
    return status_of(found);
  }

 private:
  int descriptor_;
  std::string path_;
};

class SystemInputFiles final : public InputFiles {
 public:
  Result<InputStatus> status(const std::string& path) override {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return cannot_read(path, errno);
    if (S_ISDIR(found.st_mode)) return cannot_read(path, EISDIR);
    if (!S_ISREG(found.st_mode)) {
      return fail(Errc::kUnsupported,
                  fmt::format("{} is no regular file, and could not be read again after a crash; "
                              "send it to standard input (--input -)",
                              path));
    }
    return status_of(found);
  }
  Result<std::unique_ptr<ByteSource>> open_stored(const std::string& path,
                                                  StopRequested stop) override {
    return runtime::open_stored(path, std::move(stop));
  }
  Result<std::unique_ptr<InputFile>> open_growing(const std::string& path) override {
    if (auto found = status(path); !found) return tl::unexpected(found.error());
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return cannot_read(path, errno);
    return std::make_unique<SystemInputFile>(descriptor, path);
  }
  std::optional<std::int64_t> directory_changed(const std::string& path) override {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) return std::nullopt;
    return nanoseconds(found.st_mtim);
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    std::error_code failed;
    std::filesystem::directory_iterator entry(directory, failed);
    std::vector<std::string> names;
    for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
      names.push_back(entry->path().filename().string());
      // One that was renamed since has no type: whoever looks at it finds that out.
      std::error_code unknown, ignored;
      const bool is_file = entry->is_regular_file(unknown);
      if (!is_file && (!unknown || entry->is_symlink(ignored))) names.back() += '/';
    }
    if (failed) return cannot_read(directory, failed.value());
    return names;
  }
};
}  // namespace

Result<std::unique_ptr<ByteSource>> InputFiles::open(const std::string& path, StopRequested stop) {
  Result<std::unique_ptr<ByteSource>> stored = open_stored(path, std::move(stop));
  if (!stored) return stored;
  return unpack(path, *std::move(stored));
}

Result<std::unique_ptr<InputFile>> InputFiles::open_growing(const std::string& path) {
  return fail(Errc::kUnsupported, path + " cannot be followed here");
}
std::optional<std::int64_t> InputFiles::directory_changed(const std::string& /*path*/) {
  return std::nullopt;
}
Result<std::vector<std::string>> InputFiles::list(const std::string& directory) {
  return fail(Errc::kNotFound, "there is no directory " + directory);
}
std::chrono::steady_clock::time_point InputFiles::now() { return std::chrono::steady_clock::now(); }
void InputFiles::pause(std::chrono::milliseconds duration) {
  std::this_thread::sleep_for(duration);
}

InputFiles& system_input_files() {
  static SystemInputFiles files;
  return files;
}
}  // namespace tocsin::runtime
