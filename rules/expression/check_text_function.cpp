// Functions that make texts of texts: `concat` and `+`, `split`, `capture`.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/check_regex.h"
#include "rules/expression/expression_parts.h"

namespace tocsin::rules {
using cep::Function;
using cep::Op;
using cep::TypeKind;
using tree::ExprKind;

namespace {
cep::ExprPtr text_call(Function function, std::vector<cep::ExprPtr> args) {
  auto call = std::make_shared<cep::Expr>();
  call->op = Op::kCall;
  call->payload = cep::FunctionCall{function, {}};
  call->type = plain_type(TypeKind::kString);
  call->args = std::move(args);
  return call;
}
bool is_literal(const Checked& checked, cep::ValueKind kind) {
  return checked.expr->op == Op::kLiteral && literal_of(*checked.expr).kind == kind;
}

// The number of the group that is asked for; reports where there is none such.
std::optional<std::uint32_t> check_group(const ExprContext& c, const tree::Expr& expr,
                                         const std::vector<std::string>& groups) {
  const Checked group = check_expr(c, expr);
  if (!group) return std::nullopt;
  const cep::Value value = literal_of(*group.expr);
  if (is_literal(group, cep::ValueKind::kInt) && value.number >= 0 &&
      value.number <= static_cast<std::int64_t>(groups.size())) {
    return static_cast<std::uint32_t>(value.number);
  }
  std::vector<std::string> names;
  std::ranges::copy_if(groups, std::back_inserter(names),
                       [](const std::string& name) { return !name.empty(); });
  if (is_literal(group, cep::ValueKind::kString)) {
    const auto named = std::ranges::find(groups, value.text);
    if (!value.text.empty() && named != groups.end()) {
      return static_cast<std::uint32_t>(named - groups.begin() + 1);
    }
  }
  std::string message = "the group is a number or a name that is written out";
  if (is_literal(group, cep::ValueKind::kInt)) {
    message = fmt::format("the regular expression has no group {}", cep::to_text(value));
  } else if (is_literal(group, cep::ValueKind::kString)) {
    message = fmt::format("the regular expression has no group named {}", in_code(value.text));
  }
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0315, group.span, std::move(message),
                      groups.empty()       ? std::string("it has no group")
                      : groups.size() == 1 ? std::string("it has one group")
                                           : fmt::format("it has {} groups", groups.size()));
  if (is_literal(group, cep::ValueKind::kString) && !names.empty()) {
    suggest(c.context, diagnostic, std::string(value.text), names);
  }
  if (groups.empty()) {
    diagnostic.helps.push_back(
        "a group is written in parentheses: `/card ([0-9]+)/`; without a number the whole match is "
        "the result");
  } else {
    diagnostic.helps.push_back("groups are counted from 1 by their opening parentheses");
  }
  c.context.sink.report(std::move(diagnostic));
  c.context.has_error_type = true;
  return std::nullopt;
}
}  // namespace

const char* help_for_joining() {
  return "texts are joined, and a number has no text of its own: in a message it stands as "
         "`{amount}`";
}

cep::ExprPtr joined_texts(const std::vector<cep::ExprPtr>& parts) {
  // `a + b + c` is one text, not a text of texts.
  std::vector<cep::ExprPtr> all;
  for (const cep::ExprPtr& part : parts) {
    if (function_of(*part) == Function::kConcat) {
      all.insert(all.end(), part->args.begin(), part->args.end());
    } else {
      all.push_back(part);
    }
  }
  return text_call(Function::kConcat, std::move(all));
}

Checked check_concat(const ExprContext& c, const tree::Expr& expr) {
  std::vector<cep::ExprPtr> parts;
  for (const tree::ExprPtr& arg : expr.args) {
    const Checked part = check_expr(c, *arg);
    if (!part) continue;
    if (is_text(part.type())) {
      parts.push_back(part.expr);
      continue;
    }
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0315, part.span,
                        fmt::format("`concat` takes texts, not {}", type_text(part.type())),
                        type_label(c.context, part));
    diagnostic.helps.emplace_back(help_for_joining());
    c.context.sink.report(std::move(diagnostic));
    c.context.has_error_type = true;
  }
  if (parts.size() != expr.args.size()) return error_type(c, expr);
  return {joined_texts(parts), expr.span, std::nullopt};
}

Checked check_split(const ExprContext& c, const tree::Expr& expr) {
  const std::string& name = expr.name.text;
  const Checked text = check_text(c, *expr.args[0], name);
  const Checked separator = check_text(c, *expr.args[1], name);
  const Checked number = check_expr(c, *expr.args[2]);
  if (!text || !separator || !number) return error_type(c, expr);
  if (number.type().kind != TypeKind::kInt) {
    report_argument(c, name, "an int for the number of the part", number);
    return error_type(c, expr);
  }
  std::optional<Diagnostic> diagnostic;
  if (is_literal(separator, cep::ValueKind::kString) && literal_of(*separator.expr).text.empty()) {
    diagnostic = make_diagnostic(Code::kE0315, separator.span, "a separator has a character",
                                 "an empty text would separate any two characters");
    diagnostic->helps.push_back("for one character after the other write `substring(memo, 1, 1)`");
  } else if (is_literal(number, cep::ValueKind::kInt) && literal_of(*number.expr).number == 0) {
    diagnostic = make_diagnostic(Code::kE0315, number.span, "the parts are counted from 1",
                                 "there is no part 0");
    diagnostic->helps.push_back("the first part is 1, the last one is -1");
  }
  if (diagnostic) {
    c.context.sink.report(std::move(*diagnostic));
    return error_type(c, expr);
  }
  return {text_call(Function::kSplit, {text.expr, separator.expr, number.expr}), expr.span,
          std::nullopt};
}

Checked check_capture(const ExprContext& c, const tree::Expr& expr) {
  const Checked text = check_text(c, *expr.args[0], expr.name.text);
  const tree::Expr& written = *expr.args[1];
  const tree::Expr* regex = find_regex(c, written);
  if (regex == nullptr || regex->kind != ExprKind::kRegex) {
    const Checked value = regex == nullptr ? Checked() : check_expr(c, written);
    if (!value) return error_type(c, expr);
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0315, written.span, "`capture` takes a regular expression",
                        type_label(c.context, value));
    diagnostic.helps.push_back(
        "a regular expression is written between slashes: `capture(memo, /card ([0-9]+)/, 1)`");
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  const std::optional<std::vector<std::string>> groups = regex_groups(c.context, *regex);
  if (!groups) return error_type(c, expr);
  std::uint32_t number = 0;
  if (expr.args.size() > 2) {
    const std::optional<std::uint32_t> group = check_group(c, *expr.args[2], *groups);
    if (!group) return error_type(c, expr);
    number = *group;
  }
  if (!check_capture_cost(c.context, *regex, number) || !text) return error_type(c, expr);
  auto capture = std::make_shared<cep::Expr>();
  capture->op = Op::kCall;
  capture->payload =
      cep::FunctionCall{Function::kCapture, cep::RegexLiteral{regex->text, regex->ignore_case}};
  capture->type = plain_type(TypeKind::kString);
  capture->args = {text.expr,
                   literal_expr(plain_type(TypeKind::kInt), cep::Value::integer(number))};
  return {std::move(capture), expr.span, std::nullopt};
}
}  // namespace tocsin::rules
