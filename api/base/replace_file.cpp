#include "api/base/replace_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace tocsin::api {
namespace {
namespace fs = std::filesystem;

// A file under a name of its own, which goes unless it is kept.
class Draft {
 public:
  [[nodiscard]] explicit Draft(const fs::path& beside)
      : name_((beside.parent_path() / ("." + beside.filename().string() + ".XXXXXX")).string()),
        descriptor_(mkostemp(name_.data(), O_CLOEXEC)) {}
  ~Draft() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (made_ && !kept_) ::unlink(name_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  // False, with errno, where something fails.
  bool write(std::string_view text, const struct stat& like) {
    if (!made_) return false;
    while (!text.empty()) {
      const ssize_t written = ::write(descriptor_, text.data(), text.size());
      if (written >= 0) {
        text.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR) {
        return false;
      }
    }
    // Another owner's file becomes one's own where that cannot be given back.
    if (::fchown(descriptor_, like.st_uid, like.st_gid) != 0) errno = 0;
    constexpr mode_t kPermissions = 07777;
    if (::fchmod(descriptor_, like.st_mode & kPermissions) != 0) return false;
    return ::fsync(descriptor_) == 0;
  }
  bool rename_to(const fs::path& path) {
    kept_ = ::rename(name_.c_str(), path.c_str()) == 0;
    return kept_;
  }

 private:
  std::string name_;
  int descriptor_;
  bool made_ = descriptor_ >= 0;
  bool kept_ = false;
};
}  // namespace

Result<void> replace_file(const std::string& path, std::string_view text) {
  const auto failed = [&](int number) {
    return fail(Errc::kIo, fmt::format("cannot write {}: {}", path, std::strerror(number)));
  };
  std::error_code error;
  const fs::path target = fs::canonical(path, error);
  if (error) return failed(error.value());
  struct stat status = {};
  if (::stat(target.c_str(), &status) != 0) return failed(errno);
  // A file that may not be written is not replaced either, though its folder would allow it.
  if (::access(target.c_str(), W_OK) != 0) return failed(errno);
  Draft draft(target);
  if (!draft.write(text, status) || !draft.rename_to(target)) return failed(errno);
  return {};
}
}  // namespace tocsin::api
