#include "rules/pattern/known_conditions.h"

#include <algorithm>
#include <set>
#include <utility>

#include "cep/plan/expr_walk.h"
#include "rules/lint/operand_range.h"

namespace tocsin::rules {
namespace {
bool reads_key(const ExprScope& scope, const cep::Expr& expr) {
  return cep::any_expr(expr, [&](const cep::Expr& part) { return is_key_part(scope, part); });
}
bool reads_some_event(const cep::Expr& expr) {
  return cep::any_expr(expr, [](const cep::Expr& part) { return variable_of(part) != nullptr; });
}
}  // namespace

void KnownConditions::add(const ExprScope& scope, Conjunct conjunct, cep::VarIndex var) {
  const std::size_t index = all_.size();
  const bool is_of_var = reads_some_event(*conjunct.expr);
  if (is_of_var) of_var_[var].push_back(index);
  if (!is_of_var || reads_key(scope, *conjunct.expr)) of_key_or_none_.push_back(index);
  all_.push_back(std::move(conjunct));
}

std::vector<Conjunct> KnownConditions::about(
    const ExprScope& scope, const std::vector<const std::vector<Conjunct>*>& asked) const {
  std::set<std::size_t> found;
  const auto add = [&](const std::vector<std::size_t>& places) {
    found.insert(places.begin(), places.end());
  };
  bool is_of_key_or_none = false;
  for (const std::vector<Conjunct>* conjuncts : asked) {
    for (const Conjunct& conjunct : *conjuncts) {
      cep::for_each_expr(*conjunct.expr, [&](const cep::Expr& part) {
        const cep::VarIndex* const var = variable_of(part);
        if (var == nullptr) return;
        if (const auto known = of_var_.find(*var); known != of_var_.end()) add(known->second);
      });
      is_of_key_or_none = is_of_key_or_none || !reads_some_event(*conjunct.expr) ||
                          reads_key(scope, *conjunct.expr);
    }
  }
  std::vector<Conjunct> out;
  if (contradict_) {
    out = all_;
  } else {
    if (is_of_key_or_none) add(of_key_or_none_);
    for (const std::size_t index : found) out.push_back(all_[index]);
  }
  return out;
}
}  // namespace tocsin::rules
