/// Expressions: names resolved, types checked, widenings written out, and the result as the plan
/// holds it.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/expr.h"
#include "rules/context/check_context.h"
#include "rules/context/scope.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// A checked expression. Without `expr` it has ErrorType: a mistake in it has been reported, and
/// nothing that follows from it is.
struct Checked {
  cep::ExprPtr expr;
  SourceSpan span;
  std::optional<SourceSpan> declared;  // where the name that stands here got its type

  explicit operator bool() const { return expr != nullptr; }
  const cep::Type& type() const { return expr->type; }
};
/// A condition as its top-level conjuncts. `broken`: part of it is missing, reported.
struct Condition {
  std::vector<Conjunct> conjuncts;
  bool broken = false;
  /// All of it; absent where nothing is asked.
  cep::ExprPtr expr() const;
};

/// A column of a table's row, `t[a, b].col`: what stands in the plan once its key is checked.
struct CellRef {
  cep::TableIndex table;
  std::uint32_t column = 0;
  std::vector<cep::ExprPtr> key;
};

class ExpressionChecker {
 public:
  /// Both outlive the checker.
  ExpressionChecker(CheckContext& context, const ExprScope& scope)
      : context_(context), scope_(scope) {}
  /// `words`: the enum whose words are looked up before names, where one is expected.
  Checked check(const tree::Expr& expr, const cep::Type* words = nullptr);
  Condition check_condition(const tree::Expr& expr);
  /// A time zone: a literal one that the system's database has, or text of the event. The plan gets
  /// its rules.
  Checked check_zone(const tree::Zone& zone);

 private:
  using Operands = std::pair<Checked, Checked>;

  // check_expression.cpp: operators
  void add_conjuncts(const tree::Expr& expr, Condition& condition);
  /// `advice`: what to write instead, where the caller knows.
  Checked check_bool(const tree::Expr& expr, std::string advice = {});
  std::string advice_for_values(const tree::Expr& chain) const;
  Checked check_logic(const tree::Expr& expr, cep::Op op);
  Checked check_arithmetic(const tree::Expr& expr, cep::Op op);
  Checked check_negation(const tree::Expr& expr);
  Checked check_comparison(const tree::Expr& expr, cep::Op op);
  Checked check_between(const tree::Expr& expr);
  Checked check_presence(const tree::Expr& expr, cep::Op op);
  Checked check_if(const tree::Expr& expr, const cep::Type* words);
  Checked check_common(const tree::Expr& expr, cep::Op op, std::vector<cep::ExprPtr> first,
                       const std::vector<Checked>& branches);
  // Two operands of which one may be a word of the other's enum.
  Operands check_operands(const tree::Expr& a, const tree::Expr& b);
  std::vector<Checked> check_together(const std::vector<const tree::Expr*>& exprs,
                                      const cep::Type* words);
  // The enum type of an operand, found without reporting; nothing where it has another type.
  std::optional<cep::Type> peek_enum(const tree::Expr& expr) const;
  void report_types(Code code, std::string message, SourceSpan at, const Checked& a,
                    const Checked& b, const char* help = "");

  // check_name.cpp: names, members, literals
  Checked check_literal(const tree::Expr& expr, const cep::Type* words);
  Checked check_name(const tree::Expr& expr, const cep::Type* words);
  std::optional<Checked> find_word(const tree::Expr& expr, const std::string& text,
                                   const cep::Type& words);
  std::optional<Checked> find_key(const tree::Name& name, SourceSpan span) const;
  Checked check_value_symbol(const tree::Expr& expr, ValueSymbol& symbol, const cep::Type* words);
  Checked check_member(const tree::Expr& expr);
  Checked check_prev(const tree::Expr& expr);
  Checked check_step_field(const tree::Expr& expr, std::size_t step);
  Checked error_of_feature(const tree::Expr& expr, const StepSymbol& step, SourceSpan at);
  Checked check_loop_event(const tree::Expr& expr, std::size_t step, cep::Which which);
  Checked field_of(const tree::Expr& expr, const EventTypes& types, bool types_broken, cep::Op op);
  bool report_value_of_step(const tree::Expr& expr, Diagnostic& diagnostic);
  bool may_read_feature(const tree::Expr& expr, const ValueSymbol& symbol);
  void report_not_computed(SourceSpan span, const char* what);
  void report_unknown_name(const tree::Expr& expr, const cep::Type* words);
  void report_unknown_step(const tree::Name& name);
  bool report_if_later(std::size_t step, SourceSpan span);
  void warn_hidden(const tree::Name& name, const FieldLookup& field);
  std::optional<std::size_t> find_step(const tree::Expr& expr) const;
  // A bare name that means a step and nothing else here.
  std::optional<std::size_t> find_step_alone(const tree::Expr& expr) const;
  Checked check_step_presence(const tree::Expr& expr, std::size_t step, bool known);

  // check_membership.cpp: `in`
  Checked check_in(const tree::Expr& expr);
  Checked check_in_written_list(const tree::Expr& expr);
  Checked check_in_const_list(const tree::Expr& expr, const ValueSymbol& symbol);
  Checked check_in_list(const tree::Expr& expr, ValueSymbol& symbol);
  Checked check_in_values(const tree::Expr& expr, const std::vector<Checked>& values,
                          const Checked& left);
  Checked check_in_loop(const tree::Expr& expr, std::size_t step);
  void report_no_list(const tree::Expr& right);

