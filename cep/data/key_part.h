/// The parts of a key, from its bytes (cep/value/key.h).
#pragma once
#include <cstdint>
#include <string_view>

#include "cep/plan/plan_fwd.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Part `part` of a key, from its bytes.
Value key_part_value(const KeySpec& key, std::string_view key_bytes, std::uint32_t part);
}  // namespace tocsin::cep
