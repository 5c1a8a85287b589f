/// Random conditions and values, typed and in the form that the checker gives them.
#pragma once
#include <optional>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/plan/key_spec.h"
#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// A step that an expression can see: taken earlier, or its own loop.
struct SeenStep {
  cep::VarIndex var;
  bool loop = false;
  std::vector<cep::EventTypeIndex> types;
};
struct ExprScope {
  std::vector<cep::EventTypeIndex> types;   // of the current event
  std::vector<SeenStep> steps;              // named ones before this
  std::optional<SeenStep> own_loop;         // in a loop's condition
  bool own_loop_named = false;              // its `.first`, `.last` and aggregates can be said
  const cep::KeySpec* union_key = nullptr;  // a key part with a name of its own
  std::vector<cep::FeatureIndex> features;  // that may be read
  bool by_argument = false;                 // … and any by another field of the event
};
/// A condition; never absent, never an `and` (join them with all_of).
cep::ExprPtr random_condition(Random& random, const cep::Plan& plan, const ExprScope& scope,
                              int depth);
/// A number: a field, a bound one, an aggregate of a loop, a feature, or arithmetic on these;
/// absent where the scope has none.
cep::ExprPtr random_number(Random& random, const cep::Plan& plan, const ExprScope& scope,
                           int depth);
/// Compares a value of any type with a literal near to what random events hold.
cep::ExprPtr random_comparison(Random& random, const cep::ExprPtr& value);
/// A value of any type for an alert's field or message.
cep::ExprPtr random_value(Random& random, const cep::Plan& plan, const ExprScope& scope);
}  // namespace tocsin::tests
