#include "runtime/csv/csv_format.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>

#include "cep/value/value.h"

namespace tocsin::runtime {
namespace {
constexpr std::array<std::string_view, 4> kNames = {"comma", "semicolon", "tab", "pipe"};
static_assert(kNames.size() == kCsvSeparators.size());
}  // namespace

std::string separator_name(char separator) {
  const std::size_t place = kCsvSeparators.find(separator);
  return place == std::string_view::npos ? std::string(1, separator) : std::string(kNames[place]);
}

std::optional<char> separator_of(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return kCsvSeparators[i];
  }
  return std::nullopt;
}

std::string write_csv_format(const CsvFormat& format) {
  std::string json =
      fmt::format(R"({{"csv":1,"separator":"{}","header":{},"decimal_comma":{},"type":)",
                  separator_name(format.separator), format.has_header, format.has_decimal_comma);
  cep::append_json_string(json, format.type);
  json += R"(,"columns":[)";
  for (const std::string& column : format.columns) {
    if (!json.ends_with('[')) json += ',';
    cep::append_json_string(json, column);
  }
  json += "]}";
  return json;
}

std::optional<CsvFormat> read_csv_format(std::string_view text) {
  if (text.empty()) return std::nullopt;  // which may have no address
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::int64_t version = 0;
  std::string_view separator;
  std::string_view type;
  simdjson::dom::array columns;
  CsvFormat format;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS ||
      root["csv"].get(version) != simdjson::SUCCESS || version != 1 ||
      root["separator"].get(separator) != simdjson::SUCCESS ||
      root["header"].get(format.has_header) != simdjson::SUCCESS ||
      root["decimal_comma"].get(format.has_decimal_comma) != simdjson::SUCCESS ||
      root["type"].get(type) != simdjson::SUCCESS ||
      root["columns"].get(columns) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  const std::optional<char> known = separator_of(separator);
  if (!known) return std::nullopt;
  format.separator = *known;
  format.type = type;
  for (const simdjson::dom::element element : columns) {
    std::string_view column;
    if (element.get(column) != simdjson::SUCCESS) return std::nullopt;
    format.columns.emplace_back(column);
  }
  return format;
}
}  // namespace tocsin::runtime
