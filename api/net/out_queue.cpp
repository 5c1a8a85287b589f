#include "api/net/out_queue.h"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

namespace tocsin::api {
namespace {
constexpr std::size_t kPiecesAtOnce = 16;
}  // namespace

void OutQueue::add(std::string bytes) {
  add(std::make_shared<const std::string>(std::move(bytes)));
}
void OutQueue::add(SharedBytes bytes) {
  if (!bytes->empty()) pieces_.push_back(std::move(bytes));
}

void OutQueue::add_chunk(std::vector<SharedBytes> pieces, bool is_chunked) {
  std::size_t bytes = 0;
  for (const SharedBytes& piece : pieces) bytes += piece->size();
  if (bytes == 0) return;
  if (is_chunked) add(fmt::format("{:x}\r\n", bytes));
  for (SharedBytes& piece : pieces) add(std::move(piece));
  if (is_chunked) add("\r\n");
}

Transport::State OutQueue::send(Transport& transport) {
  while (!is_empty()) {
    std::array<std::string_view, kPiecesAtOnce> parts;
    std::size_t count = 0;
    for (std::size_t i = next_; i < pieces_.size() && count < parts.size(); ++i) {
      parts[count++] = *pieces_[i];
    }
    parts[0].remove_prefix(sent_);
    const Transport::Result result = transport.write(std::span(parts).first(count));
    if (result.state != Transport::State::kDone) return result.state;
    sent_ += result.bytes;
    while (!is_empty() && sent_ >= pieces_[next_]->size()) {
      sent_ -= pieces_[next_]->size();
      pieces_[next_++].reset();
    }
  }
  clear();
  return Transport::State::kDone;
}

// Gives its memory back: those that wait for a request are many.
void OutQueue::clear() {
  pieces_ = {};
  next_ = 0;
  sent_ = 0;
}
}  // namespace tocsin::api
