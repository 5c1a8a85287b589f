/// A table for a terminal: the first column to the left, numbers to the right.
#pragma once
#include <string>
#include <vector>

namespace tocsin::api {
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) : rows_{std::move(head)} {}
  /// A row of as many cells as the head has.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// Lines indented by two blanks, with their ends. A column of numbers is one whose cells below
  /// the head all begin with a digit, or are `-` or empty.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};
}  // namespace tocsin::api
