#include "library/testing/letter_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "cep/data/text_database.h"
#include "cep/data/text_search.h"
#include "cep/plan/plan.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"
#include "cep/value/unicode.h"
#include "rules/explain/expression_text.h"

namespace tocsin::library {
using cep::Expr;
using cep::Op;
using cep::TextPattern;

namespace {
std::string small_letters(std::string_view text) {
  std::string out;
  cep::append_lower(out, text);
  return out;
}

class LetterCase {
 public:
  LetterCase(const cep::Plan& plan, const cep::Rule& rule, const std::vector<cep::SeenValue>& seen)
      : plan_(plan), rule_(rule), seen_(seen) {}

  std::string advice(const Expr& condition) const {
    if (condition.args.empty() || !condition.args[0]) return {};
    const Expr& operand = *condition.args[0];
    const std::optional<cep::Function> function = function_of(operand);
    if (function == cep::Function::kLower || function == cep::Function::kUpper) return {};
    const std::optional<std::string> text = text_of(*condition.args[0]);
    if (!text) return {};
    switch (condition.op) {
      case Op::kEqual:
      case Op::kInValues:
        for (std::size_t i = 1; i < condition.args.size(); ++i) {
          if (is_same(*text, text_of(*condition.args[i]))) return by_lower(condition);
        }
        return {};
      case Op::kIn: {
        if (list_of(condition).kind != cep::ListKind::kValues) return {};
        const auto& values = list_of(condition).values;
        const bool is_in = std::ranges::any_of(values, [&](const cep::OwnedValue& value) {
          return is_same(*text, std::string(value.view().text));
        });
        return is_in ? by_lower(condition) : std::string();
      }
      case Op::kStartsWith:
      case Op::kEndsWith: {
        const std::optional<std::string> part = text_of(*condition.args[1]);
        if (!part) return {};
        const std::string whole = small_letters(*text);
        const bool holds = condition.op == Op::kStartsWith ? whole.starts_with(small_letters(*part))
                                                           : whole.ends_with(small_letters(*part));
        return holds ? by_lower(condition) : std::string();
      }
      case Op::kContains:
      case Op::kContainsWord: {
        const std::optional<std::string> part = text_of(*condition.args[1]);
        if (!part) return {};
        const std::vector<TextPattern> sought = {{cep::PatternKind::kPhrase, *part, true, true}};
        return has(sought, *text, condition.op == Op::kContainsWord) ? by_lower(condition)
                                                                     : std::string();
      }
      case Op::kContainsAnyOf:
      case Op::kContainsAnyWordOf: {
        const cep::List& list = list_of(condition);
        if (!has(patterns(list), *text, condition.op == Op::kContainsAnyWordOf)) return {};
        if (list.kind != cep::ListKind::kText) return by_lower(condition);
        return fmt::format("declare `list {} : text ignoring case`", list.name);
      }
      case Op::kMatches: {
        const std::vector<TextPattern> sought = {
            {cep::PatternKind::kRegex, condition.as<cep::RegexLiteral>().text, true, true}};
        return has(sought, *text, false) ? "write `i` behind the expression" : std::string();
      }
      case Op::kMatchesAnyOf:
        return has(patterns(list_of(condition)), *text, false)
                   ? fmt::format("write `i` behind the expressions of {}", list_of(condition).name)
                   : std::string();
      default:
        return {};
    }
  }

 private:
  const cep::List& list_of(const Expr& condition) const {
    return plan_.lists[condition.as<cep::ListLookup>().list.value];
  }
  static std::vector<TextPattern> patterns(const cep::List& list) {
    std::vector<TextPattern> sought = cep::patterns_of(list, true);
    for (TextPattern& pattern : sought) {
      if (pattern.kind == cep::PatternKind::kLiteral) pattern.kind = cep::PatternKind::kPhrase;
      pattern.ignore_case = true;
    }
    return sought;
  }
  // The text that the condition saw; nothing for what was not shown or is no text.
  std::optional<std::string> text_of(const Expr& expr) const {
    if (expr.op == Op::kLiteral) return text_of(literal_of(expr));
    for (const cep::SeenValue& value : seen_) {
      const bool is_it = value.expr.get() == &expr ||
                         cep::describe(plan_, *value.expr) == cep::describe(plan_, expr);
      if (is_it) return text_of(value.value.view());
    }
    return std::nullopt;
  }
  static std::optional<std::string> text_of(const cep::Value& value) {
    if (value.kind != cep::ValueKind::kString) return std::nullopt;
    return std::string(value.text);
  }
  static bool is_same(const std::string& a, const std::optional<std::string>& b) {
    return b && small_letters(a) == small_letters(*b);
  }
  static bool has(const std::vector<TextPattern>& sought, std::string_view text, bool word) {
    constexpr std::size_t kBytesMax = std::size_t{64} << 20;
    const auto database = cep::TextDatabase::compile(sought, kBytesMax, nullptr);
    if (!database) return false;
    bool found = false;
    database->scan(text, [&](const cep::TextMatch& match) {
      found = found || !word ||
              (!cep::is_word_before(text, match.begin) && !cep::is_word_at(text, match.end));
    });
    return found;
  }
  std::string by_lower(const Expr& condition) const {
    return fmt::format("compare `lower({})` with small letters",
                       rules::expression_text(plan_, &rule_, *condition.args[0]));
  }

  const cep::Plan& plan_;
  const cep::Rule& rule_;
  const std::vector<cep::SeenValue>& seen_;
};
}  // namespace

std::string letter_case_advice(const cep::Plan& plan, const cep::Rule& rule,
                               const cep::Expr& condition,
                               const std::vector<cep::SeenValue>& seen) {
  return LetterCase(plan, rule, seen).advice(condition);
}
}  // namespace tocsin::library
