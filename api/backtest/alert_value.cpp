#include "api/backtest/alert_value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "cep/plan/expr.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/text/suggest.h"

namespace tocsin::api {
namespace {
using cep::Int128;
constexpr std::size_t kNamesShown = 10;

// The billionths of a mantissa, where there is room.
AlertValue at_full_scale(Int128 mantissa, int digits) {
  for (; digits > cep::kScaleMax; --digits) {  // products have the digits of both
    if (mantissa % 10 != 0) return {};
    mantissa /= 10;
  }
  Int128 billionths = 0;
  const Int128 factor = cep::power_of_ten(cep::kScaleMax - digits);
  if (__builtin_mul_overflow(mantissa, factor, &billionths)) return {};
  if (billionths >= AlertValue::kNone || billionths <= -AlertValue::kNone) return {};
  return {billionths, digits};
}

bool is_numeric(const cep::Type& type) {
  switch (type.kind) {
    case cep::TypeKind::kInt:
    case cep::TypeKind::kFloat:
    case cep::TypeKind::kDecimal:
    case cep::TypeKind::kFraction:
      return true;
    default:
      return false;
  }
}
}  // namespace

AlertValue exact_number(const cep::Value& value) {
  switch (value.kind) {
    case cep::ValueKind::kInt:
      return at_full_scale(value.number, 0);
    case cep::ValueKind::kDecimal:
      return at_full_scale(value.number, value.scale);
    case cep::ValueKind::kFraction: {
      const auto shown = cep::divide_half_even(value.number, value.denominator, cep::kScaleMax);
      return shown ? at_full_scale(*shown, cep::kScaleMax) : AlertValue{};
    }
    case cep::ValueKind::kFloat: {
      const std::string shortest = cep::to_text(value);
      for (int digits = 0; digits <= cep::kScaleMax; ++digits) {
        if (const auto mantissa = cep::parse_decimal(shortest, digits)) {
          return at_full_scale(*mantissa, digits);
        }
      }
      return {};
    }
    default:
      return {};
  }
}

void ValueSum::add(const AlertValue& value) {
  Int128 sum = 0;
  if (!value.is_number() || __builtin_add_overflow(billionths, value.billionths, &sum)) {
    ++without;
    return;
  }
  ++alerts;
  billionths = sum;
  digits = std::max(digits, value.digits);
}

std::string ValueSum::text() const {
  return cep::format_decimal(billionths / cep::power_of_ten(cep::kScaleMax - digits), digits);
}

void ValueTally::add(const AlertValue& value, bool has_found) {
  all.add(value);
  if (has_found) caught.add(value);
  caught.digits = all.digits;
}

AlertValueReader::AlertValueReader(const cep::Plan& plan, std::string_view field) {
  for (const cep::Rule& rule : plan.rules) {
    const auto found = std::ranges::find(rule.fields, field, &cep::AlertField::name);
    places_.push_back(found == rule.fields.end()
                          ? std::nullopt
                          : std::optional(static_cast<std::size_t>(found - rule.fields.begin())));
  }
}

AlertValue AlertValueReader::value_of(const cep::Alert& alert) const {
  const std::optional<std::size_t> place = places_[alert.rule.value];
  return place ? exact_number(alert.fields[*place].view()) : AlertValue{};
}

std::optional<std::string> why_no_value(std::string_view field,
                                        std::span<const cep::Plan* const> plans) {
  std::set<std::string> numbers;
  std::optional<std::string> no_number;
  for (const cep::Plan* const plan : plans) {
    for (const cep::Rule& rule : plan->rules) {
      for (const cep::AlertField& one : rule.fields) {
        const bool is_number = is_numeric(one.expr->type);
        if (is_number) numbers.insert(one.name);
        if (one.name != field) continue;
        if (is_number) return std::nullopt;
        no_number = fmt::format("`{}` is no number in alerts of rule `{}`: it is {}", field,
                                rule.id, cep::type_name(one.expr->type));
      }
    }
  }
  std::string text =
      no_number.value_or(fmt::format("the alerts of no rule have the field `{}`", field));
  if (numbers.empty()) {
    return text + R"(; give them a number, as in `alert "…" { amount: p.amount }`)";
  }
  const std::vector<std::string> names(numbers.begin(), numbers.end());
  if (const auto meant = rules::nearest(field, names)) {
    return text + fmt::format("; did you mean `{}`?", *meant);
  }
  const std::span shown = std::span(names).first(std::min(names.size(), kNamesShown));
  return text + fmt::format("; numbers of alerts are `{}`{}", fmt::join(shown, "`, `"),
                            names.size() > kNamesShown ? " and others" : "");
}
}  // namespace tocsin::api
