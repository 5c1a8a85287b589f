#include "runtime/inputs/input_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace tocsin::runtime {
namespace {
class SystemInputFiles final : public InputFiles {
 public:
  Result<InputStatus> status(const std::string& path) override {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) {
      const int error = errno;
      return fail(error == ENOENT ? Errc::kNotFound : Errc::kIo,
                  fmt::format("cannot read {}: {}", path, std::generic_category().message(error)));
    }
    if (S_ISDIR(found.st_mode)) {
      return fail(Errc::kIo,
                  fmt::format("cannot read {}: {}", path, std::generic_category().message(EISDIR)));
    }
    if (!S_ISREG(found.st_mode)) {
      return fail(Errc::kUnsupported,
                  fmt::format("{} is no regular file, and could not be read again after a crash; "
                              "send it to standard input (--input -)",
                              path));
    }
    constexpr std::int64_t kNanoseconds = 1'000'000'000;
    return InputStatus{static_cast<std::uint64_t>(found.st_dev),
                       static_cast<std::uint64_t>(found.st_ino),
                       static_cast<std::uint64_t>(found.st_size),
                       std::int64_t{found.st_mtim.tv_sec} * kNanoseconds + found.st_mtim.tv_nsec};
  }
  Result<std::unique_ptr<ByteSource>> open_stored(const std::string& path,
                                                  StopRequested stop) override {
    return runtime::open_stored(path, std::move(stop));
  }
};
}  // namespace

Result<std::unique_ptr<ByteSource>> InputFiles::open(const std::string& path, StopRequested stop) {
  Result<std::unique_ptr<ByteSource>> stored = open_stored(path, std::move(stop));
  if (!stored) return stored;
  return unpack(path, *std::move(stored));
}

InputFiles& system_input_files() {
  static SystemInputFiles files;
  return files;
}
}  // namespace tocsin::runtime
