#include "cep/compile/step_value.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <limits>

#include "cep/compile/program.h"

namespace tocsin::cep {
// As text, since what is saved holds texts alone: most values are then a word.
std::string step_value_text(const Value& value) {
  const auto kind = static_cast<char>('A' + static_cast<int>(value.kind));
  switch (value.kind) {
    case ValueKind::kString:
      return kind + std::string(value.text);
    case ValueKind::kFloat:
      return fmt::format("{}{:x}", kind, std::bit_cast<std::uint64_t>(value.real));
    case ValueKind::kDecimal:
      return fmt::format("{}{}/{}", kind, value.number, value.scale);
    case ValueKind::kFraction:
      return fmt::format("{}{}/{}", kind, value.number, value.denominator);
    default:
      return fmt::format("{}{}", kind, value.number);
  }
}
namespace {
// Takes a number off the front; nothing where there is none, or one of more than 128 bits.
std::optional<Int128> take_number(std::string_view& text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  Int128 number = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    if (__builtin_mul_overflow(number, Int128{10}, &number) ||
        __builtin_sub_overflow(number, Int128{text[digits] - '0'}, &number)) {
      return std::nullopt;
    }
  }
  if (digits == 0 || (!negative && number == std::numeric_limits<Int128>::min())) {
    return std::nullopt;
  }
  text.remove_prefix(digits);
  return negative ? number : -number;
}
}  // namespace
Value step_value_of(const Type& type, std::string_view text) {
  if (text.empty()) return Value::missing();
  const auto kind = static_cast<ValueKind>(text.front() - 'A');
  if (kind <= ValueKind::kMissing || kind > ValueKind::kEnum) return Value::missing();
  text.remove_prefix(1);
  if (kind == ValueKind::kString) {
    return type.kind == TypeKind::kString ? Value::string(text) : Value::missing();
  }
  Value value;
  value.kind = kind;
  if (kind == ValueKind::kFloat) {
    std::uint64_t bits = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits, 16);
    if (error != std::errc() || end != text.data() + text.size()) return Value::missing();
    value.real = std::bit_cast<double>(bits);
    return value;
  }
  const std::optional<Int128> number = take_number(text);
  if (!number) return Value::missing();
  value.number = *number;
  if (text.starts_with('/')) {
    text.remove_prefix(1);
    const std::optional<Int128> other = take_number(text);
    if (!other || *other < 0) return Value::missing();
    if (kind == ValueKind::kDecimal && *other <= kScaleMax) {
      value.scale = static_cast<std::uint8_t>(*other);
    } else if (kind == ValueKind::kFraction && *other > 0) {
      value.denominator = *other;
    } else {
      return Value::missing();
    }
  }
  if (!text.empty()) return Value::missing();
  if (kind == ValueKind::kEnum) {
    if (type.kind != TypeKind::kEnum || *number < 0 ||
        *number >= static_cast<Int128>(type.words->size())) {
      return Value::missing();
    }
    value.text = (*type.words)[static_cast<std::size_t>(*number)];
  }
  return value;
}

std::optional<FieldIndex> CaptureLayout::step_value(FeatureIndex value) const {
  for (std::size_t i = 0; i < step_values.size(); ++i) {
    if (step_values[i].value == value) return fields[fields.size() - step_values.size() + i];
  }
  return std::nullopt;
}
}  // namespace tocsin::cep
