/// What is certain of the events of a match, by what it is about: a condition is compared with what
/// it may contradict or repeat alone, so that a pattern of many steps is checked in linear time.
#pragma once
#include <cstddef>
#include <map>
#include <vector>

#include "cep/plan/expr.h"
#include "rules/context/declarations.h"
#include "rules/context/scope.h"

namespace tocsin::rules {
class KnownConditions {
 public:
  /// A condition on the event of `var` alone, where `scope` is a place in the rule.
  void add(const ExprScope& scope, Conjunct conjunct, cep::VarIndex var);
  /// Those that some conjunct of `asked` may contradict or repeat, in the order added: about an
  /// event that it reads, about the key where it reads that, or about none.
  std::vector<Conjunct> about(const ExprScope& scope,
                              const std::vector<const std::vector<Conjunct>*>& asked) const;
  /// They contradict each other: from now on each matters to all that is asked.
  void contradict() { contradict_ = true; }
  const std::vector<Conjunct>& all() const { return all_; }

 private:
  std::vector<Conjunct> all_;
  std::map<cep::VarIndex, std::vector<std::size_t>> of_var_;  // into all_
  std::vector<std::size_t> of_key_or_none_;                   // into all_
  bool contradict_ = false;
};
}  // namespace tocsin::rules
