/// validate(), in parts: what is declared (plan_validate.cpp), expressions
/// (plan_validate_expr.cpp), patterns and clauses (plan_validate_rule.cpp). Only these include it.
#pragma once
#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/plan/pattern.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// Where an expression stands, which says what it may mention.
struct ValidationScope {
  std::vector<EventTypeIndex> types;  // of the current event; empty: any of the rule's
  const KeySpec* key = nullptr;       // of the rule; absent in kinds and features
  std::size_t variables = 0;          // the rule's
  const std::vector<Variable>* declared = nullptr;
  bool features = false;             // may be read
  std::optional<VarIndex> own_loop;  // the loop whose `prev` may be read
};

/// What is wrong with a plan, and which part of it is looked at.
struct PlanProblems {
  std::string where;
  std::vector<std::string> texts;
};
class ValidatorPart {
 protected:
  ValidatorPart(const Plan& plan, PlanProblems& problems) : plan_(plan), problems_(problems) {}
  template <typename... Args>
  void problem(fmt::format_string<Args...> format, Args&&... args) {
    problems_.texts.push_back(problems_.where + ": " +
                              fmt::format(format, std::forward<Args>(args)...));
  }
  const Plan& plan_;
  PlanProblems& problems_;
};

/// Types, kinds, keys and expressions.
class ExpressionValidator : ValidatorPart {
 public:
  using Scope = ValidationScope;
  ExpressionValidator(const Plan& plan, PlanProblems& problems) : ValidatorPart(plan, problems) {}
  /// Null, with a problem, where there is none.
  const Field* field_at(EventTypeIndex type, FieldIndex field);
  void check_type(const Type& type);
  static std::vector<EventTypeIndex> types_of(const std::vector<Subset>& events);
  void check_subsets(const std::vector<Subset>& events, const KeySpec* key);
  void check_key(const KeySpec& key, const std::vector<EventTypeIndex>& types);
  void check_condition(const Expr& expr, const Scope& scope);
  void check_expr(const Expr& expr, const Scope& scope);
  void check_text(const ExprPtr& expr, const Scope& scope, const char* what);
  /// Whether there is one.
  bool check_var(VarIndex var, const Scope& scope);

 private:
  void check_leaf(const Expr& expr, const Scope& scope);
  void check_kinds(const Expr& expr);
  void check_field_ref(const Expr& expr, const std::vector<EventTypeIndex>& types);
  void check_bound(const Expr& expr, const Scope& scope);
  void check_feature_read(const Expr& expr, const Scope& scope);
  void check_list_use(const Expr& expr, bool texts, bool regexes);
  void check_table_use(const Expr& expr);
  void check_call(const Expr& expr);
};

/// Names, event types, lists, tables, zones, features.
class DeclarationValidator : ValidatorPart {
 public:
  DeclarationValidator(const Plan& plan, PlanProblems& problems)
      : ValidatorPart(plan, problems), exprs_(plan, problems) {}
  void run();

 private:
  using Scope = ValidationScope;
  void check_names();
  void check_event_type(EventTypeIndex index);
  void check_computed(EventTypeIndex index, std::size_t field);
  void check_alert_type(const EventType& type);
  void check_list(const List& list);
  void check_network(const Value& value);
  void check_table(const Table& table);
  void check_zone(const Zone& zone);
  void check_feature(const Feature& feature);
  void check_feature_window(const Feature& feature);
  void check_feature_order();

  ExpressionValidator exprs_;
};

/// Patterns and clauses.
class RuleValidator : ValidatorPart {
 public:
  RuleValidator(const Plan& plan, PlanProblems& problems)
      : ValidatorPart(plan, problems), exprs_(plan, problems) {}
  void check_rule(const Rule& rule);
  void check_rule_order();

 private:
  using Scope = ValidationScope;
  static Scope rule_scope(const Rule& rule);
  void check_pattern(const Rule& rule);
  void check_variables(const Rule& rule);
  void check_sequence(const Rule& rule, const std::vector<Element>& elements, bool outermost);
  void check_element(const Rule& rule, const Element& element);
  void check_group(const Rule& rule, const Element& element);
  void check_step(const Rule& rule, const Step& step);
  void check_absence(const Rule& rule, const Absence& absence);
  void check_test(const Rule& rule, const EventTest& test, Scope scope);
  void check_quantifier(const Quantifier& quantifier);
  void check_window(const Rule& rule);
  void check_clauses(const Rule& rule);
  void check_selection(const Rule& rule);
  void check_suppression(const Rule& rule);
  void check_alert(const Rule& rule);

  ExpressionValidator exprs_;
  std::size_t repeated_ = 0;          // groups with a count around the element looked at
  std::vector<std::uint32_t> taken_;  // the variables of the rule's steps
};
}  // namespace tocsin::cep
