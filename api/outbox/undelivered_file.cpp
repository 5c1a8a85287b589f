#include "api/outbox/undelivered_file.h"
#include "api/base/named_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

namespace tocsin::api {
namespace {
constexpr std::size_t kBufferBytes = 64 * 1024;

// A JSON string; what is not UTF-8 in it is replaced.
std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string format_line(const Undelivered& undelivered, const std::string& url) {
  const Delivery& delivery = undelivered.delivery;
  std::string line =
      fmt::format(R"({{"alert":{},"revision":{},"webhook_id":{},"url":{},"attempts":{})",
                  json_string(delivery.alert_id), delivery.revision,
                  json_string(delivery.webhook_id), json_string(url), undelivered.attempts);
  if (undelivered.last_status != 0) line += fmt::format(R"(,"status":{})", undelivered.last_status);
  if (!undelivered.last_error.empty())
    line += fmt::format(R"(,"error":{})", json_string(undelivered.last_error));
  // The bytes of the body as they are, where that keeps the line one JSON text.
  const bool is_json_line =
      delivery.payload.find('\n') == std::string::npos && nlohmann::json::accept(delivery.payload);
  line += fmt::format(R"(,"payload":{}}})",
                      is_json_line ? delivery.payload : json_string(delivery.payload));
  return line;
}
}  // namespace

Result<UndeliveredFile> UndeliveredFile::open(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CLOEXEC;
  bool is_new = false;
  int descriptor = ::open(path.c_str(), kFlags);
  if (descriptor < 0 && errno == ENOENT) {
    is_new = true;
    descriptor = open_named_file(path, kFlags);
  }
  if (descriptor < 0) {
    return fail(Errc::kIo,
                fmt::format("cannot write {}: {}", path, std::generic_category().message(errno)));
  }
  return UndeliveredFile(path, descriptor, is_new);
}

UndeliveredFile::UndeliveredFile(UndeliveredFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      is_new_(other.is_new_),
      bytes_written_(other.bytes_written_),
      buffer_(std::move(other.buffer_)),
      error_(std::move(other.error_)) {}

UndeliveredFile::~UndeliveredFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> UndeliveredFile::write(const Undelivered& undelivered, const std::string& url) {
  if (!error_.empty()) return fail(Errc::kIo, error_);
  buffer_ += format_line(undelivered, url);
  buffer_ += '\n';
  return buffer_.size() >= kBufferBytes ? flush() : Result<void>{};
}

Result<void> UndeliveredFile::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) {
      error_ = fmt::format("cannot write {}: {}", path_, std::generic_category().message(errno));
      buffer_.clear();
      return fail(Errc::kIo, error_);
    }
    if (written > 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
      bytes_written_ += static_cast<std::uint64_t>(written);
    }
  }
  buffer_.clear();
  return {};
}

Result<void> UndeliveredFile::close() {
  Result<void> outcome = error_.empty() ? flush() : Result<void>(fail(Errc::kIo, error_));
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor >= 0 && ::close(descriptor) != 0 && outcome) {
    outcome = fail(Errc::kIo, fmt::format("cannot write {}: {}", path_,
                                          std::generic_category().message(errno)));
  }
  if (outcome && is_new_ && bytes_written_ == 0) ::unlink(path_.c_str());
  return outcome;
}
}  // namespace tocsin::api
