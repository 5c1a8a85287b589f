/// The plan: checked rules as data, declarative and immutable. The only thing that rules/ and
/// runtime/ share. It says what the rules mean, not how they run; cep::compile makes a Program from
/// it, and the tests' oracle reads it alone. Names are resolved to indices and every expression is
/// typed.
///
/// Its parts have headers of their own, so that a change of one does not rebuild the readers of
/// another: event_type.h, reference.h, zone.h, feature.h, rule.h (with pattern.h). Who reads a part
/// includes its header.
#pragma once
#include <string>
#include <vector>

#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
struct Plan {
  Plan();
  ~Plan();
  Plan(const Plan&);
  Plan(Plan&&) noexcept;
  Plan& operator=(const Plan&);
  Plan& operator=(Plan&&) noexcept;

  std::vector<EventType> event_types;
  std::vector<List> lists;
  std::vector<Table> tables;
  /// Those that anything names, ascending by name; all that are known where a field names one.
  std::vector<Zone> zones;
  std::vector<Feature> features;
  std::vector<Rule> rules;  // draft rules are left out
};

/// A canonical text of all that the plan means, one line an item; equal texts are equal plans. For
/// tests, digests and people.
std::string describe(const Plan& plan);
/// The same for one expression.
std::string describe(const Plan& plan, const Expr& expr);
/// What is wrong with a plan that no rule text could have made (an index out of range, two
/// variables of one name, an absence first, …); empty when nothing is. cep::compile refuses a plan
/// with any.
std::vector<std::string> validate(const Plan& plan);
}  // namespace tocsin::cep
