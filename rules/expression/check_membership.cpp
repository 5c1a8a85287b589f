// `in` and `not in`: a list by name, a list written out, a constant list, and the events of a loop.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/plan/reference.h"
#include "cep/value/ip_address.h"
#include "rules/context/build_expr.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/expression_parts.h"
#include "rules/lint/literal_warnings.h"

namespace tocsin::rules {
using cep::ExprPtr;
using cep::Op;
using cep::TypeKind;
using tree::ExprKind;

namespace {
const cep::Type& bool_type() {
  static const cep::Type kBool = plain_type(TypeKind::kBool);
  return kBool;
}
bool is_enum(const Checked& checked) { return checked && checked.type().kind == TypeKind::kEnum; }

Checked check_in_values(const ExprContext& c, const tree::Expr& expr,
                        const std::vector<Checked>& values, const Checked& left) {
  bool broken = !left;
  bool floats = false;
  for (const Checked& value : values) {
    if (!value || !left) {
      broken = true;
      continue;
    }
    const Typing typing = type_comparison(Op::kIn, left.type(), value.type());
    if (typing.problem != TypingProblem::kNone) {
      report_types(
          c, Code::kE0304,
          fmt::format("cannot compare {} with {}", type_text(left.type()), type_text(value.type())),
          expr.op_span, left, value);
      return error_type(c, expr);
    }
    floats = floats || typing.as_floats;
  }
  if (broken) return error_type(c, expr);
  for (const Checked& value : values) {
    if (floats || value.expr->op != Op::kLiteral) continue;
    warn_of_digits(c.context, left.type(), literal_of(*value.expr), value.span);
  }
  std::vector<ExprPtr> args = {left.expr};
  for (const Checked& value : values) args.push_back(value.expr);
  if (floats) {
    for (ExprPtr& arg : args) arg = widened(arg, plain_type(TypeKind::kFloat));
  }
  return checked(expr, operator_expr(Op::kInValues, bool_type(), std::move(args)));
}

Checked check_in_written_list(const ExprContext& c, const tree::Expr& expr) {
  const Checked left = check_expr(c, *expr.args[0]);
  std::vector<Checked> values;
  for (const tree::ExprPtr& arg : expr.args[1]->args) {
    // It may be a word of an enum that is not known now.
    if (!left && arg->kind == ExprKind::kName) return error_type(c, expr);
    values.push_back(check_expr(c, *arg, is_enum(left) ? &left.type() : nullptr));
  }
  return check_in_values(c, expr, values, left);
}

Checked check_in_const_list(const ExprContext& c, const tree::Expr& expr,
                            const ValueSymbol& symbol) {
  const Checked left = check_expr(c, *expr.args[0]);
  if (symbol.broken) return error_type(c, expr);
  std::vector<Checked> values;
  for (const cep::OwnedValue& owned : symbol.constant.values) {
    const cep::Value value = owned.view();
    const bool word = is_enum(left) && word_of(left.type(), value.text);
    values.push_back(
        {word ? word_expr(left.type(), value.text) : literal_expr(type_of_value(value), value),
         expr.args[1]->span, symbol.name->span});
  }
  return check_in_values(c, expr, values, left);
}

Checked check_in_list(const ExprContext& c, const tree::Expr& expr, ValueSymbol& symbol) {
  symbol.list_used = true;
  Checked left = check_expr(c, *expr.args[0]);
  if (!left || symbol.broken) return error_type(c, expr);
  const cep::List& list = c.context.plan.lists[symbol.list.value];
  if (list.kind == cep::ListKind::kText || list.kind == cep::ListKind::kRegex) {
    const bool regexes = list.kind == cep::ListKind::kRegex;
    const char* const instead = regexes ? "matches any of" : "contains any of";
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0310, expr.op_span,
                        fmt::format("{} holds {} to search for", in_code(symbol.name->text),
                                    regexes ? "regular expressions" : "phrases"));
    diagnostic.labels.push_back({symbol.name->span, "declared here"});
    if (expr.kind == ExprKind::kIn) {
      diagnostic.helps.push_back(fmt::format("write `{}`", instead));
      diagnostic.edit = Edit{expr.op_span, instead};
    }
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  const bool networks = list.kind == cep::ListKind::kNetwork;
  const Typing typing = type_comparison(Op::kIn, left.type(), list.element);
  // Outside, the words of an enum are text: a list of strings may hold them.
  const bool words = is_enum(left) && list.element.kind == TypeKind::kString && !networks;
  if (typing.problem != TypingProblem::kNone && !words) {
    const tree::Expr& right = *expr.args[1];
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0304, expr.op_span,
                        fmt::format("cannot look for {} in a list of {}", type_text(left.type()),
                                    networks ? "networks" : type_text(list.element)));
    diagnostic.labels.push_back({left.span, type_label(c.context, left)});
    diagnostic.labels.push_back(
        {right.span,
         fmt::format("a list of {}, from {}", networks ? "networks" : type_text(list.element),
                     place_text(c.context.sources, symbol.name->span))});
    const TypeKind kind = left.type().kind;
    if (networks) {
      diagnostic.helps.push_back("an address is a text: declare its field `string`");
    } else if (kind == TypeKind::kTime && list.element.kind == TypeKind::kDate) {
      diagnostic.helps.push_back(fmt::format(
          "ask for the day of the time: `date(ts, \"Europe/Berlin\") in {}`", symbol.name->text));
    } else {
      diagnostic.helps.push_back(
          fmt::format("if the list is meant for this field, declare it `list {} : {} = …`",
                      symbol.name->text, cep::type_name(left.type())));
    }
    symbol.broken = true;  // said once for all places
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  if (!networks) warn_of_networks(c, expr.args[1]->span, symbol, false);
  for (const cep::OwnedValue& value : list.values) {
    if (warn_of_digits(c.context, left.type(), value.view(), expr.args[1]->span,
                       symbol.name->text)) {
      break;
    }
  }
  auto in = std::make_shared<cep::Expr>();
  in->op = Op::kIn;
  in->type = bool_type();
  in->args = {left.expr};
  in->payload = cep::ListLookup{symbol.list};
  return checked(expr, std::move(in));
}

Checked check_in_loop(const ExprContext& c, const tree::Expr& expr, std::size_t step) {
  Checked left = check_expr(c, *expr.args[0]);
  const tree::Expr& right = *expr.args[1];
  const StepSymbol& loop = c.scope.rule->steps[step];
  if (loop.broken || report_if_later(c, step, right.args[0]->span)) return error_type(c, expr);
  if (!loop.loop) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0408, right.span,
        fmt::format("the step {} takes one event, not a list of them", in_code(loop.name)));
    diagnostic.helps.push_back(
        fmt::format("compare with `=`: `= {}.{}`", loop.name, right.name.text));
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  Checked element = field_of(c, right, loop.types, loop.broken, Op::kField);
  if (!left || !element) return error_type(c, expr);
  const Typing typing = type_comparison(Op::kIn, left.type(), element.type());
  if (typing.problem != TypingProblem::kNone) {
    report_types(
        c, Code::kE0304,
        fmt::format("cannot compare {} with {}", type_text(left.type()), type_text(element.type())),
        expr.op_span, left, element);
    return error_type(c, expr);
  }
  if (typing.as_floats) {
    left.expr = widened(left.expr, plain_type(TypeKind::kFloat));
    element.expr = widened(element.expr, plain_type(TypeKind::kFloat));
  }
  auto in = std::make_shared<cep::Expr>();
  in->op = Op::kInLoop;
  in->type = bool_type();
  in->args = {left.expr, element.expr};
  in->payload = cep::VariableTest{loop.var};
  return checked(expr, std::move(in));
}
}  // namespace

