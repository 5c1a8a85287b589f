#include "runtime/io/line_splitter.h"

#include <algorithm>

namespace tocsin::runtime {
void LineSplitter::begin(std::string_view block, const CsvEvents* csv) {
  block_ = block;
  at_ = 0;
  is_csv_ = csv != nullptr;
  if (!is_csv_) {
    marked_.begin(block);
    return;
  }
  if (place_.is_within) {
    const std::size_t feed = block.find('\n');
    place_.is_within = feed == std::string_view::npos;
    at_ = place_.is_within ? block.size() : feed + 1;
  }
  rows_.begin(block.substr(at_), *csv, line_bytes_max_, place_.number == 0);
}

bool LineSplitter::next_row(Line& line) {
  CsvRow row;
  json_.clear();
  while (rows_.next(row, json_)) {
    at_ += row.size;
    line = Line{row.text, place_.number + 1};
    place_.number += row.line_count;
    switch (row.kind) {
      case CsvRow::Kind::kNothing:
        continue;
      case CsvRow::Kind::kTooLong:
        place_.is_within = !block_.substr(0, at_).ends_with('\n') &&
                           row.size > line_bytes_max_ + kLineBytesUncounted;
        line.too_long = true;
        line.text = row.text.substr(0, std::min(line_bytes_max_, kLinePrefixBytesMax));
        return true;
      case CsvRow::Kind::kRejected:
        line.fault = rows_.reason();
        return true;
      case CsvRow::Kind::kEvent:
        line.text = json_.padded();
        return true;
    }
  }
  return false;
}

bool LineSplitter::next(Line& line) {
  if (is_csv_) return next_row(line);
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
