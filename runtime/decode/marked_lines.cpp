#include "runtime/decode/marked_lines.h"

#include <algorithm>

namespace tocsin::runtime {
// Whole lines, from this one on. Without any line end the line is left to itself.
void MarkedLines::mark_piece(std::string_view line) {
  is_marked_ = false;
  piece_ = {};
  if (!is_in(text_, line)) return;
  const auto begin = static_cast<std::size_t>(line.data() - text_.data());
  const std::string_view some = text_.substr(begin, kPieceBytes);
  const std::size_t end = some.rfind('\n');
  if (end == std::string_view::npos) return;
  piece_ = some.substr(0, end + 1);
  is_marked_ = scanner_.scan(piece_) == JsonFault::kNone;
  if (is_marked_) next_ = scanner_.marks().begin;
}

void MarkedLines::find_first(std::uint32_t offset) {
  const JsonMarks& marks = scanner_.marks();
  next_ = std::lower_bound(marks.begin, marks.end, offset);
}
}  // namespace tocsin::runtime
