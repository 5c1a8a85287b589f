#include "runtime/io/rule_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <unordered_set>

namespace tocsin::runtime {
namespace {
namespace fs = std::filesystem;
constexpr std::size_t kRuleFileBytesMax = 16u << 20;
// The loader says what is too large for a list or a table.
constexpr std::size_t kDataFileBytesMax = (std::size_t{256} << 20) + 1;

Result<std::vector<std::string>> files_below(const std::string& folder) {
  const auto unreadable = [&](const std::error_code& error) {
    return fail(Errc::kIo, fmt::format("cannot read the folder {}: {}", folder, error.message()));
  };
  std::vector<std::string> found;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  if (error) return unreadable(error);
  for (; entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    std::error_code ignored;  // an entry that vanished is neither
    const bool is_hidden = path.filename().native().starts_with('.');
    if (is_hidden && entry->is_directory(ignored)) {
      entry.disable_recursion_pending();
    } else if (!is_hidden && path.extension() == ".tocsin" && !entry->is_directory(ignored)) {
      found.push_back(path.lexically_normal().string());
    }
  }
  if (error) return unreadable(error);
  if (found.empty()) {
    return fail(Errc::kNotFound, "there is no .tocsin file in the folder " + folder);
  }
  std::ranges::sort(found);
  return found;
}

// Closes a file descriptor when it goes.
class FileToRead {
 public:
  [[nodiscard]] explicit FileToRead(int number) : number_(number) {}
  ~FileToRead() {
    if (number_ >= 0) close(number_);
  }
  FileToRead(const FileToRead&) = delete;
  FileToRead& operator=(const FileToRead&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

// All that `descriptor` gives; kLimit beyond `bytes_max`, `limit_text` its message.
Result<std::string> read_all(int descriptor, std::size_t bytes_max, const char* limit_text) {
  std::string text;
  std::string block(64 * 1024, '\0');
  while (true) {
    const ssize_t size = read(descriptor, block.data(), block.size());
    if (size == 0) return text;
    if (size < 0) {
      if (errno == EINTR) continue;
      return fail(Errc::kIo, std::strerror(errno));
    }
    text.append(block, 0, static_cast<std::size_t>(size));
    if (text.size() > bytes_max) return fail(Errc::kLimit, limit_text);
  }
}
constexpr const char* kRuleFileTooLarge = "larger than 16 MiB";
}  // namespace

Result<std::vector<std::string>> find_rule_files(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  std::unordered_set<std::string> seen;
  for (const std::string& path : paths) {
    std::error_code ignored;  // the loader will report what cannot be looked at
    std::vector<std::string> named = {path};
    if (fs::is_directory(path, ignored)) {
      Result<std::vector<std::string>> below = files_below(path);
      if (!below) return below;
      named = std::move(*below);
    }
    for (std::string& file : named) {
      if (seen.insert(file).second) files.push_back(std::move(file));
    }
  }
  return files;
}

Result<std::string> read_rule_file(const std::string& path) {
  const FileToRead file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) {
    return fail(errno == ENOENT ? Errc::kNotFound : Errc::kIo, std::strerror(errno));
  }
  struct stat status = {};
  if (fstat(file.number(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return fail(Errc::kIo, std::strerror(EISDIR));
  }
  if (path.ends_with(".tocsin"))
    return read_all(file.number(), kRuleFileBytesMax, kRuleFileTooLarge);
  return read_all(file.number(), kDataFileBytesMax, "larger than 256 MiB");
}

Result<std::string> read_rules_from_standard_input() {
  return read_all(STDIN_FILENO, kRuleFileBytesMax, kRuleFileTooLarge);
}
}  // namespace tocsin::runtime
