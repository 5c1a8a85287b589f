#include "runtime/csv/csv_names.h"

#include <algorithm>

#include "cep/value/json_path.h"

namespace tocsin::runtime {
std::string column_of(const cep::Field& field) {
  std::string name;
  for (const std::string& step : field.path) {
    if (!name.empty()) name += '.';
    name += step;
  }
  return name;
}

const cep::Field* field_of(const cep::EventType& type, std::string_view column) {
  for (const cep::Field& field : type.fields) {
    if (field.path.empty() || column_of(field) != column) continue;
    const auto behind_first = field.path.begin() + 1;
    const auto is_place = [](const std::string& step) {
      return cep::array_place(step).has_value();
    };
    if (std::none_of(behind_first, field.path.end(), is_place)) return &field;
  }
  return nullptr;
}

std::string undoubled(std::string_view text) {
  std::string single;
  for (std::size_t at = 0; at < text.size(); ++at) {
    single += text[at];
    if (text[at] == '"' && at + 1 < text.size() && text[at + 1] == '"') ++at;
  }
  return single;
}
}  // namespace tocsin::runtime
