#include "api/rules/text_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <system_error>

namespace tocsin::api {
namespace fs = std::filesystem;
namespace {
constexpr std::chrono::hours kUnreadMost{24 * 30};

// A descriptor that is closed.
class File {
 public:
  File(const fs::path& path, int flags, mode_t mode = 0)
      : descriptor_(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

fs::path file_of(const std::string& folder, const std::string& name) {
  return fs::path(folder) / (name + ".hsdb");
}

// A database is code of a kind: only what this user alone could have written is taken.
std::optional<std::string> read_own(const fs::path& path) {
  const File file(path, O_RDONLY | O_NONBLOCK);
  struct stat status = {};
  if (!file.is_open() || fstat(file.descriptor(), &status) != 0) return std::nullopt;
  const bool is_own = S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
                      (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  if (!is_own || status.st_size <= 0) return std::nullopt;
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t read_now = read(file.descriptor(), bytes.data() + done, bytes.size() - done);
    if (read_now < 0 && errno == EINTR) continue;
    if (read_now <= 0) return std::nullopt;
    done += static_cast<std::size_t>(read_now);
  }
  futimens(file.descriptor(), nullptr);  // it was used; where that fails it may go early
  return bytes;
}

bool write_new(const fs::path& path, std::string_view bytes) {
  const File file(path, O_WRONLY | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
  if (!file.is_open()) return false;
  while (!bytes.empty()) {
    const ssize_t written = write(file.descriptor(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

struct Named {
  std::mutex mutex;
  std::string folder;  // of use_text_cache()
  std::string data;    // of use_text_cache_of_data()
};
Named& named() {
  static Named one;
  return one;
}

std::string folder_of_environment() {
  const auto value_of = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
  if (value_of("TOCSIN_TEXT_CACHE") == "off") return "";
  const std::string cache = value_of("XDG_CACHE_HOME");
  if (cache.starts_with('/')) return cache + "/tocsin/text";
  const std::string home = value_of("HOME");
  return home.starts_with('/') ? home + "/.cache/tocsin/text" : "";
}
}  // namespace

std::optional<std::string> TextCacheFolder::find(const std::string& name) {
  for (const std::string& folder : {place_.folder, place_.also_read}) {
    if (folder.empty()) continue;
    if (std::optional<std::string> bytes = read_own(file_of(folder, name))) return bytes;
  }
  ++missing_;
  show_progress();
  return std::nullopt;
}

void TextCacheFolder::keep(const std::string& name, std::string_view bytes) {
  if (!place_.folder.empty()) {
    write(name, bytes);
    remove_old();
  }
  ++compiled_;
  show_progress();
}

void TextCacheFolder::show_progress() {
  if (compiled_ >= missing_) return line_.clear();
  line_.show_text(
      fmt::format("compiling what texts are searched for: {} of {}", compiled_ + 1, missing_));
}

// Whole or not at all, whoever else writes the same.
void TextCacheFolder::write(const std::string& name, std::string_view bytes) const {
  std::error_code error;
  const fs::path folder(place_.folder);
  if (fs::create_directories(folder, error)) {
    fs::permissions(folder, fs::perms::owner_all, error);
  }
  static std::atomic<unsigned> number{0};
  const fs::path draft = folder / fmt::format("{}.{}.{}.new", name, getpid(), ++number);
  const bool is_written = write_new(draft, bytes);
  if (is_written) fs::rename(draft, file_of(place_.folder, name), error);
  if (!is_written || error) fs::remove(draft, error);
}

void TextCacheFolder::remove_old() const {
  std::error_code error;
  const fs::file_time_type oldest = fs::file_time_type::clock::now() - kUnreadMost;
  fs::directory_iterator files(place_.folder, error);
  for (; !error && files != fs::directory_iterator(); files.increment(error)) {
    const fs::path& path = files->path();
    if (path.extension() != ".hsdb" && path.extension() != ".new") continue;
    std::error_code unknown;
    const fs::file_time_type used = fs::last_write_time(path, unknown);
    if (!unknown && used < oldest) fs::remove(path, unknown);
  }
}

void use_text_cache(const std::string& folder) {
  const std::lock_guard lock(named().mutex);
  named().folder = folder;
}

void use_text_cache_of_data(const std::string& directory) {
  std::error_code error;
  const bool is_data = fs::is_regular_file(fs::path(directory) / "FORMAT", error);
  const std::lock_guard lock(named().mutex);
  named().data = is_data ? (fs::path(directory) / "cache").string() : "";
}

TextCachePlace text_cache_place() {
  const std::lock_guard lock(named().mutex);
  if (named().folder == "off") return {};
  if (!named().folder.empty()) return {named().folder, {}};
  if (!named().data.empty()) return {named().data, folder_of_environment()};
  return {folder_of_environment(), {}};
}

std::unique_ptr<TextCacheFolder> open_text_cache() {
  return std::make_unique<TextCacheFolder>(text_cache_place(), gettid() == getpid());
}
}  // namespace tocsin::api
