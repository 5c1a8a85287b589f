/// Other numbers for what the parts of a plan refer to: for plans that are made of parts of others.
#pragma once
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/event_type.h"
#include "cep/plan/expr.h"
#include "cep/plan/feature.h"
#include "cep/plan/key_spec.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
/// Calls `visit` for all places of a rule that hold an expression, conditions of kinds aside; a
/// place may hold none.
void for_each_place(Rule& rule, const std::function<void(ExprPtr&)>& visit);
/// The same of a feature.
void for_each_place(Feature& feature, const std::function<void(ExprPtr&)>& visit);
/// Calls `visit` for each list of kinds that the rule names, of any step, absence, window or
/// clause.
void for_each_kinds(Rule& rule, const std::function<void(std::vector<Subset>&)>& visit);

/// The numbers in the plan that is made, by those in the plan that a part is taken from; of all
/// that the part refers to. Event types keep their order.
struct PlanNumbers {
  std::map<EventTypeIndex, EventTypeIndex> event_types;
  std::map<ListIndex, ListIndex> lists;
  std::map<TableIndex, TableIndex> tables;
  std::map<FeatureIndex, FeatureIndex> features;
  std::map<RuleIndex, RuleIndex> rules;
};
/// Gives parts of a plan other numbers. Expressions that were shared are shared again, and those
/// in which nothing changes stay the same objects.
class Renumbering {
 public:
  explicit Renumbering(PlanNumbers numbers) : numbers_(std::move(numbers)) {}
  const PlanNumbers& numbers() const { return numbers_; }
  void apply(Rule& rule);
  void apply(Feature& feature);
  /// Of computed fields, and of the rules whose alerts the type stands for.
  void apply(EventType& type);

 private:
  EventTypeIndex of(EventTypeIndex type) const { return numbers_.event_types.at(type); }
  bool change(Payload& payload) const;
  ExprPtr renumbered(const ExprPtr& expr);
  void apply(std::vector<Subset>& kinds);
  void apply(KeySpec& key) const;

  PlanNumbers numbers_;
  std::map<ExprPtr, ExprPtr> done_;
};
}  // namespace tocsin::cep
