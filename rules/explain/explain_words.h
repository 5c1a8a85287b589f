/// Expressions, kinds and windows of a plan in plain English: the words from which a rule's
/// explanation is made (rules/explain/explain.h). Names of the rule's author stand in back-quotes,
/// literals as the language writes them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/plan/plan_fwd.h"
#include "rules/context/report.h"

namespace tocsin::rules {
/// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& items, std::string_view conjunction = "and");
/// "1 event", "3 events"; "1 `payment` event", "3 `payment` events" with a noun that takes an `s`.
std::string counted(std::uint64_t count, std::string_view noun);

/// `payment` in the singular, bare: "`payment`", "`a` or `b`", "alert of `passed_on`".
std::string kind_noun(const cep::Plan& plan, const std::vector<cep::Subset>& kinds);
/// In the plural: "`payment` events", "alerts of `passed_on`".
std::string kind_plural(const cep::Plan& plan, const std::vector<cep::Subset>& kinds);

/// Says expressions of one rule, or (null) of kinds, features and computed fields.
class Words {
 public:
  Words(const cep::Plan& plan, const cep::Rule* rule) : plan_(plan), rule_(rule) {}

  /// A value: "`amount` of the first of `probes`", "the number of `probes`".
  std::string value(const cep::Expr& expr) const;
  /// A condition as a clause: "`amount` is at least 500.00".
  std::string condition(const cep::Expr& expr) const;
  /// The parts of a conjunction, each as a clause; none for an absent one.
  std::vector<std::string> conditions(const cep::ExprPtr& expr) const;
  /// The same of the condition of step `own`: its own event is the one on offer, and it is said
  /// which parts are not asked of a loop's first event.
  std::vector<std::string> conditions(const cep::ExprPtr& expr, cep::VarIndex own) const;
  /// "`hit`", "the events of step 2" where it has no name.
  std::string variable(cep::VarIndex var) const;
  const cep::Plan& plan() const { return plan_; }
  const cep::Rule* rule() const { return rule_; }

 private:
  enum class Place : std::uint8_t { kAlone, kOperand, kSum, kProduct, kTight };
  std::string value(const cep::Expr& expr, Place place) const;
  std::string arithmetic(const cep::Expr& expr, Place place) const;
  std::string aggregate(const cep::Expr& expr) const;
  std::string call(const cep::Expr& expr) const;
  std::string part(const cep::Expr& expr) const;
  std::string feature(const cep::Expr& expr) const;
  std::string row(const cep::Expr& expr, std::size_t key_from) const;
  std::string bound(const cep::Expr& expr) const;
  const std::string& column_name(const cep::Expr& expr) const;
  std::optional<std::string> time_since(const cep::Expr& expr) const;
  std::string clause(const cep::Expr& expr, bool negated) const;
  std::string comparison(const cep::Expr& expr, bool negated) const;
  std::string text_test(const cep::Expr& expr, bool negated) const;
  std::string junction(const cep::Expr& expr, bool negated) const;
  std::string in_kinds(const cep::Expr& expr) const;
  std::string operand(const cep::Expr& expr) const;

  const cep::Plan& plan_;
  const cep::Rule* rule_;
  std::optional<cep::VarIndex> own_ = {};  // of the loop whose condition is said
};

/// What a feature is: "the number of `payment` events of the same `card` in the last 10m, this one
/// included", without its filters.
std::string feature_noun(const cep::Plan& plan, const cep::Feature& feature);
}  // namespace tocsin::rules
