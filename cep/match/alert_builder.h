/// Makes an alert of a match: message, fields, severity and the events that matched.
#pragma once
#include "cep/data/alert.h"
#include "cep/match/eval.h"

namespace tocsin::cep {
/// The alert of the match that ends with `last`, all but its id and counts. `scope.head` is the
/// last captured event; where `last` is a row it comes after those, for the rule's last step.
Alert build_alert(const EvalScope& scope, const EventView& last, OrderKey order);
/// Whether the match passes the rule's `having`.
bool passes_having(const EvalScope& scope, const EventView& last);
/// Which of the element's subsets an event that fits it is in: the first.
std::size_t subset_of_event(const Element& element, const EventView& event, const EvalScope& scope);
}  // namespace tocsin::cep
