#include "api/base/output_file.h"
#include "api/base/named_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tocsin::api {
namespace {
constexpr std::size_t kBufferBytes = 64 * 1024;

bool is_regular_file(int descriptor) {
  struct stat status = {};
  return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}
}  // namespace

Result<OutputFile> OutputFile::open(const std::string& path) {
  if (path == "-")
    return OutputFile("standard output", STDOUT_FILENO, !is_regular_file(STDOUT_FILENO));
  const int descriptor = open_named_file(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (descriptor < 0) {
    return fail(Errc::kIo, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  }
  return OutputFile(path, descriptor, !is_regular_file(descriptor));
}

Result<OutputFile> OutputFile::open_end(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor < 0) {
    return fail(Errc::kIo, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  }
  return OutputFile(path, descriptor, !is_regular_file(descriptor));
}

bool OutputFile::is_regular(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

OutputFile::OutputFile(std::string name, int descriptor, bool by_line)
    : name_(std::move(name)), descriptor_(descriptor), by_line_(by_line) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : name_(std::move(other.name_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      by_line_(other.by_line_),
      buffer_(std::move(other.buffer_)),
      error_(std::move(other.error_)) {}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0 && descriptor_ != STDOUT_FILENO) ::close(descriptor_);
}

Result<void> OutputFile::failed(int error_number) {
  error_ = fmt::format("cannot write {}: {}", name_, std::strerror(error_number));
  buffer_.clear();
  return fail(Errc::kIo, error_);
}

Result<void> OutputFile::write_line(std::string_view line) {
  Result<void> written = write_line_of_many(line);
  return written && by_line_ ? flush() : written;
}

Result<void> OutputFile::write_line_of_many(std::string_view line) {
  if (!error_.empty()) return fail(Errc::kIo, error_);
  buffer_.append(line).push_back('\n');
  if (buffer_.size() >= kBufferBytes) return flush();
  return {};
}

Result<void> OutputFile::flush() {
  if (!error_.empty()) return fail(Errc::kIo, error_);
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return failed(errno);
    }
  }
  buffer_.clear();
  return {};
}

Result<void> OutputFile::close() {
  Result<void> flushed = flush();
  const int descriptor = std::exchange(descriptor_, -1);
  // A network file system may report a full disk only here.
  if (descriptor >= 0 && descriptor != STDOUT_FILENO && ::close(descriptor) != 0 && flushed) {
    return failed(errno);
  }
  return flushed;
}

bool OutputFile::is_terminal() const { return descriptor_ >= 0 && isatty(descriptor_) == 1; }

bool is_same_file(const std::string& a, const std::string& b) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (fs::exists(a, ignored) && fs::exists(b, ignored)) {
    // Several outputs may well go to /dev/null or one terminal.
    return fs::is_regular_file(a, ignored) && fs::equivalent(a, b, ignored);
  }
  return fs::weakly_canonical(fs::absolute(a, ignored), ignored) ==
         fs::weakly_canonical(fs::absolute(b, ignored), ignored);
}
}  // namespace tocsin::api
