#include "runtime/decode/field_value.h"

#include <fmt/format.h>

#include <bit>

#include "cep/base/assert.h"
#include "cep/value/time.h"
#include "cep/value/time_unit_words.h"
#include "runtime/decode/json_text.h"

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

int scale_of(cep::TimeUnit unit) {
  switch (unit) {
    case cep::TimeUnit::kSeconds:
      return 6;
    case cep::TimeUnit::kMilliseconds:
      return 3;
    case cep::TimeUnit::kNanoseconds:
      return -3;
    case cep::TimeUnit::kMicroseconds:
      break;
  }
  return 0;
}

// A number of the unit in microseconds, rounded down; nothing for one out of the range of times.
std::optional<std::int64_t> in_us(std::string_view token, cep::TimeUnit unit) {
  const int scale = scale_of(unit);
  std::optional<std::int64_t> us;
  if (scale >= 0) us = fixed_point(token, scale);
  if (!us) us = rounded_down(token, scale);
  return us && in_time_range(*us) ? us : std::nullopt;
}

Scalar number_of_us(std::string_view token, NumberForm form) {
  const std::optional<std::int64_t> us = in_us(token, form.unit);
  const bool is_plausible = form.any_year || (us && cep::is_plausible({*us}));
  if (!is_plausible && is_number(token)) return bad(FieldFault::kImplausible);
  const bool is_cut = form.unit == cep::TimeUnit::kMicroseconds && !fixed_point(token, 0);
  return us && !is_cut ? good(*us) : bad(FieldFault::kUnusable);
}
}  // namespace

int number_scale(const cep::Field& field) {
  return field.type.kind == cep::TypeKind::kTime ? scale_of(field.unit) : field.type.scale;
}

std::string implausible_text(const cep::Field& field, std::string_view token, bool shows_value) {
  const std::optional<std::int64_t> us = in_us(token, field.unit);
  const bool is_early = us ? *us < cep::kPlausibleMin.us : token.front() == '-';
  std::string text =
      fmt::format("lies {} in {}{}", is_early ? "before 1990" : "after 2100",
                  cep::time_unit_words(field.unit), shows_value ? ": " + shown(token) : "");
  for (const cep::TimeUnit unit : {cep::TimeUnit::kSeconds, cep::TimeUnit::kMilliseconds,
                                   cep::TimeUnit::kMicroseconds, cep::TimeUnit::kNanoseconds}) {
    const std::optional<std::int64_t> other = in_us(token, unit);
    if (!other || !cep::is_plausible({*other})) continue;
    return text + fmt::format("; are these {}? Write `{}: time in {}`", cep::time_unit_words(unit),
                              field.name, cep::time_unit_name(unit));
  }
  const bool has_unit = field.unit != cep::TimeUnit::kMicroseconds;
  return text + fmt::format("; if that is right, write `{}: time{} from 1970`", field.name,
                            has_unit ? fmt::format(" in {}", cep::time_unit_name(field.unit)) : "");
}

std::optional<std::string_view> plain_text(std::string_view token, std::string& buffer) {
  const std::optional<std::string_view> inside = inside_of(token);
  if (!inside || inside->find('\\') == std::string_view::npos) return inside;
  buffer.resize(inside->size());
  const std::optional<std::size_t> size = unescape(*inside, buffer.data());
  if (!size) return std::nullopt;
  return std::string_view(buffer.data(), *size);
}

Scalar scalar_value(cep::TypeKind kind, int scale, std::string_view token, NumberForm form) {
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
      if (number) return number_of_us(token, form);
      return string ? time_value(token, false) : bad(FieldFault::kWrongType);
    case cep::TypeKind::kDate:
      return string ? time_value(token, true) : bad(FieldFault::kWrongType);
    case cep::TypeKind::kDuration:
      return number ? number_of_us(token, {form.unit, true}) : bad(FieldFault::kWrongType);
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
