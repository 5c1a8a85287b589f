/// Makes random rules richer: from the plain patterns of random_plan.h to all that a pattern, a
/// selection and the clauses can say.
#pragma once
#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// What a rule is given; each as often as chance has it.
struct Riches {
  bool optional = true;  // `optional`, counts from 0
  bool gaps = true;      // `then within D`
  bool loops = true;     // `each`, `greedy`, `until`
  bool no_next = true;
  bool groups = true;     // ( … ), `one of`, `all of`
  bool selection = true;  // all of `after match`, `prefer latest`
  bool in_order = true;
  bool without = true;
  bool except = true;
  bool once = true;  // all forms, `at most`
};
/// All, or only one or two of them.
Riches random_riches(Random& random);
/// Changes the rule; the plan stays valid.
void enrich(Random& random, cep::Plan& plan, std::size_t rule, const Riches& riches);
}  // namespace tocsin::tests
