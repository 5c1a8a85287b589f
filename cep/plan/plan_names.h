/// What canonical texts of a plan call its parts (describe() and the digests): for tests, digests
/// and people, no part of the rule language.
#pragma once
#include <array>
#include <cstddef>
#include <string>

#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "cep/value/decimal.h"
#include "cep/value/quoted.h"
#include "cep/value/time.h"

namespace tocsin::cep {
inline constexpr std::array kOpNames = {"literal",
                                        "field",
                                        "bound",
                                        "prev",
                                        "aggregate",
                                        "feature",
                                        "key",
                                        "is_bound",
                                        "in_loop",
                                        "in_list",
                                        "in",
                                        "between",
                                        "is_missing",
                                        "is_known",
                                        "if",
                                        "coalesce",
                                        "not",
                                        "and",
                                        "or",
                                        "negate",
                                        "add",
                                        "subtract",
                                        "multiply",
                                        "divide",
                                        "modulo",
                                        "equal",
                                        "not_equal",
                                        "less",
                                        "less_equal",
                                        "greater",
                                        "greater_equal",
                                        "to_float",
                                        "table",
                                        "in_table",
                                        "matches",
                                        "matches_any_of",
                                        "contains",
                                        "contains_word",
                                        "contains_any_of",
                                        "contains_any_word_of",
                                        "starts_with",
                                        "ends_with",
                                        "matched",
                                        "call",
                                        "in_kinds"};
static_assert(kOpNames.size() == static_cast<std::size_t>(Op::kInKinds) + 1);
inline constexpr std::array kWhichNames = {"only", "first", "last"};
inline constexpr std::array kWindowNames = {"last",          "previous",    "tumbling",
                                            "today",         "session",     "ever",
                                            "previous_ever", "last_events", "previous_events"};
inline constexpr std::array kContiguityNames = {"then", "then first", "then next"};
inline constexpr std::array kLoopModeNames = {"relaxed", "next", "each"};
inline constexpr std::array kElementNames = {"step", "no", "group", "one_of", "all_of"};
inline constexpr std::array kSelectionNames = {"default",      "no_skip",       "skip_past_last",
                                               "skip_to_next", "skip_to_first", "skip_to_last",
                                               "consume"};
inline constexpr std::array kOnceNames = {"none", "per_duration", "per_variable", "per_unit",
                                          "while"};
inline constexpr std::array kStatusNames = {"draft", "internal", "shadow", "live"};
inline constexpr std::array kListKindNames = {"values", "text", "regex", "network"};

/// The name of one of them.
template <typename Names, typename Enum>
const char* name_of(const Names& names, Enum e) {
  return names[static_cast<std::size_t>(e)];
}

/// "last", "today", "this month", ….
inline std::string window_name(const FeatureWindow& window) {
  if (window.kind() == WindowKind::kCalendar && window.unit() != CalendarUnit::kDay) {
    return std::string("this ") + unit_name(window.unit());
  }
  return name_of(kWindowNames, window.kind());
}
/// "session 5m", "tumbling 1h", "tumbling month in \"UTC\"".
inline std::string length_text(const ClosingWindow& window) {
  const CalendarSpan* const calendar = window.calendar();
  if (calendar == nullptr) {
    return (window.is_session() ? "session " : "tumbling ") + format_duration(window.duration());
  }
  std::string out = std::string("tumbling ") + unit_name(calendar->unit) + " in ";
  append_json_string(out, calendar->zone);
  return out;
}
/// "per_duration", "per_day", "per_month", ….
inline std::string once_name(const Suppression& suppression) {
  if (suppression.kind() == Once::kPerUnit) {
    return std::string("per_") + unit_name(suppression.unit());
  }
  return name_of(kOnceNames, suppression.kind());
}

inline std::string type_text(const Type& type) {
  return type.kind == TypeKind::kFraction ? "fraction" : type_name(type);
}

/// To the last digit.
inline std::string value_text(const Value& value) {
  if (value.kind == ValueKind::kString) return quoted(value.text);
  if (value.kind == ValueKind::kFraction) {
    return format_decimal(value.number, 0) + "/" + format_decimal(value.denominator, 0);
  }
  return to_text(value);
}

inline std::string regex_text(const RegexLiteral& regex) {
  return value_text(Value::string(regex.text)) + (regex.ignore_case ? " i" : "");
}
}  // namespace tocsin::cep
