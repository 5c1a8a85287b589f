/// The checks of each construct of an expression, for each other; check_expr() chooses. A check
/// gives ErrorType if it reported a mistake. `words`: the enum whose words are looked up before
/// names.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/plan/expr.h"
#include "rules/expression/checked.h"

namespace tocsin::rules {
// ---- conditions (check_expression.cpp)
/// `advice`: what to write instead, where the caller knows.
Checked check_bool(const ExprContext& c, const tree::Expr& expr, std::string advice = {});

// ---- operators (check_operator.cpp)
Checked check_arithmetic(const ExprContext& c, const tree::Expr& expr, cep::Op op);
Checked check_negation(const ExprContext& c, const tree::Expr& expr);
Checked check_comparison(const ExprContext& c, const tree::Expr& expr, cep::Op op);
Checked check_between(const ExprContext& c, const tree::Expr& expr);
Checked check_presence(const ExprContext& c, const tree::Expr& expr, cep::Op op);
Checked check_if(const ExprContext& c, const tree::Expr& expr, const cep::Type* words);
/// Expressions of one type: one of them may say which enum's words the others are.
std::vector<Checked> check_together(const ExprContext& c,
                                    const std::vector<const tree::Expr*>& exprs,
                                    const cep::Type* words);
/// `op` over `first` and the branches, which are widened to the type that they have in common.
Checked check_common(const ExprContext& c, const tree::Expr& expr, cep::Op op,
                     std::vector<cep::ExprPtr> first, const std::vector<Checked>& branches);
/// Reports two operands whose types do not go together.
void report_types(const ExprContext& c, Code code, std::string message, SourceSpan at,
                  const Checked& a, const Checked& b, const char* help = "");

// ---- literals and names (check_name.cpp)
Checked check_literal(const ExprContext& c, const tree::Expr& expr, const cep::Type* words);
Checked check_name(const ExprContext& c, const tree::Expr& expr, const cep::Type* words);
/// The part of the rule's key of that name; absent if it is no key here.
std::optional<Checked> find_key(const ExprContext& c, const tree::Name& name, SourceSpan span);
/// The field that a name or member means in events of these types.
Checked field_of(const ExprContext& c, const tree::Expr& expr, const EventTypes& types,
                 bool types_broken, cep::Op op);
/// False, reported, where no feature may be read.
bool may_read_feature(const ExprContext& c, const tree::Expr& expr, const ValueSymbol& symbol);
void report_not_computed(const ExprContext& c, SourceSpan span, const char* what);

// ---- other steps of the pattern (check_step.cpp)
Checked check_member(const ExprContext& c, const tree::Expr& expr);
Checked check_since(const ExprContext& c, const tree::Expr& expr);
Checked check_step_presence(const ExprContext& c, const tree::Expr& expr, std::size_t index,
                            bool known);
/// The step that a name means.
std::optional<std::size_t> find_step(const ExprContext& c, const tree::Expr& expr);
/// The same for a name that means nothing else here.
std::optional<std::size_t> find_step_alone(const ExprContext& c, const tree::Expr& expr);
/// Reports a step that is not bound yet; false if it is.
bool report_if_later(const ExprContext& c, std::size_t step, SourceSpan span);
void report_unknown_step(const ExprContext& c, const tree::Name& name);

// ---- `in` (check_membership.cpp)
Checked check_in(const ExprContext& c, const tree::Expr& expr);
void report_no_list(const ExprContext& c, const tree::Expr& right);
void warn_of_networks(const ExprContext& c, SourceSpan span, const ValueSymbol& symbol,
                      bool by_ip_in);

// ---- features (check_feature_read.cpp)
Checked read_feature(const ExprContext& c, const tree::Expr& expr, ValueSymbol& symbol);
/// `STEP.NAME`: the feature that the name of a step's member means, where it is no field.
ValueSymbol* feature_of_step(const ExprContext& c, const tree::Expr& expr, const StepSymbol& step);
Checked read_feature_of_step(const ExprContext& c, const tree::Expr& expr, ValueSymbol& symbol,
                             const StepSymbol& step, cep::Which which);
/// `NAME(field)`: the feature; null if it is none.
ValueSymbol* called_feature(const ExprContext& c, const tree::Expr& expr);
Checked read_feature_under(const ExprContext& c, const tree::Expr& expr, ValueSymbol& symbol);

// ---- functions (check_function.cpp, check_text_function.cpp)
Checked check_call(const ExprContext& c, const tree::Expr& expr, const cep::Type* words);
/// `min(a, b)`, `max(a, b)`: of several values, no aggregates.
Checked check_extreme(const ExprContext& c, const tree::Expr& expr, const cep::Type* words);
Checked check_concat(const ExprContext& c, const tree::Expr& expr);
Checked check_split(const ExprContext& c, const tree::Expr& expr);
Checked check_capture(const ExprContext& c, const tree::Expr& expr);
/// A text for `asked_by`.
Checked check_text(const ExprContext& c, const tree::Expr& expr, const std::string& asked_by);
/// False, reported, unless the call has from `least` to `most` arguments.
bool check_count(const ExprContext& c, const tree::Expr& expr, std::size_t least, std::size_t most,
                 std::string_view usage);
void report_argument(const ExprContext& c, const std::string& function, std::string_view wants,
                     const Checked& got);
/// `concat` of texts; those that are one themselves become part of it.
cep::ExprPtr joined_texts(const std::vector<cep::ExprPtr>& parts);
/// What to tell somebody who joins a text with something else.
const char* help_for_joining();

// ---- time zones (check_zone.cpp)
Checked check_zone_operand(const ExprContext& c, const tree::Expr& expr);

// ---- search in text (check_text.cpp)
Checked check_search(const ExprContext& c, const tree::Expr& expr);
Checked check_matched(const ExprContext& c, const tree::Expr& expr);
/// The regular expression that is written here or that a constant stands for, else what is written;
/// null for a broken constant.
const tree::Expr* find_regex(const ExprContext& c, const tree::Expr& written);
/// The texts of a constant list; null if it is none.
const std::vector<cep::OwnedValue>* find_text_values(const ExprContext& c, const tree::Expr& expr);
/// The list of networks that a name means; null if it is none.
ValueSymbol* find_networks(const ExprContext& c, const tree::Expr& expr);
cep::ExprPtr list_expr(cep::Op op, const cep::Type& type, const Checked& text, cep::ListIndex list);

// ---- rows of tables (check_table.cpp)
Checked check_cell(const ExprContext& c, const tree::Expr& expr);
Checked check_in_table(const ExprContext& c, const tree::Expr& expr);

// ---- aggregates (check_aggregate.cpp)
Checked check_aggregate(const ExprContext& c, const tree::Expr& expr);
}  // namespace tocsin::rules
