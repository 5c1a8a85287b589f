/// Comma-separated values (RFC 4180), a row at a time.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::rules {
struct CsvCell {
  std::string text;       // without its quotes
  bool quoted = false;    // an empty quoted cell is empty text, one without quotes is missing
  std::size_t begin = 0;  // its bytes in the file, with the quotes
  std::size_t end = 0;
};
/// Reads rows; lines end in LF or CRLF, blank ones are passed over, a quoted cell may hold line
/// ends and doubled quotes.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }
  enum class Outcome { kRow, kEnd, kMalformed };
  /// The next row's cells. After kMalformed, problem() says what stands at [begin(), end()), and
  /// the next call goes on after that line.
  Outcome next(std::vector<CsvCell>& cells);
  const std::string& problem() const { return problem_; }
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return end_; }

 private:
  bool read_cell(CsvCell& cell);
  bool at_line_end() const;
  void pass_line_end();
  bool fail(std::string problem, std::size_t begin, std::size_t end);

  std::string_view text_;
  std::size_t at_ = 0;
  std::string problem_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};
/// What separates the cells of a row in another form of this format: `;`, a tab or `|` where the
/// row has some and no comma, outside of quotes; else none. `text` begins with the row.
std::optional<char> foreign_separator(std::string_view text);
/// Its name: "semicolons".
std::string_view separator_name(char separator);
}  // namespace tocsin::rules
