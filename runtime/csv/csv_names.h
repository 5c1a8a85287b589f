/// What columns and fields are called.
#pragma once
#include <string>
#include <string_view>

#include "cep/plan/event_type.h"

namespace tocsin::runtime {
/// The column that names the type of each row, as the member of a JSON line does.
inline constexpr std::string_view kTypeColumn = "type";
/// What to do with an input that is not UTF-8.
inline constexpr std::string_view kConvertText = "convert the file: iconv -f WINDOWS-1252 -t UTF-8";
/// Where a field lies in the JSON line, with points between the steps: the name of its column.
std::string column_of(const cep::Field& field);
/// The field of an event type that a column holds; null for none. Fields in arrays have no column.
const cep::Field* field_of(const cep::EventType& type, std::string_view column);
/// The inside of a quoted field, with one quote for each two.
std::string undoubled(std::string_view text);
}  // namespace tocsin::runtime
