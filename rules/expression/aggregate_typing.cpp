#include "rules/expression/aggregate_typing.h"

#include <fmt/format.h>

#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"

namespace tocsin::rules {
using cep::Aggregate;
using cep::aggregate_name;
using cep::AggregateInput;
using cep::AggregateParameter;
using cep::AggregateResult;
using cep::Type;
using cep::TypeKind;
using tree::AggregateParamForm;

namespace {
// What an aggregate needs, for a message; null where it takes this type.
const char* missing_property(Aggregate aggregate, const Type& type) {
  switch (traits_of(aggregate).takes) {
    case AggregateInput::kNothing:
    case AggregateInput::kAnything:
      return nullptr;
    case AggregateInput::kOrdered:
      return is_ordered(type) ? nullptr : "values that have an order";
    case AggregateInput::kNumbers:
      return is_number(type) ? nullptr : "numbers";
    case AggregateInput::kNumbersOrDurations:
      return is_number(type) || type.kind == TypeKind::kDuration ? nullptr : "numbers or durations";
  }
  return nullptr;
}

// round(expr, 9): a quotient as it is kept.
cep::ExprPtr kept_quotient(const cep::ExprPtr& quotient) {
  auto rounded = std::make_shared<cep::Expr>();
  rounded->op = cep::Op::kCall;
  rounded->payload = cep::FunctionCall{cep::Function::kRound, {}};
  rounded->type = decimal_type(cep::kScaleMax);
  rounded->args = {quotient,
                   literal_expr(plain_type(TypeKind::kInt), cep::Value::integer(cep::kScaleMax))};
  return rounded;
}

Type type_given(Aggregate aggregate, const Type& argument) {
  switch (traits_of(aggregate).gives) {
    case AggregateResult::kArgument:
      return argument;
    case AggregateResult::kNumberOf:
      return plain_type(TypeKind::kInt);
    case AggregateResult::kFloat:
      return plain_type(TypeKind::kFloat);
    case AggregateResult::kQuotient:
      if (argument.kind == TypeKind::kFloat || argument.kind == TypeKind::kDuration) {
        return argument;
      }
      return plain_type(TypeKind::kFraction);
  }
  return argument;
}

std::string usage_of(Aggregate aggregate) {
  const char* name = aggregate_name(aggregate);
  if (traits_of(aggregate).parameter == AggregateParameter::kDecay) {
    return fmt::format(
        "write `{0}(amount of payment, half life 7d)` or `{0}(amount of payment, weight 0.3)`",
        name);
  }
  return fmt::format("write `{}(amount of payment, 95)`", name);
}

// A number that is written, or a constant.
std::optional<double> written_number(const ExprContext& c, const tree::Expr& expr) {
  const Checked value = check_expr(c, expr);
  if (!value || value.expr->op != cep::Op::kLiteral || !is_number(value.type())) {
    return std::nullopt;
  }
  return cep::to_float(literal_of(*value.expr)).real;
}
}  // namespace

std::optional<TypedArgument> type_argument(CheckContext& context, Aggregate aggregate,
                                           const Checked& argument) {
  if (const char* needed = missing_property(aggregate, argument.type())) {
    context.sink.report(
        make_diagnostic(Code::kE0308, argument.span,
                        fmt::format("{} needs {}", in_code(aggregate_name(aggregate)), needed),
                        type_label(context, argument)));
    return std::nullopt;
  }
  TypedArgument typed;
  typed.expr =
      argument.type().kind == TypeKind::kFraction ? kept_quotient(argument.expr) : argument.expr;
  typed.type = type_given(aggregate, typed.expr->type);
  return typed;
}

std::optional<AggregateParams> check_params(
    CheckContext& context, const ExprContext& c, Aggregate aggregate, SourceSpan name_span,
    const std::vector<const tree::AggregateParam*>& params) {
  const std::string text = aggregate_name(aggregate);
  const AggregateParameter parameter = traits_of(aggregate).parameter;
  const bool decays = parameter == AggregateParameter::kDecay;
  if (parameter == AggregateParameter::kNone) {
    if (params.empty()) return AggregateParams{};
    context.sink.report(make_diagnostic(Code::kE0311, params.front()->span,
                                        fmt::format("{} takes nothing more", in_code(text))));
    return std::nullopt;
  }
  const auto refuse = [&](SourceSpan at, std::string message, bool says_usage = true) {
    Diagnostic diagnostic = make_diagnostic(Code::kE0453, at, std::move(message));
    if (says_usage) diagnostic.helps.emplace_back(usage_of(aggregate));
    context.sink.report(std::move(diagnostic));
    return std::nullopt;
  };
  if (params.empty()) {
    return refuse(name_span, fmt::format("`{}` of which {}?", text,
                                         decays ? "`half life` or `weight`" : "percentage"));
  }
  if (params.size() > 1) {
    context.sink.report(make_diagnostic(Code::kE0311, params[1]->span,
                                        fmt::format("{} takes nothing more", in_code(text))));
    return std::nullopt;
  }
  const tree::AggregateParam& param = *params.front();
  AggregateParams found;
  if (decays && param.form == AggregateParamForm::kHalfLife) {
    if (!param.half_life) return std::nullopt;
    if (!require_positive(context, *param.half_life, "half life")) return std::nullopt;
    found.half_life = param.half_life->value;
    return found;
  }
  if (decays != (param.form == AggregateParamForm::kWeight)) {
    return refuse(param.span, fmt::format("`{}` takes {}", text,
                                          decays ? "a `half life` or a `weight`" : "a percentage"));
  }
  if (!param.expr || param.expr->kind == tree::ExprKind::kError) return std::nullopt;
  const std::optional<double> number = written_number(c, *param.expr);
  if (decays) {
    if (!number || *number <= 0 || *number > 1) {
      return refuse(param.span, "a weight is a number above 0, up to 1", false);
    }
    found.weight = number;
    return found;
  }
  if (!number || *number <= 0 || *number > 100) {
    return refuse(param.span, "a percentage is a number above 0, up to 100", false);
  }
  found.percentile = *number;
  return found;
}
}  // namespace tocsin::rules
