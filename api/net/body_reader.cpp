#include "api/net/body_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace tocsin::api {
namespace {
constexpr std::size_t kFirstBytes = 4096;
}  // namespace

BodyReader::BodyReader(const RequestHead& head, std::uint64_t bytes_max, BodyBudget* budget,
                       const std::string& asker)
    : bytes_left_(head.content_bytes.value_or(0)),
      bytes_most_(head.is_chunked ? bytes_max : bytes_left_) {
  if (head.is_chunked) chunks_.emplace(bytes_max);
  if (budget != nullptr) hold_.emplace(*budget, asker);
}

HttpFault BodyReader::too_long(std::uint64_t bytes_max) {
  return {413, fmt::format("the body is longer than {} bytes", bytes_max)};
}

tl::expected<std::size_t, HttpFault> BodyReader::read(std::string_view bytes) {
  if (!chunks_) {
    bytes = bytes.substr(
        0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), bytes_left_)));
    if (auto appended = append(bytes); !appended) return tl::unexpected(appended.error());
    bytes_left_ -= bytes.size();
    return bytes.size();
  }
  std::size_t used = 0;
  while (used < bytes.size() && !chunks_->is_done()) {
    const auto step = chunks_->read(bytes.substr(used));
    if (!step) return tl::unexpected(step.error());
    used += step->used;
    if (auto appended = append(step->data); !appended) return tl::unexpected(appended.error());
  }
  return used;
}

// What is reserved is counted before it is: while the body grows, its old and its new place are.
tl::expected<void, HttpFault> BodyReader::append(std::string_view bytes) {
  const std::size_t before = body_.capacity();
  const std::size_t wanted = body_.size() + bytes.size();
  if (wanted > before) {
    const std::size_t most =
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes_most_, SIZE_MAX));
    const std::size_t after = std::max(wanted, std::min(std::max(2 * before, kFirstBytes), most));
    if (hold_ && !hold_->add(after)) {
      return tl::unexpected(HttpFault{503, std::string(kNoRoomForBody)});
    }
    std::string larger;
    larger.reserve(after);
    larger += body_;
    body_ = std::move(larger);
    if (hold_) hold_->give_back(counted_);
    counted_ = after;
  }
  body_ += bytes;
  return {};
}
}  // namespace tocsin::api