Checked check_in(const ExprContext& c, const tree::Expr& expr) {
  const tree::Expr& right = *expr.args[1];
  if (right.kind == ExprKind::kMember && right.args[0]->kind == ExprKind::kName) {
    if (const auto step = find_step(c, *right.args[0])) return check_in_loop(c, expr, *step);
  }
  if (right.kind == ExprKind::kMember && right.args[0]->kind == ExprKind::kIndex) {
    return check_in_table(c, expr);
  }
  if (right.kind == ExprKind::kList) return check_in_written_list(c, expr);
  if (right.kind == ExprKind::kName) {
    const auto symbol = c.context.names.values.find(right.name.text);
    if (symbol != c.context.names.values.end()) {
      ValueSymbol& found = symbol->second;
      note_use(c.context, right.name.span, found.name->span);
      switch (found.form) {
        case ValueForm::kList:
          return check_in_list(c, expr, found);
        case ValueForm::kConst:
          if (found.constant.is_list || found.broken) return check_in_const_list(c, expr, found);
          break;
        case ValueForm::kTable:
        case ValueForm::kFeature:
          break;
      }
    }
  }
  check_expr(c, *expr.args[0]);
  if (right.kind != ExprKind::kError) report_no_list(c, right);
  return error_type(c, expr);
}

void report_no_list(const ExprContext& c, const tree::Expr& right) {
  if (right.kind == ExprKind::kName && !c.context.names.values.contains(right.name.text)) {
    const FieldLookup field =
        look_up_field(c.context, c.scope.types, c.scope.types_broken, right.name.text);
    if (field.presence == FieldPresence::kNowhere || field.presence == FieldPresence::kUnknown) {
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0207, right.span, fmt::format("no list is named {}", in_code(right.name.text)));
      const bool near = suggest(c.context, diagnostic, right.name.text,
                                value_names(c.context, {ValueForm::kList}));
      if (near || !c.context.names.incomplete) c.context.sink.report(std::move(diagnostic));
      return;
    }
  }
  Diagnostic diagnostic = make_diagnostic(Code::kE0310, right.span, "a list is needed after `in`");
  diagnostic.helps.push_back(
      "name a list, or write the values: `in [\"a\", \"b\"]`; for one value, `=`");
  c.context.sink.report(std::move(diagnostic));
}

// A list of strings is asked for an address: by `in`, which compares texts, or by `ip_in`, which
// asks network by network for what the rules declare.
void warn_of_networks(const ExprContext& c, SourceSpan span, const ValueSymbol& symbol,
                      bool by_ip_in) {
  const cep::List& list = c.context.plan.lists[symbol.list.value];
  if (list.kind != cep::ListKind::kValues || list.element.kind != TypeKind::kString) return;
  const auto is_network = [](const cep::OwnedValue& value) {
    const std::string_view text = value.view().text;
    return text.find('/') != std::string_view::npos && cep::parse_ip_network(text);
  };
  const auto first = std::ranges::find_if(list.values, is_network);
  if (!by_ip_in && first == list.values.end()) return;
  Diagnostic diagnostic = make_diagnostic(
      Code::kW0043, span,
      by_ip_in
          ? fmt::format("{} is a list of strings", in_code(symbol.name->text))
          : fmt::format("{} has networks, and `in` compares texts", in_code(symbol.name->text)),
      by_ip_in ? "its networks are compared one after the other; changes by HTTP are not seen"
               : fmt::format("no address is equal to {}", in_code(first->view().text)));
  diagnostic.labels.push_back({symbol.name->span, "declared here"});
  diagnostic.helps.push_back(
      fmt::format("declare it `list {0} : network`, and ask `ip in {0}`", symbol.name->text));
  c.context.sink.report(std::move(diagnostic));
}
}  // namespace tocsin::rules
