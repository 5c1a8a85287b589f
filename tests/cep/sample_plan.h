/// A sound plan that says a little of everything, and pieces to change it with.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/expr.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
Type type_of(TypeKind kind, std::uint8_t scale = 0);
Expr expr_of(Op op, Type type, std::vector<ExprPtr> args = {});
ExprPtr shared(Expr e);
ExprPtr literal(const Value& value, Type type);
/// The field of a payment, and a condition on it.
Expr amount();
ExprPtr above(std::int64_t cents);
/// The zone's name as a literal.
ExprPtr utc();
ExprPtr list_search(Op op);

/// payment(ts, card, amount); `3+ payment as small then payment as big then no payment for 5m`.
Plan sample_plan();
Step& step_at(Plan& plan, std::size_t place);
Subset any_payment();
Table sample_table();
/// The range of the first feature.
LastWindow& last_window(Plan& plan);
ClosingWindow sample_window();
/// The sample with a closing window for its pattern.
void close_window(Plan& plan);
/// An event type for the alerts of the sample's rule.
EventType alert_type();
}  // namespace tocsin::cep
