#include "rules/lint/literal_warnings.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "rules/context/report.h"

namespace tocsin::rules {
using tree::ExprKind;

namespace {
bool is_text(const tree::Expr& expr) {
  return expr.kind == ExprKind::kLiteral && expr.literal.view().kind == cep::ValueKind::kString;
}

// `5%` and `100 %` are amounts.
bool is_wildcard(std::string_view text) {
  if (text.size() < 2) return false;
  const char before = text[text.size() - 2];
  const bool amount = (before >= '0' && before <= '9') || before == ' ';
  return text.front() == '*' || text.back() == '*' || text.front() == '%' ||
         (text.back() == '%' && !amount);
}

std::string without_wildcards(std::string_view text) {
  while (!text.empty() && (text.front() == '*' || text.front() == '%')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == '*' || text.back() == '%')) text.remove_suffix(1);
  return std::string(text);
}

void warn_if_wildcard(CheckContext& context, const tree::Expr& literal, bool compared) {
  if (!is_text(literal) || !is_wildcard(literal.literal.view().text)) return;
  const std::string_view text = literal.literal.view().text;
  const bool open_begin = text.front() == '*' || text.front() == '%';
  const bool open_end = text.back() == '*' || text.back() == '%';
  const char mark = open_begin ? text.front() : text.back();
  Diagnostic diagnostic = make_diagnostic(Code::kW0037, literal.span,
                                          fmt::format("`{}` is an ordinary character here", mark),
                                          "only a text with this very character fits");
  const std::string plain = without_wildcards(text);
  if (!compared) {
    diagnostic.helps.push_back("leave it out");
  } else if (open_begin && open_end) {
    diagnostic.helps.push_back(fmt::format("write `contains \"{}\"`", plain));
  } else {
    diagnostic.helps.push_back(
        fmt::format("write `{} with \"{}\"`", open_begin ? "ends" : "starts", plain));
  }
  context.sink.report(std::move(diagnostic));
}

void warn_of_repeats(CheckContext& context, const std::vector<const tree::Expr*>& elements) {
  std::map<std::string, const tree::Expr*> seen;
  for (const tree::Expr* element : elements) {
    std::string value;
    if (is_text(*element)) {
      value = "\"" + std::string(element->literal.view().text);
    } else if (element->kind == ExprKind::kLiteral) {
      value = element->text;
    } else if (element->kind == ExprKind::kName) {
      value = "." + element->name.text;
    } else if (element->kind == ExprKind::kRegex) {
      value = fmt::format("/{}/{}", element->text, element->ignore_case);
    } else {
      continue;
    }
    const auto [earlier, is_new] = seen.emplace(std::move(value), element);
    if (is_new) continue;
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0036, element->span, "this value appears twice in the list");
    diagnostic.labels.push_back({earlier->second->span, "the first"});
    context.sink.report(std::move(diagnostic));
  }
}
}  // namespace

void warn_of_literals(CheckContext& context, const tree::Expr& condition) {
  const bool compares = condition.kind == ExprKind::kEqual ||
                        condition.kind == ExprKind::kNotEqual || condition.kind == ExprKind::kIn ||
                        condition.kind == ExprKind::kNotIn;
  const bool searches =
      condition.kind == ExprKind::kContains || condition.kind == ExprKind::kContainsWord ||
      condition.kind == ExprKind::kContainsAnyOf ||
      condition.kind == ExprKind::kContainsAnyWordOf || condition.kind == ExprKind::kStartsWith ||
      condition.kind == ExprKind::kEndsWith;
  for (const tree::ExprPtr& arg : condition.args) {
    if (!arg) continue;
    if (arg->kind == ExprKind::kList) {
      std::vector<const tree::Expr*> elements;
      for (const tree::ExprPtr& element : arg->args) {
        if (element) elements.push_back(element.get());
        if (element && (compares || searches)) warn_if_wildcard(context, *element, compares);
      }
      warn_of_repeats(context, elements);
    } else if (compares || searches) {
      warn_if_wildcard(context, *arg, compares);
    }
    warn_of_literals(context, *arg);
  }
}

bool warn_of_digits(CheckContext& context, const cep::Type& type, const cep::Value& number,
                    SourceSpan span, std::string_view list) {
  const bool is_exact = type.kind == cep::TypeKind::kInt || type.kind == cep::TypeKind::kDecimal;
  if (!is_exact || number.kind != cep::ValueKind::kDecimal) return false;
  int digits = number.scale;
  for (cep::Int128 mantissa = number.number; digits > 0 && mantissa % 10 == 0; mantissa /= 10) {
    --digits;
  }
  const int most = type.kind == cep::TypeKind::kInt ? 0 : type.scale;
  if (digits <= most) return false;
  const std::string value = cep::to_text(number);
  Diagnostic diagnostic = make_diagnostic(
      Code::kW0041, span,
      list.empty()
          ? fmt::format("no value is ever equal to {}", value)
          : fmt::format("no value is ever equal to {}, an entry of {}", value, in_code(list)),
      most == 0 ? "the other side is a whole number"
                : fmt::format("the other side has {} after the point",
                              most == 1 ? "1 digit" : fmt::format("{} digits", most)));
  diagnostic.helps.push_back("round the number, or compare with `<`, `>` or `between`");
  context.sink.report(std::move(diagnostic));
  return true;
}

void warn_of_elements(CheckContext& context, const std::vector<tree::ExprPtr>& elements) {
  std::vector<const tree::Expr*> all;
  for (const tree::ExprPtr& element : elements) {
    if (!element) continue;
    all.push_back(element.get());
    warn_if_wildcard(context, *element, true);
  }
  warn_of_repeats(context, all);
}
}  // namespace tocsin::rules
