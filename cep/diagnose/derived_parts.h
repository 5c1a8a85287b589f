/// What rules that are derived from another one are made of.
#pragma once
#include <optional>
#include <vector>

#include "cep/plan/partial_pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
/// A rule that takes all that the other does by key, gives every match, or of too many the best at
/// each event, and says nothing of it.
Rule bare(const Rule& of);
/// `without … for D` bounds the steps like `within D`, and what it forbids ends them.
void let_without_not_wait(Rule& rule);
/// The variables of ExtraVariables; `stage` may be null.
void add_extra_variables(Rule& rule, const PatternStage* stage);
/// The variable that `prev` reads in what a stage asks.
std::optional<VarIndex> prev_of(const Rule& rule, const PatternStage& stage);
/// `next` counts these too.
void consider(Rule& rule, const std::vector<Subset>& kinds);
/// Whether an expression reads something that has a value of its own: a field, a feature, a call.
bool reads_value(Op op);
/// A step of ExtraVariables::inside.
Element inside_step(const Rule& rule, const std::vector<Subset>& kinds, const ExprPtr& where);
/// Leaves out what is not yet decided after a whole round of a group.
void leave_last_absences_out(std::vector<Element>& elements);
}  // namespace tocsin::cep
