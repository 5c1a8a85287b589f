/// Habits of other languages in expressions, features and tests: each is reported with what to
/// write here, and parsing continues as if that were there. Functions that give a bool give true if
/// they found their habit.
#pragma once
#include <span>
#include <string_view>

#include "rules/parse/parse_context.h"

namespace tocsin::rules {
/// What other languages write, and what it is here.
struct ForeignWord {
  std::string_view written;
  std::string_view meant;
};
/// True at the name of a kind, which is no keyword.
bool is_kind_name(const Token& token);
/// True at the word `small`, whatever its case.
bool is_word(const Token& token, std::string_view small);
bool is_any_word(const Token& token, std::span<const std::string_view> small);

/// `and where …`, `or where …`.
void skip_where(ParseContext& p);
/// `where a where b`, and `login where ok or transfer where …`.
tree::ExprPtr second_where(ParseContext& p, tree::ExprPtr first);
/// `case when …`, `cast(…)`, `timer:interval(…)`; null if it is none of them.
tree::ExprPtr foreign_operand(ParseContext& p);
/// `in {"SE", "NO"}`; null if it is no list.
tree::ExprPtr foreign_list(ParseContext& p);
/// `merchant.lower()`, `p.sum(amount)`, `re.match("x", merchant)`; the current token is the `(`.
tree::ExprPtr foreign_method(ParseContext& p, const tree::Expr& member);
/// `5%`: the remainder needs a second operand.
bool foreign_percent(ParseContext& p, const tree::Expr& left, SourceSpan op);
/// `per card`, `group by card`, `for each card` of a feature, up to the name.
bool foreign_by(ParseContext& p);
/// `once 1h`, `once every 1h`, `once a day`: read as `once per`.
bool foreign_once(ParseContext& p);
/// `"card": …`: the name of a field in quotes, as in JSON.
bool foreign_entry(ParseContext& p);
/// `at 5s payment`, `+5s payment`, and `payment {…}` without its offset.
void foreign_offset(ParseContext& p);
}  // namespace tocsin::rules
