#include "cep/data/key_part.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include "cep/plan/key_spec.h"
#include "cep/value/decimal.h"

namespace tocsin::cep {
namespace {
std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}
}  // namespace

Value key_part_value(const KeySpec& key, std::string_view key_bytes, std::uint32_t part) {
  std::string_view bytes = key_bytes;
  if (key.parts.size() > 1) {
    for (std::uint32_t i = 0;; ++i) {
      const auto size = static_cast<std::size_t>(big_endian(bytes.substr(0, 4)));
      if (i == part) {
        bytes = bytes.substr(4, size);
        break;
      }
      bytes.remove_prefix(4 + size);
    }
  }
  const Type& type = key.parts[part].type;
  const std::string_view payload = bytes.substr(1);
  const auto number = [&] { return static_cast<std::int64_t>(big_endian(payload.substr(0, 8))); };
  switch (static_cast<unsigned char>(bytes.front())) {
    case 1:
      return Value::boolean(payload.front() != 0);
    case 2: {
      const int scale = static_cast<unsigned char>(payload[8]);
      if (type.kind != TypeKind::kDecimal) return Value::integer(number());
      return Value::decimal(Int128{number()} * power_of_ten(type.scale - scale), type.scale);
    }
    case 3:
      return Value::floating(std::bit_cast<double>(big_endian(payload)));
    case 4:
      return Value::string(payload);
    case 5:
      return Value::time({number()});
    case 6:
      return Value::date(number());
    case 7:
      return Value::duration({number()});
    default: {
      const auto word = std::find(type.words->begin(), type.words->end(), payload);
      return Value::enumerated(word - type.words->begin(), payload);
    }
  }
}
}  // namespace tocsin::cep
