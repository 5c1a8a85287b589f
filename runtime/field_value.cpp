#include "runtime/field_value.h"

#include <bit>

#include "cep/base/assert.h"
#include "cep/time.h"
#include "runtime/json_text.h"

namespace tocsin::runtime {
namespace {
bool begins_number(char c) { return c == '-' || (c >= '0' && c <= '9'); }

bool in_time_range(std::int64_t us) {
  return us >= cep::kEventTimeMin.us && us <= cep::kEventTimeMax.us;
}

constexpr Scalar good(std::int64_t word) { return {FieldFault::kAbsent, true, word}; }
constexpr Scalar bad(FieldFault fault) { return {fault, false, 0}; }
Scalar good_or_unusable(std::optional<std::int64_t> word) {
  return word ? good(*word) : bad(FieldFault::kUnusable);
}

Scalar time_value(std::string_view token, bool is_date) {
  std::string buffer;
  const std::optional<std::string_view> text = plain_text(token, buffer);
  if (!text) return bad(FieldFault::kUnusable);
  if (is_date) return good_or_unusable(cep::parse_date(*text));
  const std::optional<cep::EventTime> time = cep::parse_time(*text);
  return time && in_time_range(time->us) ? good(time->us) : bad(FieldFault::kUnusable);
}

Scalar number_of_us(std::string_view token) {
  const std::optional<std::int64_t> us = fixed_point(token, 0);
  return us && in_time_range(*us) ? good(*us) : bad(FieldFault::kUnusable);
}
}  // namespace

std::optional<std::string_view> plain_text(std::string_view token, std::string& buffer) {
  const std::optional<std::string_view> inside = inside_of(token);
  if (!inside || inside->find('\\') == std::string_view::npos) return inside;
  buffer.resize(inside->size());
  const std::optional<std::size_t> size = unescape(*inside, buffer.data());
  if (!size) return std::nullopt;
  return std::string_view(buffer.data(), *size);
}

Scalar scalar_value(cep::TypeKind kind, int scale, std::string_view token) {
  const char first = token.front();
  if (first == 'n') return bad(token == "null" ? FieldFault::kNull : FieldFault::kUnusable);
  const bool number = begins_number(first);
  const bool string = first == '"';
  switch (kind) {
    case cep::TypeKind::kBool:
      if (token == "true") return good(1);
      if (token == "false") return good(0);
      return bad(first == 't' || first == 'f' ? FieldFault::kUnusable : FieldFault::kWrongType);
    case cep::TypeKind::kInt:
    case cep::TypeKind::kDecimal:
      if (!number) return bad(FieldFault::kWrongType);
      return good_or_unusable(fixed_point(token, scale));
    case cep::TypeKind::kFloat: {
      if (!number) return bad(FieldFault::kWrongType);
      const std::optional<double> value = floating_point(token);
      return value ? good(std::bit_cast<std::int64_t>(*value)) : bad(FieldFault::kUnusable);
    }
    case cep::TypeKind::kTime:
      if (number) return number_of_us(token);
      return string ? time_value(token, false) : bad(FieldFault::kWrongType);
    case cep::TypeKind::kDate:
      return string ? time_value(token, true) : bad(FieldFault::kWrongType);
    case cep::TypeKind::kDuration:
      return number ? number_of_us(token) : bad(FieldFault::kWrongType);
    case cep::TypeKind::kEnum:
    case cep::TypeKind::kString:
    case cep::TypeKind::kFraction:
      break;
  }
  TOCSIN_ASSERT(false, "texts are read elsewhere, fractions are never declared");
}

Scalar enum_value(const WordTable& words, std::string_view token) {
  if (token == "null") return bad(FieldFault::kNull);
  if (token.front() != '"') return bad(FieldFault::kWrongType);
  const int ordinal = words.find(token.data() + 1);
  return ordinal == WordTable::kAbsent ? bad(FieldFault::kUnusable) : good(ordinal);
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShownBytesMax = 60;
  if (text.size() <= kShownBytesMax) return std::string(text);
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}
}  // namespace tocsin::runtime
