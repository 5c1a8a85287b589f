/// Habits of other languages in patterns: how steps are joined, counted and conditioned elsewhere.
#pragma once
#include "rules/parse/parse_context.h"

namespace tocsin::rules {
/// `login followed by transfer`, `login >> transfer`: true if `then` is passed, or made of it.
bool foreign_then(ParseContext& p);
/// Before a kind: `every payment`, `at least 3 payment`, `>= 3 payment`, `[payment …]`.
void foreign_before_kind(ParseContext& p, tree::Step& step);
/// Before a kind: `a payment`, `any of {…}`, `more than 3 payment`, `exactly 3 payment`.
void foreign_article(ParseContext& p, tree::Step& step);
/// A condition where a kind of events is needed: reported, and true.
bool foreign_step(ParseContext& p, tree::Step& step);
/// Directly behind a kind: `payment+`, `payment{3}`, `payment.amount`.
void foreign_behind_kind(ParseContext& p, const tree::Step& step);
/// `payment[amount > 3]`, `payment(amount > 3)`, `payment: amount > 3`, `payment if amount > 3`:
/// the condition is read.
void condition_behind_kind(ParseContext& p, tree::Step& step);
/// `payment amount > 200`: a condition without its `where`.
void missing_where(ParseContext& p, const tree::Step& step);
/// `login where ok as l`.
void late_as(ParseContext& p, tree::Step& step);
/// `no payment in 5m`.
void late_for(ParseContext& p, tree::Absence& absence);
}  // namespace tocsin::rules
