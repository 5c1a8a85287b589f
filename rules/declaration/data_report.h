/// What is wrong in a data file: the first few places in full, the rest counted.
#pragma once
#include <cstddef>
#include <optional>
#include <string>

#include "rules/context/check_context.h"
#include "rules/context/data_files.h"

namespace tocsin::rules {
inline constexpr std::size_t kDataReportsMax = 10;

class DataReport {
 public:
  /// `from`: where the rule file names it.
  DataReport(CheckContext& context, DataFile& file, SourceSpan from)
      : context_(context), file_(file), from_(from) {}
  ~DataReport();
  DataReport(const DataReport&) = delete;
  DataReport& operator=(const DataReport&) = delete;

  /// Reports something at bytes [begin, end) of the file.
  void add(Code code, std::size_t begin, std::size_t end, std::string message,
           std::string label = {}, std::string help = {});
  SourceSpan span(std::size_t begin, std::size_t end) {
    return context_.data.span(file_, begin, end);
  }
  std::size_t count() const { return count_; }

 private:
  CheckContext& context_;
  DataFile& file_;
  SourceSpan from_;
  std::size_t count_ = 0;
  std::optional<Diagnostic> last_;
};

/// The file that a list or table names, read and looked at as a whole: there, not too large, valid
/// UTF-8. Null where it is not, which has been reported.
DataFile* open_data_file(CheckContext& context, const tree::StringLiteral& from);
/// What a value looks like in data (cep/value/value_text.h): "a date, `2027-01-31`".
std::string data_value_help(const cep::Type& type);
}  // namespace tocsin::rules
