#include "runtime/decode/marked_lines.h"

#include <algorithm>
#include <cstring>

namespace tocsin::runtime {
// Whole lines, from this one on: as many as a piece may have, or one that is longer. Without any
// line end the line is left to itself.
void MarkedLines::mark_piece(std::string_view line) {
  is_marked_ = false;
  piece_ = {};
  if (!is_in(text_, line)) return;
  const std::string_view rest = text_.substr(static_cast<std::size_t>(line.data() - text_.data()));
  const std::size_t some = std::min(rest.size(), kPieceBytes);
  const void* feed = ::memrchr(rest.data(), '\n', some);
  if (feed == nullptr) feed = std::memchr(rest.data() + some, '\n', rest.size() - some);
  if (feed == nullptr) {
    piece_ = rest;
    return;
  }
  const char* const end = static_cast<const char*>(feed) + 1;
  piece_ = rest.substr(0, static_cast<std::size_t>(end - rest.data()));
  is_marked_ = scanner_.scan(piece_) == JsonFault::kNone;
  if (is_marked_) next_ = scanner_.marks().begin;
}

void MarkedLines::find_first(std::uint32_t offset) {
  const JsonMarks& marks = scanner_.marks();
  next_ = std::lower_bound(marks.begin, marks.end, offset);
}
}  // namespace tocsin::runtime
