/// The rows of a block of CSV, one after the other, as the JSON lines of events.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/csv/csv_events.h"
#include "runtime/csv/csv_records.h"

namespace tocsin::runtime {
struct CsvRow {
  enum class Kind : std::uint8_t {
    kEvent,     // its JSON line was appended
    kRejected,  // for CsvRows::reason()
    kTooLong,
    kNothing,  // blank, or the header
  };
  Kind kind = Kind::kNothing;
  std::string_view text;         // without its end, within the block
  std::size_t size = 0;          // with it
  std::uint64_t line_count = 1;  // lines of the file that it goes over
};
/// Blocks hold whole records (whole_csv_records()): what has no end is broken. Threading: one
/// caller at a time.
class CsvRows {
 public:
  /// Begins a block; kLinePadding bytes behind it are readable. `events` must outlive it.
  /// `bytes_max`: of a row without its end. `is_first`: the block begins the input.
  void begin(std::string_view block, const CsvEvents& events, std::size_t bytes_max, bool is_first);
  /// The next row, of which an event is appended to `json`, without a line end; false at the end.
  bool next(CsvRow& row, JsonBuffer& json);
  /// Why the last row was rejected.
  const std::string& reason() const { return reason_; }

 private:
  std::string_view rest_;
  const CsvEvents* events_ = nullptr;
  std::size_t bytes_max_ = 0;
  bool is_header_ = false;  // the next record
  std::vector<CsvField> fields_;
  std::string reason_;
};
}  // namespace tocsin::runtime
