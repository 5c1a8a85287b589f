/// All expressions of a plan's parts, and trees made anew.
#pragma once
#include <functional>
#include <map>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/plan/pattern.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::tests {
using ExprVisit = std::function<void(const cep::Expr&)>;
/// All expressions of a tree, the root first.
void walk(const cep::ExprPtr& expr, const ExprVisit& visit);
/// All expressions of a pattern: conditions of kinds, steps, absences and `until`.
void walk(const std::vector<cep::Element>& elements, const ExprVisit& visit);
/// All expressions of a rule.
void walk(const cep::Rule& rule, const ExprVisit& visit);
/// All expressions of a feature.
void walk(const cep::Feature& feature, const ExprVisit& visit);

using ExprChange = std::function<void(cep::Expr&)>;
/// The tree with `change` made to a copy of each of its expressions, leaves first.
cep::ExprPtr rewritten(const cep::ExprPtr& expr, const ExprChange& change);
/// Makes the change to all expressions of a rule, conditions of kinds aside.
void rewrite(cep::Rule& rule, const ExprChange& change);
/// Makes one change to conditions of kinds: what places shared they share again.
class KindRewrite {
 public:
  explicit KindRewrite(ExprChange change) : change_(std::move(change)) {}
  void operator()(std::vector<cep::Subset>& subsets);

 private:
  ExprChange change_;
  std::map<cep::ExprPtr, cep::ExprPtr> done_;
};

/// All elements of a pattern, groups before what is in them.
void walk_elements(const std::vector<cep::Element>& elements,
                   const std::function<void(const cep::Element&)>& visit);
void walk_elements(std::vector<cep::Element>& elements,
                   const std::function<void(cep::Element&)>& visit);

/// Whether a match may pass the element without an event taken for it.
bool can_be_empty(const cep::Element& element);

/// Sets Rule::captured as the lowering does: the fields that the rule names, and those that
/// the schema keeps.
void set_captured(const cep::Plan& plan, cep::Rule& rule);
}  // namespace tocsin::tests
