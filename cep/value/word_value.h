/// Values as columns, captured events and windows keep them: one word of 64 bits.
#pragma once
#include <cstdint>

#include "cep/value/value.h"

namespace tocsin::cep {
/// The value of a word: bool 0/1, int, decimal mantissa at the type's scale, float by its bits,
/// time and duration us, date days, enum ordinal. Strings and fractions have none.
Value word_value(const Type& type, std::int64_t word);
}  // namespace tocsin::cep
