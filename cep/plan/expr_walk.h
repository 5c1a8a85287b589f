/// Questions about expression trees that compiling asks.
#pragma once
#include <functional>
#include <set>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// Calls `visit` for the expression and all in it, outermost first.
void for_each_expr(const Expr& expr, const std::function<void(const Expr&)>& visit);
/// Whether `test` is true of the expression or one in it.
bool any_expr(const Expr& expr, const std::function<bool(const Expr&)>& test);
/// Whether it reads what a match has taken.
bool reads_run(const Expr& expr);
/// Whether it reads features or key parts.
bool reads_key_state(const Expr& expr);
/// Whether it reads what the loop `own` took before: then the loop's first event is not asked.
bool mentions_own_past(const Expr& expr, VarIndex own);
/// Whether the rule reads a feature as of an earlier step (kBound with a kFeature).
bool reads_features_of_steps(const Rule& rule);
/// In a step's own condition the step's event, in a loop its last, is the one on offer: such reads
/// become reads of the current event.
ExprPtr own_event_to_current(const ExprPtr& expr, VarIndex own);
/// Appends the parts of a conjunction; nothing for an absent one.
void split_conjuncts(const ExprPtr& expr, std::vector<ExprPtr>& out);
/// Whether it reads a variable's events itself, leaving aside what is in it.
bool reads_variable(const Expr& expr);
/// The expressions that decide whether a match becomes an alert, asked at its last event.
std::vector<const Expr*> decision_exprs(const Rule& rule);
/// Those and all others that an alert of the rule reads at the match's last event.
std::vector<const Expr*> alert_exprs(const Rule& rule);
/// Calls `visit` for each list of kinds that the rule names, of any step, absence, window or
/// clause.
void for_each_kinds(const Rule& rule, const std::function<void(const std::vector<Subset>&)>& visit);
/// The expressions that a feature asks at its events.
std::vector<const Expr*> feature_exprs(const Feature& feature);
/// The conditions of the rule's steps, absences, `until` and `without`.
std::vector<const Expr*> condition_exprs(const Rule& rule);
/// All of these, and the condition of `once while`.
std::vector<const Expr*> all_exprs(const Rule& rule);
/// Whether a running total answers an aggregate over a loop (cep/eval/loop_totals.h).
bool keeps_total(const Expr& aggregate);
/// The features that expressions read.
std::set<FeatureIndex> features_read(const std::vector<const Expr*>& exprs);
}  // namespace tocsin::cep
