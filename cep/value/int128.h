/// Numbers of 128 bits among those of 64.
#pragma once
#include <cstdint>
#include <limits>

#include "cep/value/decimal.h"

namespace tocsin::cep {
constexpr bool fits_64(Int128 number) {
  return number >= std::numeric_limits<std::int64_t>::min() &&
         number <= std::numeric_limits<std::int64_t>::max();
}
}  // namespace tocsin::cep
