#include "rules/expression/aggregate_typing.h"

#include <fmt/format.h>

#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"

namespace tocsin::rules {
using cep::Aggregate;
using cep::Type;
using cep::TypeKind;
using tree::AggregateName;
using tree::AggregateParamForm;

namespace {
// What an aggregate needs, for a message; null where it takes this type.
const char* missing_property(AggregateName name, const Type& type) {
  switch (name) {
    case AggregateName::kSum:
    case AggregateName::kAvg:
    case AggregateName::kPercentile:
      return is_number(type) || type.kind == TypeKind::kDuration ? nullptr : "numbers or durations";
    case AggregateName::kStddev:
    case AggregateName::kStddevPop:
    case AggregateName::kEwma:
      return is_number(type) ? nullptr : "numbers";
    case AggregateName::kMin:
    case AggregateName::kMax:
      return is_ordered(type) ? nullptr : "values that have an order";
    default:
      return nullptr;
  }
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

Type type_given(AggregateName name, const Type& argument) {
  switch (name) {
    case AggregateName::kCount:
    case AggregateName::kDistinct:
      return plain_type(TypeKind::kInt);
    case AggregateName::kAvg:
      if (argument.kind == TypeKind::kFloat || argument.kind == TypeKind::kDuration) {
        return argument;
      }
      return plain_type(TypeKind::kFraction);
    case AggregateName::kStddev:
    case AggregateName::kStddevPop:
    case AggregateName::kEwma:
      return plain_type(TypeKind::kFloat);
    default:
      return argument;
  }
}

const char* usage_of(AggregateName name) {
  return name == AggregateName::kEwma
             ? "write `ewma(amount of payment, half life 7d)` or `ewma(amount of payment, weight "
               "0.3)`"
             : "write `percentile(amount of payment, 95)`";
}

// A number that is written, or a constant.
std::optional<double> written_number(ExpressionChecker& checker, const tree::Expr& expr) {
  const Checked value = checker.check(expr);
  if (!value || value.expr->op != cep::Op::kLiteral || !is_number(value.type())) {
    return std::nullopt;
  }
  return cep::to_float(literal_of(*value.expr)).real;
}
}  // namespace

Aggregate aggregate_of(AggregateName name) {
  switch (name) {
    case AggregateName::kCount:
      return Aggregate::kCount;
    case AggregateName::kSum:
      return Aggregate::kSum;
    case AggregateName::kAvg:
      return Aggregate::kAvg;
    case AggregateName::kMin:
      return Aggregate::kMin;
    case AggregateName::kMax:
      return Aggregate::kMax;
    case AggregateName::kStddev:
      return Aggregate::kStddev;
    case AggregateName::kStddevPop:
      return Aggregate::kStddevPop;
    case AggregateName::kDistinct:
      return Aggregate::kDistinct;
    case AggregateName::kFirst:
      return Aggregate::kFirst;
    case AggregateName::kLast:
      return Aggregate::kLast;
    case AggregateName::kEwma:
      return Aggregate::kEwma;
    case AggregateName::kPercentile:
      return Aggregate::kPercentile;
  }
  return Aggregate::kCount;
}

std::optional<TypedArgument> type_argument(CheckContext& context, AggregateName name,
                                           const Checked& argument) {
  if (const char* needed = missing_property(name, argument.type())) {
    context.sink.report(
        make_diagnostic(Code::kE0308, argument.span,
                        fmt::format("{} needs {}", in_code(tree::aggregate_text(name)), needed),
                        type_label(context, argument)));
    return std::nullopt;
  }
  TypedArgument typed;
  typed.expr =
      argument.type().kind == TypeKind::kFraction ? kept_quotient(argument.expr) : argument.expr;
  typed.type = type_given(name, typed.expr->type);
  return typed;
}

std::optional<AggregateParams> check_params(
    CheckContext& context, ExpressionChecker& checker, AggregateName name, SourceSpan name_span,
    const std::vector<const tree::AggregateParam*>& params) {
  const std::string text = tree::aggregate_text(name);
  const bool is_ewma = name == AggregateName::kEwma;
  if (!is_ewma && name != AggregateName::kPercentile) {
    if (params.empty()) return AggregateParams{};
    context.sink.report(make_diagnostic(Code::kE0311, params.front()->span,
                                        fmt::format("{} takes nothing more", in_code(text))));
    return std::nullopt;
  }
  const auto refuse = [&](SourceSpan at, std::string message, bool says_usage = true) {
    Diagnostic diagnostic = make_diagnostic(Code::kE0453, at, std::move(message));
    if (says_usage) diagnostic.helps.emplace_back(usage_of(name));
    context.sink.report(std::move(diagnostic));
    return std::nullopt;
  };
  if (params.empty()) {
    return refuse(name_span, is_ewma ? "`ewma` of which `half life` or `weight`?"
                                     : "`percentile` of which percentage?");
  }
  if (params.size() > 1) {
    context.sink.report(make_diagnostic(Code::kE0311, params[1]->span,
                                        fmt::format("{} takes nothing more", in_code(text))));
    return std::nullopt;
  }
  const tree::AggregateParam& param = *params.front();
  AggregateParams found;
  if (is_ewma && param.form == AggregateParamForm::kHalfLife) {
    if (!param.half_life) return std::nullopt;
    if (!require_positive(context, *param.half_life, "half life")) return std::nullopt;
    found.half_life = param.half_life->value;
    return found;
  }
  if (is_ewma != (param.form == AggregateParamForm::kWeight)) {
    return refuse(param.span, is_ewma ? "`ewma` takes a `half life` or a `weight`"
                                      : "`percentile` takes a percentage");
  }
  if (!param.expr || param.expr->kind == tree::ExprKind::kError) return std::nullopt;
  const std::optional<double> number = written_number(checker, *param.expr);
  if (is_ewma) {
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