  // check_feature_read.cpp
  Checked read_feature(const tree::Expr& expr, ValueSymbol& symbol);
  // … `STEP.NAME`: the feature that the name of a step's member means, where it is no field
  ValueSymbol* feature_of_step(const tree::Expr& expr, const StepSymbol& step) const;
  Checked read_feature_of_step(const tree::Expr& expr, ValueSymbol& symbol, const StepSymbol& step,
                               cep::Which which);
  std::optional<FeatureReader> reader_of(const tree::Expr& expr, const ValueSymbol& symbol,
                                         const cep::Feature& feature, cep::EventTypeIndex type);
  std::vector<cep::ExprPtr> key_of_rule(const cep::KeySpec& key) const;
  // … `NAME(field)`
  ValueSymbol* called_feature(const tree::Expr& expr) const;
  Checked read_feature_under(const tree::Expr& expr, ValueSymbol& symbol);
  // check_function.cpp
  Checked check_call(const tree::Expr& expr, const cep::Type* words);
  Checked check_function(const tree::Expr& expr, cep::Function function);
  Checked check_rounding(const tree::Expr& expr, cep::Function function);
  Checked check_extreme(const tree::Expr& expr, const cep::Type* words);
  Checked check_ip_in(const tree::Expr& expr);
  void warn_of_networks(SourceSpan span, const ValueSymbol& symbol, bool by_ip_in);
  Checked check_since(const tree::Expr& expr);
  Checked check_text(const tree::Expr& expr, const std::string& asked_by);
  Checked check_number(const tree::Expr& expr, const std::string& asked_by);
  bool check_count(const tree::Expr& expr, std::size_t least, std::size_t most,
                   std::string_view usage);
  void report_argument(const std::string& function, std::string_view wants, const Checked& got);
  Checked check_zone_operand(const tree::Expr& expr);
  cep::ExprPtr known_zone(const std::string& name, SourceSpan span);
  void report_no_zones(SourceSpan span);

  // check_text_function.cpp
  Checked check_concat(const tree::Expr& expr);
  Checked check_split(const tree::Expr& expr);
  Checked check_capture(const tree::Expr& expr);
  std::optional<std::uint32_t> check_group(const tree::Expr& expr,
                                           const std::vector<std::string>& groups);

  // check_text.cpp: search in text
  // The regular expression that is written here or that a constant stands for, else what is
  // written; null for a broken constant.
  const tree::Expr* find_regex(const tree::Expr& written) const;
  Checked check_search(const tree::Expr& expr);
  Checked check_matches(const tree::Expr& expr, const Checked& text, const tree::Expr& right);
  Checked check_search_in_list(const tree::Expr& expr, const Checked& text,
                               const tree::Expr& right);
  Checked check_search_in_written(const tree::Expr& expr, const Checked& text,
                                  const tree::Expr& right);
  Checked check_matched(const tree::Expr& expr);
  Checked any_of(const tree::Expr& expr, std::vector<cep::ExprPtr> tests);
  static cep::ExprPtr match_expr(const Checked& text, const tree::Expr& regex);
  static cep::ExprPtr list_expr(cep::Op op, const cep::Type& type, const Checked& text,
                                cep::ListIndex list);
  ValueSymbol* find_list(const tree::Expr& right, const std::string& asked_by);
  ValueSymbol* find_values(const tree::Expr& expr);
  const std::vector<cep::OwnedValue>* find_text_values(const tree::Expr& expr);
  ValueSymbol* find_networks(const tree::Expr& expr);

  // check_table.cpp: rows of tables
  Checked check_cell(const tree::Expr& expr);
  Checked check_in_table(const tree::Expr& expr);
  std::optional<CellRef> find_cell(const tree::Expr& expr);

  // check_aggregate.cpp
  Checked check_aggregate(const tree::Expr& expr);
  Checked check_loop_aggregate(const tree::Expr& expr, std::size_t step);
  Checked check_unnamed_feature(const tree::Expr& expr);
  std::optional<std::size_t> find_loop(const tree::AggregateCall& call) const;
  const tree::Expr* find_selected_kind(const tree::Expr& expr, bool is_count) const;
  bool loop_has_aggregate(const tree::AggregateCall& call);
  void report_several_roles(cep::EventTypeIndex type, SourceSpan span);
  void report_without_window(const tree::Expr& expr);

  Checked checked(const tree::Expr& expr, cep::ExprPtr result) const {
    return {std::move(result), expr.span, std::nullopt};
  }
  // ErrorType; the mistake is reported.
  Checked error(const tree::Expr& expr) const {
    context_.has_error_type = true;
    return {nullptr, expr.span, std::nullopt};
  }

  CheckContext& context_;
  const ExprScope& scope_;
};

/// The functions that a call may name, `min` and `max` among them.
std::vector<std::string> function_names();
/// Text, or a word of an enum, which serves as text.
bool is_text(const cep::Type& type);
/// `concat` of texts; those that are one themselves become part of it.
cep::ExprPtr joined_texts(const std::vector<cep::ExprPtr>& parts);
/// What to tell somebody who joins a text with something else.
const char* help_for_joining();
/// The type as a message names it: in back-ticks, a quotient said to be one.
std::string type_text(const cep::Type& type);
/// "`decimal(2)`, from schema.tocsin:3".
std::string type_label(const CheckContext& context, const Checked& checked);
}  // namespace tocsin::rules
