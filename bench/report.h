/// The figures of one row, as a line of JSON beside those of other programs.
#pragma once
#include <fmt/format.h>

#include <fstream>
#include <string>

#include "bench/many_keys.h"

namespace tocsin::bench {
class Report {
 public:
  /// Names and notes have no character that JSON escapes.
  explicit Report(const std::string& name, const std::string& note = "") {
    text_ = fmt::format(R"({{"name":"{}")", name);
    if (!note.empty()) text_ += fmt::format(R"(,"note":"{}")", note);
  }
  void add(const char* name, double value) { text_ += fmt::format(R"(,"{}":{})", name, value); }
  /// Adds the line to the end of a file.
  void append_to(const std::string& path) const {
    std::ofstream out(path, std::ios::app);
    out << text_ << "}\n";
    if (!out.flush()) die("cannot write " + path);
  }

 private:
  std::string text_;
};
}  // namespace tocsin::bench
