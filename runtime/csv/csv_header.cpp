#include "runtime/csv/csv_header.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "cep/plan/plan.h"
#include "runtime/csv/csv_names.h"
#include "runtime/csv/csv_records.h"
#include "runtime/decode/marked_lines.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kNamesMax = 8;  // that a message lists

std::string quoted_list(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < names.size() && i < kNamesMax; ++i) {
    list += fmt::format("{}`{}`", i == 0 ? "" : ", ", names[i]);
  }
  if (names.size() > kNamesMax) list += fmt::format(" and {} more", names.size() - kNamesMax);
  return list;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::vector<const cep::EventType*> types_of(const cep::Plan& plan, const std::string& type) {
  std::vector<const cep::EventType*> types;
  for (const cep::EventType& one : plan.event_types) {
    if (!one.is_alert() && (type.empty() || one.json_type == type)) types.push_back(&one);
  }
  return types;
}
std::string type_list(const std::vector<const cep::EventType*>& types) {
  std::vector<std::string> names;
  for (const cep::EventType* type : types) names.push_back(type->json_type);
  return quoted_list(names);
}

std::string time_column(const cep::EventType& type) {
  return column_of(type.fields[type.time_field.value]);
}

// The first record as fields, by each separator in turn.
class FirstRecord {
 public:
  FirstRecord(std::string_view beginning, std::size_t size) : text_(beginning), size_(size) {
    text_.append(kLinePadding, '\n');
  }
  // False where there is none, or its end is not among these bytes.
  bool split(char separator, std::vector<CsvField>& fields) const {
    if (size_ == 0) return false;
    const std::string_view all = std::string_view(text_).substr(0, size_);
    const bool is_all = size_ < kCsvHeaderBytesMax;
    const CsvRecord record = find_csv_record(all, separator, kCsvHeaderBytesMax, is_all);
    if (record.kind != CsvRecord::Kind::kWhole) return false;
    std::string_view row = without_line_end(all.substr(0, record.size));
    if (row.starts_with(kByteOrderMark)) row.remove_prefix(kByteOrderMark.size());
    split_csv_record(row, separator, fields);
    return true;
  }

 private:
  std::string text_;
  std::size_t size_;
};

std::string name_of(const CsvField& field) {
  return std::string(trimmed(field.has_doubled ? undoubled(field.text) : std::string(field.text)));
}

// Whether something is to be read from a column of this name.
bool is_known(std::string_view column, const CsvOptions& options, const cep::Plan& plan) {
  const auto types = types_of(plan, options.type);
  const auto reads = [&](const cep::EventType* type) { return field_of(*type, column) != nullptr; };
  return column == kTypeColumn || std::ranges::any_of(types, reads) ||
         std::ranges::find(options.renames, column, &std::pair<std::string, std::string>::first) !=
             options.renames.end();
}

// The one that makes as many fields as there are columns; or else most names that are known, and of
// those alike in this most fields.
char likeliest_separator(const FirstRecord& first, const CsvOptions& options,
                         const cep::Plan& plan) {
  char best = kCsvSeparators.front();
  std::pair<std::size_t, std::size_t> most{0, 0};
  std::vector<CsvField> fields;
  for (const char separator : kCsvSeparators) {
    if (!first.split(separator, fields)) continue;
    if (fields.size() == options.columns.size()) return separator;
    const auto known = std::ranges::count_if(
        fields, [&](const CsvField& field) { return is_known(name_of(field), options, plan); });
    const std::pair<std::size_t, std::size_t> found{static_cast<std::size_t>(known), fields.size()};
    if (found <= most) continue;
    most = found;
    best = separator;
  }
  return best;
}

Result<void> name_columns(const FirstRecord& first, const CsvOptions& options,
                          std::string_view file, CsvFormat& format) {
  std::vector<CsvField> fields;
  if (!first.split(format.separator, fields)) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{} has no header: its first line, of at most {} bytes, is to name the "
                            "columns, or --csv-columns does",
                            file, kCsvHeaderBytesMax));
  }
  for (const CsvField& field : fields) {
    format.columns.push_back(name_of(field));
  }
  for (const auto& [from, to] : options.renames) {
    const auto found = std::ranges::find(format.columns, from);
    if (found == format.columns.end()) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("--csv-rename: {} has no column `{}`; it has {}", file, from,
                              quoted_list(format.columns)));
    }
    *found = to;
  }
  return {};
}

