/// The records of CSV (RFC 4180) and their fields, found in place.
///
/// A record ends with a line feed, or a carriage return and one, outside quotes; the last may lack
/// it. A field that begins with a quote ends with the next quote that is not doubled; a quote
/// anywhere else is a character. A record whose quotes are broken (one is not closed, or text
/// follows one that closes), or that goes over several lines and has more bytes than are allowed,
/// is its first line alone, and the next record begins behind it: one bad quote costs one line.
///
/// Where a record ends is a function of its bytes, wherever the input was cut.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tocsin::runtime {
/// A byte order mark at a record's beginning is no part of it.
inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct CsvRecord {
  enum class Kind : std::uint8_t {
    kWhole,
    kBroken,  // one line of which the quotes are broken
    kOpen,    // more bytes are needed to know
  };
  Kind kind = Kind::kOpen;
  std::size_t size = 0;    // in bytes, with its end; 0: kOpen
  bool has_lines = false;  // kWhole: it goes over several lines
};
/// The record at the front of `text`, which is not empty. `bytes_max`: of a record without its end.
/// `is_all`: nothing follows the text, so that it is never kOpen.
CsvRecord find_csv_record(std::string_view text, char separator, std::size_t bytes_max,
                          bool is_all);
/// Bytes of `text` up to the end of its last record that is not kOpen, with nothing known of what
/// follows.
std::size_t whole_csv_records(std::string_view text, char separator, std::size_t bytes_max);

struct CsvField {
  std::string_view text;  // inside its quotes, where it has some
  bool is_quoted = false;
  bool has_doubled = false;  // quotes inside, which stand there twice
  bool is_missing() const { return text.empty() && !is_quoted; }
};
/// The fields of a record that is whole, without its end and a byte order mark; at least one.
/// kLinePadding bytes behind the record are readable.
void split_csv_record(std::string_view record, char separator, std::vector<CsvField>& fields);
/// Of a line whose quotes are broken: the field (from 0) that has the broken quote, and whether it
/// is closed on the line, with text behind.
struct BrokenQuote {
  std::size_t field = 0;
  bool is_closed = false;
};
BrokenQuote find_broken_quote(std::string_view line, char separator);
/// A line or record without its end.
std::string_view without_line_end(std::string_view record);
}  // namespace tocsin::runtime
