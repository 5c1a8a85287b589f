#include "api/lsp/message_stream.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace tocsin::api {
namespace {
constexpr std::size_t kHeadBytesMax = 4096;

// Of a head's lines, the number behind Content-Length; nothing where it has none or a bad one.
std::optional<std::size_t> content_length(std::string_view head) {
  constexpr std::string_view kName = "content-length:";
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const bool is_length = line.size() > kName.size() &&
                           std::equal(kName.begin(), kName.end(), line.begin(), [](char a, char b) {
                             return a == std::tolower(static_cast<unsigned char>(b));
                           });
    if (!is_length) continue;
    line.remove_prefix(kName.size());
    while (line.starts_with(' ')) line.remove_prefix(1);
    std::size_t length = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), length);
    if (error != std::errc() || rest != line.data() + line.size()) return std::nullopt;
    return length;
  }
  return std::nullopt;
}
}  // namespace

StreamState MessageStream::malformed(std::string why) {
  problem_ = std::move(why);
  return StreamState::kMalformed;
}

StreamState MessageStream::take(nlohmann::json& message) {
  const std::size_t head_end = buffer_.find("\r\n\r\n");
  if (head_end == std::string::npos) {
    if (buffer_.size() > kHeadBytesMax) return malformed("a message without a head");
    return StreamState::kQuiet;
  }
  const std::optional<std::size_t> length =
      content_length(std::string_view(buffer_).substr(0, head_end));
  if (!length) return malformed("a head without `Content-Length: NUMBER`");
  if (*length > kMessageBytesMax) {
    return malformed(fmt::format("a message of {} bytes; at most {} are read", *length,
                                 std::size_t{kMessageBytesMax}));
  }
  const std::size_t begin = head_end + 4;
  if (buffer_.size() - begin < *length) return StreamState::kQuiet;
  message = nlohmann::json::parse(buffer_.begin() + static_cast<std::ptrdiff_t>(begin),
                                  buffer_.begin() + static_cast<std::ptrdiff_t>(begin + *length),
                                  nullptr, false);
  buffer_.erase(0, begin + *length);
  if (message.is_discarded() || !message.is_object()) return malformed("a body that is no object");
  return StreamState::kMessage;
}

StreamState MessageStream::read(std::chrono::milliseconds patience, nlohmann::json& message) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (true) {
    const StreamState state = take(message);
    if (state != StreamState::kQuiet) return state;
    if (ended_)
      return buffer_.empty() ? StreamState::kEnd : malformed("the input ends in a message");
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd waited{in_, POLLIN, 0};
    const int ready = poll(&waited, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return StreamState::kQuiet;
    std::array<char, 65536> bytes;
    const ssize_t count = ::read(in_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      ended_ = true;
    } else {
      buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    }
  }
}

Result<void> MessageStream::write(const nlohmann::json& message) {
  const std::string body = message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string text = fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t count = ::write(out_, text.data() + at, text.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Errc::kIo, std::strerror(errno));
    at += static_cast<std::size_t>(count);
  }
  return {};
}
}  // namespace tocsin::api
