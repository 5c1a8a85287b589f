// Search in text: `contains`, `matches` and their like, and `matched`.
#include <fmt/format.h>

#include <utility>

#include "cep/data/list_program.h"
#include "rules/context/build_expr.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/check_regex.h"
#include "rules/expression/expression_parts.h"

namespace tocsin::rules {
using cep::ListKind;
using cep::Op;
using cep::TypeKind;
using tree::ExprKind;

namespace {
const cep::Type& bool_type() {
  static const cep::Type kBool = plain_type(TypeKind::kBool);
  return kBool;
}
const char* operator_text(ExprKind kind) {
  switch (kind) {
    case ExprKind::kMatches:
      return "matches";
    case ExprKind::kMatchesAnyOf:
      return "matches any of";
    case ExprKind::kContains:
      return "contains";
    case ExprKind::kContainsWord:
      return "contains word";
    case ExprKind::kContainsAnyOf:
      return "contains any of";
    case ExprKind::kContainsAnyWordOf:
      return "contains any word of";
    case ExprKind::kStartsWith:
      return "starts with";
    default:
      return "ends with";
  }
}
Op operator_of(ExprKind kind) {
  switch (kind) {
    case ExprKind::kMatches:
      return Op::kMatches;
    case ExprKind::kMatchesAnyOf:
      return Op::kMatchesAnyOf;
    case ExprKind::kContains:
      return Op::kContains;
    case ExprKind::kContainsWord:
      return Op::kContainsWord;
    case ExprKind::kContainsAnyOf:
      return Op::kContainsAnyOf;
    case ExprKind::kContainsAnyWordOf:
      return Op::kContainsAnyWordOf;
    case ExprKind::kStartsWith:
      return Op::kStartsWith;
    default:
      return Op::kEndsWith;
  }
}

cep::ExprPtr match_expr(const Checked& text, const tree::Expr& regex) {
  auto match = std::make_shared<cep::Expr>();
  match->op = Op::kMatches;
  match->type = bool_type();
  match->args = {text.expr};
  match->payload = cep::RegexLiteral{regex.text, regex.ignore_case};
  return match;
}

Checked check_matches(const ExprContext& c, const tree::Expr& expr, const Checked& text,
                      const tree::Expr& right) {
  const tree::Expr* regex = find_regex(c, right);
  if (regex == nullptr) return error_type(c, expr);
  if (regex->kind != ExprKind::kRegex) {
    const Checked value = check_expr(c, right);
    if (!value) return error_type(c, expr);
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0315, right.span, "`matches` takes a regular expression",
                        type_label(c.context, value));
    diagnostic.helps.push_back(
        "a regular expression is written between slashes: `memo matches /gift ?card/i`; for text "
        "write `contains`");
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  // A constant's expression is checked where it is declared.
  if (regex == &right && !check_regex(c.context, right)) return error_type(c, expr);
  if (!text) return error_type(c, expr);
  return checked(expr, match_expr(text, *regex));
}

// The constant or list of a name that is no field here.
ValueSymbol* find_values(const ExprContext& c, const tree::Expr& expr) {
  if (expr.kind != ExprKind::kName) return nullptr;
  const FieldLookup field =
      look_up_field(c.context, c.scope.types, c.scope.types_broken, expr.name.text);
  if (field.presence != FieldPresence::kNowhere && field.presence != FieldPresence::kUnknown) {
    return nullptr;
  }
  const auto symbol = c.context.names.values.find(expr.name.text);
  if (symbol == c.context.names.values.end() || symbol->second.broken) return nullptr;
  note_use(c.context, expr.name.span, symbol->second.name->span);
  return &symbol->second;
}

ValueSymbol* find_list(const ExprContext& c, const tree::Expr& right, const std::string& asked_by) {
  if (right.kind == ExprKind::kName) {
    const auto symbol = c.context.names.values.find(right.name.text);
    if (symbol != c.context.names.values.end() && symbol->second.form == ValueForm::kList) {
      symbol->second.list_used = true;
      note_use(c.context, right.name.span, symbol->second.name->span);
      return &symbol->second;
    }
    if (symbol == c.context.names.values.end()) {
      report_no_list(c, right);
      return nullptr;
    }
  }
  if (right.kind == ExprKind::kError) return nullptr;
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0310, right.span, fmt::format("a list is needed after {}", in_code(asked_by)));
  diagnostic.helps.push_back("name a list: `list scams : text = [\"gift card\", \"anydesk\"]`");
  c.context.sink.report(std::move(diagnostic));
  return nullptr;
}

Checked any_of(const tree::Expr& expr, std::vector<cep::ExprPtr> tests) {
  if (tests.empty()) return checked(expr, literal_expr(bool_type(), cep::Value::boolean(false)));
  if (tests.size() == 1) return checked(expr, tests.front());
  return checked(expr, operator_expr(Op::kOr, bool_type(), std::move(tests)));
}

Checked check_search_in_written(const ExprContext& c, const tree::Expr& expr, const Checked& text,
                                const tree::Expr& right) {
  const std::string asked_by = operator_text(expr.kind);
  std::vector<cep::ExprPtr> tests;
  bool broken = !text;
  for (const tree::ExprPtr& element : right.args) {
    if (expr.kind == ExprKind::kMatchesAnyOf) {
      if (element->kind != ExprKind::kRegex) {
        if (element->kind != ExprKind::kError) {
          Diagnostic diagnostic = make_diagnostic(Code::kE0315, element->span,
                                                  "`matches any of` takes regular expressions");
          diagnostic.helps.push_back(
              "each is written between slashes: `[/gift ?card/i, /anydesk/i]`");
          c.context.sink.report(std::move(diagnostic));
        }
        broken = true;
      } else if (!check_regex(c.context, *element)) {
        broken = true;
      } else if (text) {
        tests.push_back(match_expr(text, *element));
      }
      continue;
    }
    const Checked what = check_text(c, *element, asked_by);
    broken = broken || !what;
    if (broken) continue;
    tests.push_back(
        operator_expr(expr.kind == ExprKind::kContainsAnyOf ? Op::kContains : Op::kContainsWord,
                      bool_type(), {text.expr, what.expr}));
  }
  if (broken) return error_type(c, expr);
  return any_of(expr, std::move(tests));
}

Checked check_search_in_list(const ExprContext& c, const tree::Expr& expr, const Checked& text,
                             const tree::Expr& right) {
  const std::string asked_by = operator_text(expr.kind);
  const bool regexes = expr.kind == ExprKind::kMatchesAnyOf;
  if (right.kind == ExprKind::kList) return check_search_in_written(c, expr, text, right);
  if (right.kind == ExprKind::kName && !regexes) {
    const auto symbol = c.context.names.values.find(right.name.text);
    if (symbol != c.context.names.values.end() && symbol->second.form == ValueForm::kConst &&
        symbol->second.constant.is_list && !symbol->second.broken) {
      note_use(c.context, right.name.span, symbol->second.name->span);
      std::vector<cep::ExprPtr> tests;
      if (!text) return error_type(c, expr);
      for (const cep::OwnedValue& value : symbol->second.constant.values) {
        if (value.view().kind != cep::ValueKind::kString) continue;
        tests.push_back(operator_expr(
            expr.kind == ExprKind::kContainsAnyOf ? Op::kContains : Op::kContainsWord, bool_type(),
            {text.expr, literal_expr(plain_type(TypeKind::kString), value.view())}));
      }
      return any_of(expr, std::move(tests));
    }
  }
  ValueSymbol* symbol = find_list(c, right, asked_by);
  if (!symbol || symbol->broken || !text) return error_type(c, expr);
  const cep::List& list = c.context.plan.lists[symbol->list.value];
  const bool fits = regexes ? list.kind == ListKind::kRegex
                            : list.kind != ListKind::kRegex && list.kind != ListKind::kNetwork &&
                                  list.element.kind == TypeKind::kString;
  if (!fits) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0310, right.span,
        fmt::format("{} is a list of {}", in_code(right.name.text), in_code(cep::type_name(list))),
        fmt::format("{} needs a list of {}", in_code(asked_by), regexes ? "`regex`" : "`text`"));
    diagnostic.labels.push_back({symbol->name->span, "declared here"});
    if (list.kind == ListKind::kRegex) {
      diagnostic.helps.push_back("a list of regular expressions is written after `matches any of`");
      diagnostic.edit = Edit{expr.op_span, "matches any of"};
    } else if (list.kind == ListKind::kNetwork) {
      diagnostic.helps.push_back("an address is written before `in`: `ip in " + right.name.text +
                                 "`");
    }
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  return checked(expr, list_expr(operator_of(expr.kind), bool_type(), text, symbol->list));
}
}  // namespace

