/// Texts as JSON strings.
#pragma once
#include <string>
#include <string_view>

#include "cep/value/value.h"

namespace tocsin::cep {
inline std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
}  // namespace tocsin::cep
