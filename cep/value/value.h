/// Values, their types, and the arithmetic and comparisons that every evaluator shares.
/// Missing follows SQL: any operation on a missing operand is missing; three-valued logic for
/// conditions.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cep/value/decimal.h"
#include "cep/value/time.h"

namespace tocsin::cep {
enum class TypeKind : std::uint8_t {
  kBool,
  kInt,
  kFloat,
  kDecimal,
  kFraction,  // the exact result of `/` or avg of ints and decimals; never declared, shown as
              // decimal(9)
  kString,
  kTime,
  kDate,
  kDuration,
  kEnum,
};
/// A type as declared or inferred. `words` only for enums (their order is the ordinal), shared.
struct Type {
  TypeKind kind = TypeKind::kBool;
  std::uint8_t scale = 0;  // kDecimal
  std::shared_ptr<const std::vector<std::string>> words;
  /// Same kind, scale and words.
  friend bool operator==(const Type& a, const Type& b);
};
/// As a rule's author writes it: `decimal(2)`, `enum(pos, ecom)`.
std::string type_name(const Type& type);

enum class ValueKind : std::uint8_t {
  kMissing,
  kBool,
  kInt,
  kDecimal,
  kFraction,
  kFloat,
  kString,
  kTime,
  kDate,
  kDuration,
  kEnum,
};
/// One value; trivially copyable. `text` is borrowed: from a batch, the plan, a key record or an
/// OwnedValue. Ints and decimals of events are 64 bits; sums may use all 128.
struct Value {
  ValueKind kind = ValueKind::kMissing;
  std::uint8_t scale = 0;  // kDecimal
  double real = 0;         // kFloat; never NaN or infinite
  Int128 number = 0;  // bool 0/1, int, decimal mantissa, numerator, time us, date days, duration
                      // us, enum ordinal
  Int128 denominator = 1;  // kFraction: > 0, lowest terms
  std::string_view text;   // kString, and the word of a kEnum

  bool is_missing() const { return kind == ValueKind::kMissing; }
  bool is_true() const { return kind == ValueKind::kBool && number != 0; }
  static Value missing() { return {}; }
  static Value boolean(bool b);
  static Value integer(Int128 n);
  static Value decimal(Int128 mantissa, int scale);
  /// Reduced; the sign in the numerator; missing when `denominator` is 0.
  static Value fraction(Int128 numerator, Int128 denominator);
  /// Missing when not finite; -0 becomes 0.
  static Value floating(double d);
  static Value string(std::string_view text);
  static Value time(EventTime t);
  static Value date(std::int64_t days);
  static Value duration(Duration d);
  static Value enumerated(std::int64_t ordinal, std::string_view word);
};

/// A value that owns its text.
class OwnedValue {
 public:
  OwnedValue() = default;
  explicit OwnedValue(const Value& value) : value_(value), text_(value.text) {}
  /// The value, its text borrowed from this object.
  Value view() const {
    Value v = value_;
    v.text = text_;
    return v;
  }

 private:
  Value value_;
  std::string text_;
};

enum class Ordering : std::uint8_t { kLess, kEqual, kGreater, kUnknown };
/// Compares by meaning: exact numbers (int, decimal, fraction) exactly, whatever their scales; with
/// a float on either side as floats; strings by bytes; enums by word (order: ordinal); false <
/// true. kUnknown when either is missing. The kinds must be comparable (the checker saw to it).
Ordering compare(const Value& a, const Value& b);
/// True when both are missing or compare equal (for tests, lists, distinct).
bool same_value(const Value& a, const Value& b);

/// Arithmetic; missing on a missing operand, division by zero, or overflow. Exact operands give
/// exact results: int and decimal stay so (+ and - at the larger scale, * at the sum of scales),
/// and must fit 64 bits when both operands do, 128 bits otherwise; `/` gives a fraction; a float on
/// either side gives a float. Fractions that leave 128 bits are missing. time - time, date - date,
/// time +- duration, duration +- duration, duration * number (rounded half even to us), duration /
/// duration (a float) and -duration. `%` is on ints and decimals (at the
/// larger scale), with the sign of the dividend.
Value add(const Value& a, const Value& b);
Value subtract(const Value& a, const Value& b);
Value multiply(const Value& a, const Value& b);
Value divide(const Value& a, const Value& b);
Value modulo(const Value& a, const Value& b);
Value negate(const Value& a);
/// SQL's three-valued logic over kBool and kMissing.
Value logical_and(const Value& a, const Value& b);
Value logical_or(const Value& a, const Value& b);
Value logical_not(const Value& a);
/// As a float (kInt, kDecimal, kFraction, kFloat), missing otherwise.
Value to_float(const Value& a);

/// As people read it: decimals at full scale, fractions as decimal(9), times as RFC 3339, durations
/// as `10m`, floats in the shortest form that reads back the same; missing is "missing".
std::string to_text(const Value& value);
/// As a JSON token: decimals are numbers at full scale, fractions decimal(9), times and durations
/// int64 microseconds, dates "yyyy-mm-dd", enums their word; missing is `null`. Appends to `out`.
void append_json(std::string& out, const Value& value);
/// Appends a JSON string with the escapes that RFC 8259 needs; `text` is valid UTF-8.
void append_json_string(std::string& out, std::string_view text);
}  // namespace tocsin::cep
