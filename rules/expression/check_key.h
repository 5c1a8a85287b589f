/// Keys: `by card`, `by account = payment.account | transfer.from_account`, and those that
/// `key account = …` declares for all rules and features.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "rules/context/check_context.h"
#include "rules/context/scope.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Checks every `key NAME = …`; the event types are known.
void check_keys(CheckContext& context, const std::vector<const tree::Key*>& keys);
/// The key that is declared under this name; null where none is.
const KeySymbol* find_declared_key(const CheckContext& context, std::string_view name);
/// The fields that hold a declared key in events of this type, one for each role; none where the
/// key does not say. Alerts hold it under its name, by the key of their rule.
std::vector<cep::KeyMember> members_of(const CheckContext& context, const KeySymbol& key,
                                       cep::EventTypeIndex type);
/// That a declared key says nothing of an event type: the diagnostic, and what to add to the key.
Diagnostic outside_of_key(const CheckContext& context, Code code, SourceSpan span,
                          const KeySymbol& key, cep::EventTypeIndex type);
/// "as `got` and as `sent`".
std::string roles_text(const std::vector<cep::KeyMember>& members);
/// Notes the roles of the key, which are kinds inside the rule, before any kind is resolved.
void declare_roles(CheckContext& context, const tree::ByClause& by, RuleScope& scope);
/// Fills `key` and the key's part of `scope` for a rule whose events are of `types`.
void check_key(CheckContext& context, const tree::ByClause& by, const EventTypes& types,
               bool types_broken, cep::KeySpec& key, RuleScope& scope);
}  // namespace tocsin::rules
