#include "runtime/csv/csv_rows.h"

#include <algorithm>

namespace tocsin::runtime {
void CsvRows::begin(std::string_view block, const CsvEvents& events, std::size_t bytes_max,
                    bool is_first) {
  rest_ = block;
  events_ = &events;
  bytes_max_ = bytes_max;
  is_header_ = is_first && events.format().has_header;
}

bool CsvRows::next(CsvRow& row, JsonBuffer& json) {
  if (rest_.empty()) return false;
  const CsvRecord record =
      find_csv_record(rest_, events_->format().separator, bytes_max_, /*is_all=*/true);
  const std::string_view bytes = rest_.substr(0, record.size);
  rest_.remove_prefix(record.size);
  row.text = without_line_end(bytes);
  row.size = record.size;
  row.line_count =
      record.has_lines ? static_cast<std::uint64_t>(std::ranges::count(bytes, '\n')) : 1;
  if (record.has_lines && !bytes.ends_with('\n')) ++row.line_count;  // the last of the input
  const bool is_header = is_header_;
  is_header_ = false;
  if (is_header || row.text.find_first_not_of(' ') == std::string_view::npos) {
    row.kind = CsvRow::Kind::kNothing;
  } else if (row.text.size() > bytes_max_) {
    row.kind = CsvRow::Kind::kTooLong;
  } else if (record.kind == CsvRecord::Kind::kBroken) {
    row.kind = CsvRow::Kind::kRejected;
    reason_ = events_->broken_reason(row.text);
  } else {
    const bool is_event = events_->append(row.text, fields_, json, reason_);
    row.kind = is_event ? CsvRow::Kind::kEvent : CsvRow::Kind::kRejected;
  }
  return true;
}
}  // namespace tocsin::runtime
