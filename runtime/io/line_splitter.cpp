#include "runtime/io/line_splitter.h"

namespace tocsin::runtime {
void LineSplitter::begin(std::string_view block) {
  block_ = block;
  marked_.begin(block);
  at_ = 0;
}

bool LineSplitter::next(Line& line) {
  while (at_ < block_.size()) {
    const std::size_t found = block_.find('\n', at_);
    const bool has_end = found != std::string_view::npos;
    const std::string_view text = block_.substr(at_, has_end ? found - at_ : found);
    at_ = has_end ? found + 1 : block_.size();
    if (place_.is_within) {
      place_.is_within = !has_end;
      continue;
    }
    ++place_.number;
    place_.is_within = !has_end && text.size() > line_bytes_max_ + kLineBytesUncounted;
    if (!make_line(text, place_.number, line_bytes_max_, line)) continue;
    line.marked = &marked_;
    return true;
  }
  return false;
}
}  // namespace tocsin::runtime
