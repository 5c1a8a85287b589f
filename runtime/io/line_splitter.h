/// The lines of blocks of bytes, as runtime/io/line_source.h gives them of a whole input, or the
/// rows of CSV as such lines: what is a line is the same wherever an input was cut into blocks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/csv/csv_events.h"
#include "runtime/csv/csv_rows.h"
#include "runtime/io/line_source.h"

namespace tocsin::runtime {
/// How far the lines of a source were split.
struct LinePlace {
  std::uint64_t number = 0;  // of the last line, blank ones counted
  bool is_within = false;    // in the rest of a line that was too long, which is passed over
  friend bool operator==(const LinePlace&, const LinePlace&) = default;
};

/// Blocks end with a line feed, those of CSV behind a record, but for the last of a source, and for
/// one within a line of more than `line_bytes_max` bytes. Threading: one caller at a time.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}
  /// Begins a block, which goes on where the last one ended. kLinePadding bytes behind it are
  /// readable, and no brackets. `csv`: it has rows of CSV.
  void begin(std::string_view block, const CsvEvents* csv = nullptr);
  /// The next line of the block, its text within it or, of CSV, valid until the next call; false at
  /// the end.
  bool next(Line& line);
  /// Bytes of the block up to the end of the last line that was given; all at the end.
  std::size_t consumed() const { return at_; }
  const LinePlace& place() const { return place_; }
  /// Goes on from there: with what another one's place() gave.
  void resume(const LinePlace& place) { place_ = place; }

 private:
  bool next_row(Line& line);

  std::size_t line_bytes_max_;
  std::string_view block_;
  std::size_t at_ = 0;
  LinePlace place_;
  MarkedLines marked_;
  bool is_csv_ = false;
  CsvRows rows_;
  JsonBuffer json_;
};
}  // namespace tocsin::runtime
