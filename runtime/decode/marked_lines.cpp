#include "runtime/decode/marked_lines.h"

#include <algorithm>
#include <cstring>

namespace tocsin::runtime {
void MarkedLines::begin(std::string_view text) {
  text_ = text;
  const void* const feed = text.empty() ? nullptr : ::memrchr(text.data(), '\n', text.size());
  lines_end_ = feed == nullptr ? text.data() : static_cast<const char*>(feed) + 1;
  piece_ = {};
  is_marked_ = false;
  separated_ = {};
  is_separated_ = false;
  place_ = {};
}

// The lines from `at` on that have about so many bytes, or one that has more. Empty where not even
// one has its end.
std::string_view MarkedLines::whole_lines(const char* at, std::size_t bytes) const {
  if (at >= lines_end_) return {};
  const auto rest = static_cast<std::size_t>(lines_end_ - at);
  const std::size_t some = std::min(rest, bytes);
  const void* feed = ::memrchr(at, '\n', some);
  if (feed == nullptr) feed = std::memchr(at + some, '\n', rest - some);
  return {at, static_cast<std::size_t>(static_cast<const char*>(feed) + 1 - at)};
}

// Whole lines, from this one on. Where lines of known forms stand between those that are asked for,
// fewer are marked.
void MarkedLines::mark_piece(std::string_view line) {
  const bool is_next = line.data() == piece_.data() + piece_.size() && asked_ * 2 > piece_.size();
  piece_bytes_ = is_next ? std::min(piece_bytes_ * 4, kPieceBytesMax) : kPieceBytesMin;
  asked_ = 0;
  is_marked_ = false;
  piece_ = {};
  if (!is_in(text_, line)) return;
  piece_ = whole_lines(line.data(), piece_bytes_);
  if (piece_.empty()) {
    piece_ = text_.substr(static_cast<std::size_t>(line.data() - text_.data()));
    return;
  }
  is_marked_ = scanner_.scan(piece_) == JsonFault::kNone;
  if (is_marked_) next_ = scanner_.marks().begin;
}

void MarkedLines::find_first(std::uint32_t offset) {
  const JsonMarks& marks = scanner_.marks();
  next_ = std::lower_bound(marks.begin, marks.end, offset);
}

SeparatedLine MarkedLines::find_place(const char* at) {
  if (!is_in(separated_, {at, 1})) {
    place_ = {};
    is_separated_ = false;
    separated_ = is_in(text_, {at, 1}) ? whole_lines(at, kPieceBytesMax) : std::string_view();
    if (separated_.empty()) return {};
    is_separated_ = separators_.scan(separated_);
  }
  if (!is_separated_) return {};
  const auto begin = static_cast<std::uint32_t>(at - separated_.data());
  const std::uint32_t* const before =
      std::lower_bound(separators_.begin(), separators_.end(), begin) - 1;
  if (*before + 1 != begin) return {};
  place_ = {&separators_, separated_.data(), before, separators_.quotes_before(begin)};
  return place_;
}
}  // namespace tocsin::runtime
