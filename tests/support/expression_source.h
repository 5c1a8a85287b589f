/// Expressions of a plan as rule text: conditions, values, kinds and aggregates.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"

namespace tocsin::tests {
class ExpressionPrinter {
 public:
  explicit ExpressionPrinter(const cep::Plan& plan);

  /// An expression where a rule's steps can be read, or elsewhere (null).
  std::string expr(const cep::Rule* rule, const cep::Expr& e) const;
  /// Subsets as the kinds, roles and alerts that they are.
  std::string kinds(const std::vector<cep::Subset>& subsets) const;
  /// `sum(amount of payment where …)`.
  std::string feature_call(const cep::Feature& feature) const;
  /// `last 10m needs 3 events`.
  std::string window(const cep::FeatureWindow& window) const;
  /// The kinds that the plan uses and does not declare as event types, by name.
  const std::map<std::string, std::vector<cep::Subset>>& declared_kinds() const { return kinds_; }

 private:
  bool is_kind(const cep::Subset& subset) const;
  void collect_kinds();
  std::string name_of(const cep::Subset& subset) const;
  std::string kind_inside(const cep::Expr& in_kinds) const;
  std::string bound(const cep::Rule* rule, const cep::Expr& e) const;
  std::string feature_read(const cep::Expr& e, const std::string& args) const;
  std::string call(const cep::Rule* rule, const cep::Expr& e, const std::string& args) const;
  std::string loop_aggregate(const cep::Rule* rule, const cep::Expr& e) const;
  std::string text_search(const cep::Rule* rule, const cep::Expr& e) const;

  const cep::Plan& plan_;
  std::map<std::string, std::vector<cep::Subset>> kinds_;
};

std::string quoted(std::string_view text);
std::string literal_source(const cep::Value& value);
/// A feature that a rule wrote into a condition.
inline bool is_unnamed(const cep::Feature& feature) { return feature.name.starts_with('$'); }
}  // namespace tocsin::tests
