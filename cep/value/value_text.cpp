#include "cep/value/value_text.h"

#include <algorithm>
#include <charconv>

#include "cep/base/trimmed.h"
#include "cep/value/decimal.h"
#include "cep/value/time.h"

namespace tocsin::cep {
namespace {
bool is_word(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != word[i]) return false;
  }
  return true;
}
}  // namespace

OwnedValue parse_value(std::string_view text, const Type& type) {
  if (type.kind == TypeKind::kString) return OwnedValue(Value::string(text));
  text = trimmed(text);
  switch (type.kind) {
    case TypeKind::kBool:
      if (is_word(text, "true")) return OwnedValue(Value::boolean(true));
      if (is_word(text, "false")) return OwnedValue(Value::boolean(false));
      return {};
    case TypeKind::kInt:
    case TypeKind::kDecimal: {
      const int scale = type.kind == TypeKind::kInt ? 0 : type.scale;
      const auto mantissa = parse_decimal(text, scale);
      if (!mantissa) return {};
      return OwnedValue(type.kind == TypeKind::kInt ? Value::integer(*mantissa)
                                                    : Value::decimal(*mantissa, scale));
    }
    case TypeKind::kFloat: {
      double real = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), real);
      if (error != std::errc() || end != text.data() + text.size()) return {};
      return OwnedValue(Value::floating(real));
    }
    case TypeKind::kTime: {
      const auto time = parse_time(text);
      return time ? OwnedValue(Value::time(*time)) : OwnedValue();
    }
    case TypeKind::kDate: {
      const auto days = parse_date(text);
      return days ? OwnedValue(Value::date(*days)) : OwnedValue();
    }
    case TypeKind::kDuration: {
      const auto duration = parse_duration(text);
      return duration ? OwnedValue(Value::duration(*duration)) : OwnedValue();
    }
    case TypeKind::kEnum: {
      const auto word = std::ranges::find(*type.words, text);
      if (word == type.words->end()) return {};
      return OwnedValue(Value::enumerated(word - type.words->begin(), text));
    }
    case TypeKind::kString:
    case TypeKind::kFraction:
      break;
  }
  return {};
}
}  // namespace tocsin::cep
