/// The key of a rule: `by card`, `by account = payment.account | transfer.from_account`.
#pragma once
#include "rules/check_context.h"
#include "rules/scope.h"
#include "rules/tree.h"

namespace tocsin::rules {
/// Notes the roles of the key, which are kinds inside the rule, before any kind is resolved.
void declare_roles(CheckContext& context, const tree::ByClause& by, RuleScope& scope);
/// Fills `key` and the key's part of `scope` for a rule whose events are of `types`.
void check_key(CheckContext& context, const tree::ByClause& by, const EventTypes& types,
               bool types_broken, cep::KeySpec& key, RuleScope& scope);
}  // namespace tocsin::rules
