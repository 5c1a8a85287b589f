// Features read under other fields than the event's own key: `NAME(from_account)`.
#include <fmt/format.h>

#include <algorithm>

#include "rules/check_expression.h"
#include "rules/check_features.h"
#include "rules/report.h"
#include "rules/types.h"

namespace tocsin::rules {
using cep::Op;

namespace {
// What a key argument may not use; nothing where the expression is of the current event alone.
bool is_of_event(const cep::Expr& expr) {
  switch (expr.op) {
    case Op::kBound:
    case Op::kPrev:
    case Op::kAggregate:
    case Op::kFeature:
    case Op::kIsBound:
    case Op::kInLoop:
      return false;
    default:
      break;
  }
  return std::ranges::all_of(
      expr.args, [](const cep::ExprPtr& arg) { return arg == nullptr || is_of_event(*arg); });
}
}  // namespace

ValueSymbol* ExpressionChecker::called_feature(const tree::Expr& expr) const {
  const auto symbol = context_.names.values.find(expr.name.text);
  const bool is_feature =
      symbol != context_.names.values.end() && symbol->second.form == ValueForm::kFeature;
  return is_feature ? &symbol->second : nullptr;
}

Checked ExpressionChecker::read_feature_under(const tree::Expr& expr, ValueSymbol& symbol) {
  if (!may_read_feature(expr, symbol)) return error(expr);
  const std::optional<cep::FeatureIndex> index = find_feature(context_, symbol, expr.op_span);
  std::vector<Checked> arguments;
  for (const tree::ExprPtr& arg : expr.args) arguments.push_back(check(*arg));
  if (!index) return error(expr);
  // A copy: checking an argument may have added features.
  const cep::KeySpec key = context_.features[*index].key;
  const std::string& name = expr.name.text;
  if (arguments.size() != key.parts.size()) {
    std::vector<std::string> parts;
    for (const cep::KeyPart& part : key.parts) parts.push_back(part.name);
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0311, expr.span,
                        fmt::format("{} is by {} value{}, not {}", in_code(name), key.parts.size(),
                                    key.parts.size() == 1 ? "" : "s", arguments.size()));
    diagnostic.labels.push_back({symbol.name->span, "the feature"});
    context_.sink.report(std::move(diagnostic));
    return error(expr);
  }
  auto read = std::make_shared<cep::Expr>();
  bool broken = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Checked& argument = arguments[i];
    if (!argument) {
      broken = true;
      continue;
    }
    if (!is_of_event(*argument.expr)) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0457, argument.span,
                          fmt::format("{} is read by fields of this event alone", in_code(name)));
      diagnostic.labels.push_back({symbol.name->span, "the feature"});
      context_.sink.report(std::move(diagnostic));
      broken = true;
      continue;
    }
    const cep::KeyPart& part = key.parts[i];
    if (!(argument.type() == part.type)) {
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0313, argument.span,
          fmt::format("{} is by {}, a {}", in_code(name), in_code(part.name), type_text(part.type)),
          type_label(context_, argument));
      diagnostic.labels.push_back({symbol.name->span, "the feature"});
      context_.sink.report(std::move(diagnostic));
      broken = true;
      continue;
    }
    read->args.push_back(argument.expr);
  }
  if (broken) return error(expr);
  read->op = Op::kFeature;
  read->type = context_.features[*index].type;
  read->feature = *index;
  return {std::move(read), expr.span, symbol.name->span};
}
}  // namespace tocsin::rules
