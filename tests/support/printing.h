/// How test failures show our types.
#pragma once
#include <ostream>

#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::cep {
inline std::ostream& operator<<(std::ostream& out, Duration d) { return out << format_duration(d); }
inline std::ostream& operator<<(std::ostream& out, EventTime t) { return out << format_time(t); }
inline std::ostream& operator<<(std::ostream& out, Ordering ordering) {
  constexpr const char* kNames[] = {"less", "equal", "greater", "unknown"};
  return out << kNames[static_cast<std::size_t>(ordering)];
}
inline std::ostream& operator<<(std::ostream& out, const Value& v) {
  constexpr const char* kKinds[] = {"missing", "bool", "int",  "decimal",  "fraction", "float",
                                    "string",  "time", "date", "duration", "enum"};
  out << kKinds[static_cast<std::size_t>(v.kind)];
  if (v.kind == ValueKind::kFraction) {
    return out << ' ' << format_decimal(v.number, 0) << '/' << format_decimal(v.denominator, 0);
  }
  return v.is_missing() ? out : out << ' ' << to_text(v);
}
/// The same kind and the same contents, for exact comparisons in tests: 1 and 1.00 differ.
inline bool operator==(const Value& a, const Value& b) {
  return a.kind == b.kind && a.scale == b.scale && a.real == b.real && a.number == b.number &&
         a.denominator == b.denominator && a.text == b.text;
}
}  // namespace tocsin::cep
