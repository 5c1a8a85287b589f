/// A feature's value as of an earlier step: how it is kept with a captured event.
#pragma once
#include <string>
#include <string_view>

#include "cep/value/value.h"

namespace tocsin::cep {
/// A feature's known value as it is kept with a captured event, and that value again: the word of
/// an enum is one of `type`, other texts are borrowed; missing where the text is none of these.
std::string step_value_text(const Value& value);
Value step_value_of(const Type& type, std::string_view text);
}  // namespace tocsin::cep