Checked check_search(const ExprContext& c, const tree::Expr& expr) {
  const std::string asked_by = operator_text(expr.kind);
  Checked text = check_expr(c, *expr.args[0]);
  if (text && !is_text(text.type())) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0315, expr.op_span,
        fmt::format("{} searches text, not {}", in_code(asked_by), type_text(text.type())));
    diagnostic.labels.push_back({text.span, type_label(c.context, text)});
    c.context.sink.report(std::move(diagnostic));
    text = error_type(c, expr);
  }
  const tree::Expr& right = *expr.args[1];
  switch (expr.kind) {
    case ExprKind::kMatches:
      return check_matches(c, expr, text, right);
    case ExprKind::kMatchesAnyOf:
    case ExprKind::kContainsAnyOf:
    case ExprKind::kContainsAnyWordOf:
      return check_search_in_list(c, expr, text, right);
    default:
      break;
  }
  if (right.kind == ExprKind::kRegex) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0315, right.span,
                        fmt::format("{} takes text, not a regular expression", in_code(asked_by)));
    diagnostic.helps.push_back("a regular expression is written after `matches`");
    if (expr.kind == ExprKind::kContains) diagnostic.edit = Edit{expr.op_span, "matches"};
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  const Checked what = check_text(c, right, asked_by);
  if (!text || !what) return error_type(c, expr);
  return checked(expr, operator_expr(operator_of(expr.kind), bool_type(), {text.expr, what.expr}));
}

