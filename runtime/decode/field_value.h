/// The value of one declared field from its token in a JSON line, by the language's rules for
/// input.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cep/plan/event_type.h"
#include "cep/value/time.h"
#include "cep/value/value.h"
#include "runtime/decode/json_text.h"
#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
/// Why a field that is read has no value.
enum class FieldFault : std::uint8_t {
  kAbsent,       // not in the line, though its declaration has no `?`
  kNull,         // null, though its declaration has no `?`
  kWrongType,    // another JSON type than the declaration asks for
  kUnusable,     // the right JSON type, but no value of the declared type
  kImplausible,  // a number that is no plausible time in the declared unit
};
/// What numbers of a time or duration count, as its field declares it.
struct NumberForm {
  cep::TimeUnit unit = cep::TimeUnit::kMicroseconds;
  bool any_year = true;
};
inline NumberForm number_form(const cep::Field& field) { return {field.unit, field.any_year}; }
/// A field's scale for fixed_point(): a decimal's, or that of a number of the unit in microseconds;
/// -3 for nanoseconds.
int number_scale(const cep::Field& field);
/// A scalar as a column keeps it (cep::Column), or why there is none.
struct Scalar {
  FieldFault fault = FieldFault::kAbsent;
  bool ok = false;
  std::int64_t word = 0;
};
/// Reads a bool, int, decimal (at `scale`), float, time, date or duration. `token` is the value's
/// text without white space around it, not empty. Numbers of seconds,
/// milliseconds and nanoseconds are rounded down to microseconds.
Scalar scalar_value(cep::TypeKind kind, int scale, std::string_view token, NumberForm form = {});
/// What is wrong with a number that is no plausible time, and what to write: "lies before 1990 in
/// microseconds: 1700000000; are these seconds? Write `ts: time in s`". Without `shows_value` the
/// number is left out.
std::string implausible_text(const cep::Field& field, std::string_view token, bool shows_value);
/// Reads an enum's word as its ordinal; kReadAhead bytes are readable after the token.
Scalar enum_value(const WordTable& words, std::string_view token);

/// The inside of a string's token, which begins with a quote; nothing when it does not end with
/// one.
inline std::optional<std::string_view> inside_of(std::string_view token) {
  if (token.size() < 2 || token.back() != '"') return std::nullopt;
  return token.substr(1, token.size() - 2);
}
/// A string's characters where escapes are not expected; `buffer` holds them when there are some.
/// Nothing for an escape that JSON does not know.
std::optional<std::string_view> plain_text(std::string_view token, std::string& buffer);
/// A text as messages quote it: cut after 60 bytes, at a character's boundary.
std::string shown(std::string_view text);
}  // namespace tocsin::runtime
