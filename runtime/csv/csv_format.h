/// How the rows of one input are read: its separator, its columns, and what the options say.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::runtime {
struct CsvFormat {
  char separator = ',';
  bool has_header = true;  // the first record names the columns, and is no row
  bool has_decimal_comma = false;
  std::string type;                  // of every row; empty: the column `type` has it
  std::vector<std::string> columns;  // as events are to name them, each once; empty: passed over
  friend bool operator==(const CsvFormat&, const CsvFormat&) = default;
};
/// One line of JSON, by which a file is known again.
std::string write_csv_format(const CsvFormat& format);
/// Nothing for anything but what write_csv_format() gives.
std::optional<CsvFormat> read_csv_format(std::string_view text);

/// "comma", "semicolon", "tab", "pipe"; the character itself for another.
std::string separator_name(char separator);
/// The separator of that name; nothing for another word.
std::optional<char> separator_of(std::string_view name);
/// The separators that are recognised, the likeliest first.
inline constexpr std::string_view kCsvSeparators = ",;\t|";
}  // namespace tocsin::runtime