Result<void> check_columns(const CsvFormat& format, const cep::Plan& plan, std::string_view file) {
  for (auto column = format.columns.begin(); column != format.columns.end(); ++column) {
    if (!simdjson::validate_utf8(*column)) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("{}: the header is not valid UTF-8; {}", file, kConvertText));
    }
    if (column->empty() || std::find(format.columns.begin(), column, *column) == column) continue;
    return fail(Errc::kInvalidArgument,
                fmt::format("{} has two columns `{}`: give each a name of its own", file, *column));
  }
  const auto types = types_of(plan, format.type);
  if (!format.type.empty() && types.empty()) {
    return fail(Errc::kInvalidArgument,
                fmt::format("--csv-type: no event type is called `{}`; there are {}", format.type,
                            type_list(types_of(plan, ""))));
  }
  const bool has_type = std::ranges::find(format.columns, kTypeColumn) != format.columns.end();
  if (format.type.empty() && !has_type) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{} has no column `{}`, which names the type of each row: name the "
                            "type of all its rows with --csv-type ({}); its columns, separated by "
                            "{}s, are {}",
                            file, kTypeColumn, type_list(types), separator_name(format.separator),
                            quoted_list(format.columns)));
  }
  const bool has_time = std::ranges::any_of(types, [&](const cep::EventType* type) {
    return std::ranges::find(format.columns, time_column(*type)) != format.columns.end();
  });
  if (has_time || types.empty()) return {};
  return fail(Errc::kInvalidArgument,
              fmt::format("{} has no column `{}`, which is the time of each `{}`: name the column "
                          "that has it with --csv-rename COLUMN={}; its columns, separated by {}s, "
                          "are {}",
                          file, time_column(*types.front()), types.front()->json_type,
                          time_column(*types.front()), separator_name(format.separator),
                          quoted_list(format.columns)));
}
}  // namespace

Result<CsvFormat> recognise_csv(std::string_view beginning, const CsvOptions& options,
                                const cep::Plan& plan, std::string_view file) {
  const FirstRecord first(beginning, beginning.size());
  CsvFormat format;
  format.has_decimal_comma = options.has_decimal_comma;
  format.separator =
      options.separator ? *options.separator : likeliest_separator(first, options, plan);
  format.type = options.type;
  format.columns = options.columns;
  format.has_header = options.columns.empty();
  if (format.has_header) {
    if (auto named = name_columns(first, options, file, format); !named) {
      return tl::unexpected(named.error());
    }
  }
  // Rules of one event type leave nothing to be said.
  const auto types = types_of(plan, "");
  const bool has_type = std::ranges::find(format.columns, kTypeColumn) != format.columns.end();
  if (format.type.empty() && !has_type && types.size() == 1) format.type = types[0]->json_type;
  if (auto checked = check_columns(format, plan, file); !checked) {
    return tl::unexpected(checked.error());
  }
  return format;
}

std::string describe_csv(const CsvFormat& format, const cep::Plan& plan, std::string_view file) {
  const auto types = types_of(plan, format.type);
  std::vector<std::string> unread;
  for (const std::string& column : format.columns) {
    const bool is_read =
        column == kTypeColumn || std::ranges::any_of(types, [&](const cep::EventType* type) {
          return field_of(*type, column) != nullptr;
        });
    if (!is_read) unread.push_back(column);
  }
  std::string text = fmt::format("{}: CSV, separated by {}s, {} columns, ", file,
                                 separator_name(format.separator), format.columns.size());
  text += format.type.empty() ? fmt::format("rows of the type in `{}`", kTypeColumn)
                              : fmt::format("rows of `{}`", format.type);
  if (!unread.empty()) text += "; no event type reads " + quoted_list(unread);
  return text;
}
}  // namespace tocsin::runtime
