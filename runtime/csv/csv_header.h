/// How an input of CSV is to be read: by its first record, and by what was asked for.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/csv/csv_format.h"

namespace tocsin::runtime {
/// What the options say of all inputs that are CSV.
struct CsvOptions {
  std::optional<char> separator;     // nothing: recognised
  std::string type;                  // of each row; empty: the column `type` has it
  std::vector<std::string> columns;  // of inputs without a header
  std::vector<std::pair<std::string, std::string>>
      renames;  // a header's name, and what it is to be
  bool has_decimal_comma = false;
  /// Whether any of them was said.
  bool is_given() const {
    return separator || !type.empty() || !columns.empty() || !renames.empty() || has_decimal_comma;
  }
};
/// The first record of an input must end within so many bytes.
inline constexpr std::size_t kCsvHeaderBytesMax = std::size_t{64} << 10;
/// Recognises the format by the first bytes of `file`, at least kCsvHeaderBytesMax where it has as
/// many. Fails with kInvalidArgument, saying what to do, where no event could be read so: no
/// header, a column named twice, no type or no event time.
Result<CsvFormat> recognise_csv(std::string_view beginning, const CsvOptions& options,
                                const cep::Plan& plan, std::string_view file);
/// "FILE: CSV, separated by commas, 5 columns, rows of `payment`; no event type reads `a`, `b`".
std::string describe_csv(const CsvFormat& format, const cep::Plan& plan, std::string_view file);
}  // namespace tocsin::runtime
