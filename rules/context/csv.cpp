#include "rules/context/csv.h"

#include <algorithm>
#include <utility>

namespace tocsin::rules {
bool CsvReader::at_line_end() const {
  return at_ >= text_.size() || text_[at_] == '\n' ||
         (text_[at_] == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] == '\n'));
}

void CsvReader::pass_line_end() {
  if (at_ < text_.size() && text_[at_] == '\r') ++at_;
  if (at_ < text_.size() && text_[at_] == '\n') ++at_;
}

bool CsvReader::fail(std::string problem, std::size_t begin, std::size_t end) {
  problem_ = std::move(problem);
  begin_ = begin;
  end_ = end;
  at_ = std::min(text_.find('\n', std::min(end, text_.size())), text_.size());
  return false;
}

bool CsvReader::read_cell(CsvCell& cell) {
  cell.begin = at_;
  if (at_ < text_.size() && text_[at_] == '"') {
    cell.quoted = true;
    ++at_;
    while (true) {
      const std::size_t quote = text_.find('"', at_);
      if (quote == std::string_view::npos) {
        const std::size_t line = std::min(text_.find('\n', cell.begin), text_.size());
        at_ = text_.size();
        problem_ = "a quoted cell that does not end";
        begin_ = cell.begin;
        end_ = line;
        return false;
      }
      cell.text += text_.substr(at_, quote - at_);
      at_ = quote + 1;
      if (at_ >= text_.size() || text_[at_] != '"') break;
      cell.text += '"';
      ++at_;
    }
    cell.end = at_;
    if (!at_line_end() && text_[at_] != ',') {
      return fail("text after the end of a quoted cell", at_, at_ + 1);
    }
    return true;
  }
  while (!at_line_end() && text_[at_] != ',') {
    if (text_[at_] == '"') {
      return fail("a quote inside a cell that does not begin with one", at_, at_ + 1);
    }
    cell.text += text_[at_++];
  }
  cell.end = at_;
  return true;
}

std::optional<char> foreign_separator(std::string_view text) {
  bool quoted = false;
  std::optional<char> found;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') break;
    if (c == ',') return std::nullopt;
    if (!found && (c == ';' || c == '\t' || c == '|')) found = c;
  }
  return found;
}

std::string_view separator_name(char separator) {
  return separator == ';' ? "semicolons" : separator == '|' ? "bars" : "tabs";
}

CsvReader::Outcome CsvReader::next(std::vector<CsvCell>& cells) {
  cells.clear();
  while (at_ < text_.size() && at_line_end()) pass_line_end();
  if (at_ >= text_.size()) return Outcome::kEnd;
  while (true) {
    cells.emplace_back();
    if (!read_cell(cells.back())) return Outcome::kMalformed;
    if (at_line_end()) break;
    ++at_;  // the comma
  }
  pass_line_end();
  return Outcome::kRow;
}
}  // namespace tocsin::rules
