/// Expressions: names resolved, types checked, widenings written out, and the result as the plan
/// holds it.
#pragma once
#include "cep/plan/expr.h"
#include "rules/expression/checked.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Checks an expression. `words`: the enum whose words are looked up before names, where one is
/// expected.
Checked check_expr(const ExprContext& c, const tree::Expr& expr, const cep::Type* words = nullptr);
/// Checks a condition.
Condition check_condition(const ExprContext& c, const tree::Expr& expr);
/// Checks a time zone: a literal one that the system's database has, or text of the event. The plan
/// gets its rules.
Checked check_zone(const ExprContext& c, const tree::Zone& zone);
}  // namespace tocsin::rules
