/// Alerts as events: the kinds `alert NAME` and `any alert`, and their event types in the plan.
#pragma once
#include "rules/context/check_context.h"
#include "rules/expression/check_order.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Gives each rule its place in the plan, and makes room for the event types that `order` says are
/// read, after the declared ones; those that only drafts read come last, to be dropped in the end.
void reserve_alert_types(CheckContext& context, const std::vector<const tree::Rule*>& rules,
                         const CheckOrder& order);
/// Fills the event type of a rule's alerts, where anything reads it. `right`: nothing was reported
/// of the rule.
void complete_alert_type(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
                         bool right);
/// The kind that `alert NAME` or `any alert` means; absent, and reported, where there is none.
const KindSymbol* find_alert_kind(CheckContext& context, const tree::KindRef& ref);
}  // namespace tocsin::rules