const tree::Expr* find_regex(const ExprContext& c, const tree::Expr& written) {
  if (written.kind != ExprKind::kName) return &written;
  const auto symbol = c.context.names.values.find(written.name.text);
  if (symbol == c.context.names.values.end() || symbol->second.form != ValueForm::kConst) {
    return &written;
  }
  note_use(c.context, written.name.span, symbol->second.name->span);
  if (symbol->second.broken) return nullptr;
  return symbol->second.constant.regex != nullptr ? symbol->second.constant.regex : &written;
}

const std::vector<cep::OwnedValue>* find_text_values(const ExprContext& c, const tree::Expr& expr) {
  ValueSymbol* const found = find_values(c, expr);
  if (found == nullptr) return nullptr;
  if (found->form == ValueForm::kConst && found->constant.is_list) return &found->constant.values;
  if (found->form != ValueForm::kList) return nullptr;
  const cep::List& list = c.context.plan.lists[found->list.value];
  if (list.kind == ListKind::kRegex || list.element.kind != TypeKind::kString) return nullptr;
  found->list_used = true;
  warn_of_networks(c, expr.span, *found, true);
  return &list.values;
}

ValueSymbol* find_networks(const ExprContext& c, const tree::Expr& expr) {
  ValueSymbol* const found = find_values(c, expr);
  if (found == nullptr || found->form != ValueForm::kList) return nullptr;
  const cep::List& list = c.context.plan.lists[found->list.value];
  return list.kind == ListKind::kNetwork ? found : nullptr;
}

cep::ExprPtr list_expr(Op op, const cep::Type& type, const Checked& text, cep::ListIndex list) {
  auto search = std::make_shared<cep::Expr>();
  search->op = op;
  search->type = type;
  search->args = {text.expr};
  search->payload = cep::ListLookup{list};
  return search;
}

Checked check_matched(const ExprContext& c, const tree::Expr& expr) {
  if (!check_count(c, expr, 2, 2, "matched(memo, scam_phrases)")) return error_type(c, expr);
  const Checked text = check_text(c, *expr.args[0], expr.name.text);
  ValueSymbol* symbol = find_list(c, *expr.args[1], expr.name.text);
  if (!symbol || symbol->broken || !text) return error_type(c, expr);
  const cep::List& list = c.context.plan.lists[symbol->list.value];
  if (list.element.kind != TypeKind::kString || list.kind == ListKind::kNetwork) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0310, expr.args[1]->span,
                        fmt::format("{} is a list of {}", in_code(symbol->name->text),
                                    in_code(cep::type_name(list))),
                        "`matched` needs a list of `text`, `regex` or `string`");
    diagnostic.labels.push_back({symbol->name->span, "declared here"});
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  return checked(expr, list_expr(Op::kMatched, plain_type(TypeKind::kString), text, symbol->list));
}
}  // namespace tocsin::rules
