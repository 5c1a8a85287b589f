/// Values as people write them in data (files of lists and tables, entries over the API), and as
/// part of a text.
#pragma once
#include <string>
#include <string_view>

#include "cep/value/value.h"

namespace tocsin::cep {
/// The text of one value as a value of `type`: numbers, dates and times as in rules, `true` and
/// `false` in any case, a word of an enum; blanks around all but strings do not count. Missing
/// where it is none. What to_text() gives is read back.
OwnedValue parse_value(std::string_view text, const Type& type);
/// Appends what to_text() gives.
void append_text(std::string& out, const Value& value);
}  // namespace tocsin::cep
