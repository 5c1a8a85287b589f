#include "api/base/ack_file.h"
#include "api/base/named_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

namespace tocsin::api {
namespace {
// Whoever reads the file sees the old number or the new one.
Result<void> write_number(const std::string& path, std::uint64_t lines) {
  const auto failed = [&](int error) {
    return fail(Errc::kIo, fmt::format("cannot write {}: {}", path, std::strerror(error)));
  };
  const std::string unfinished = path + ".new";
  const int descriptor = open_named_file(unfinished, O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (descriptor < 0) return failed(errno);
  const std::string text = fmt::format("{}\n", lines);
  std::string_view rest = text;
  int error = 0;
  while (!rest.empty() && error == 0) {
    const ssize_t written = ::write(descriptor, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (::close(descriptor) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(unfinished.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) return failed(error);
  return {};
}
}  // namespace

Result<void> AckFile::remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail(Errc::kIo, fmt::format("cannot remove {}, the number of an earlier start: {}", path,
                                     std::strerror(errno)));
}

Result<void> AckFile::begin(const std::string& path, std::uint64_t lines) {
  return write_number(path, lines);
}

void AckFile::taken(std::uint64_t sequence, std::uint64_t lines) {
  const std::lock_guard lock(mutex_);
  waiting_.emplace_back(sequence, lines);
  // It may be on disk already.
  write_durable();
}

void AckFile::durable(std::uint64_t durable_end) {
  const std::lock_guard lock(mutex_);
  durable_end_ = durable_end;
  write_durable();
}

void AckFile::write_durable() {
  std::optional<std::uint64_t> lines;
  while (!waiting_.empty() && waiting_.front().first < durable_end_) {
    lines = waiting_.front().second;
    waiting_.pop_front();
  }
  if (!lines) return;
  const Result<void> written = write_number(path_, *lines);
  if (!written && failure_.empty()) failure_ = written.error().message;
}

std::string AckFile::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}
}  // namespace tocsin::api
