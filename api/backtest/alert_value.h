/// A number that alerts have, such as the field `amount`, and exact sums of it.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cep/data/alert.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/decimal.h"
#include "cep/value/value.h"

namespace tocsin::api {
/// A number with up to cep::kScaleMax digits behind the point, as an alert shows it.
struct AlertValue {
  /// Of an alert that has no such field, no number in it, or one with more digits.
  static constexpr cep::Int128 kNone = cep::Int128{1} << 126;
  cep::Int128 billionths = kNone;
  int digits = 0;  // behind the point, that the alert shows
  bool is_number() const { return billionths != kNone; }
};
/// Exact numbers are that, fractions as alerts show them, and floats where their shortest form has
/// no more digits than a decimal.
AlertValue exact_number(const cep::Value& value);

/// A sum of values of alerts.
struct ValueSum {
  std::uint64_t alerts = 0;   // that were added up
  std::uint64_t without = 0;  // that have no such number, or one that the sum has no room for
  cep::Int128 billionths = 0;
  int digits = 0;  // behind the point: the most that a value has
  void add(const AlertValue& value);
  /// "-1250.00".
  std::string text() const;
};
/// The values of a rule's alerts.
struct ValueTally {
  ValueSum all;
  ValueSum caught;  // of alerts that found a fraud
  void add(const AlertValue& value, bool has_found);
};

/// Finds one field in the alerts of one plan. Threading: many readers.
class AlertValueReader {
 public:
  AlertValueReader(const cep::Plan& plan, std::string_view field);
  AlertValue value_of(const cep::Alert& alert) const;

 private:
  std::vector<std::optional<std::size_t>> places_;  // by rule: in its fields
};
/// Why the alerts of no rule of these plans have a number in this field, and what to name instead;
/// nothing where those of one have.
std::optional<std::string> why_no_value(std::string_view field,
                                        std::span<const cep::Plan* const> plans);
}  // namespace tocsin::api
