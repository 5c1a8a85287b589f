/// Kinds: named subsets of events, down to the event types and the conditions on them.
#pragma once
#include <vector>

#include "rules/context/check_context.h"
#include "rules/context/scope.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Resolves every kind that is declared; a circle of kinds is reported once.
void check_kinds(CheckContext& context, const std::vector<const tree::Kind*>& kinds);

/// What `a or b or c` takes.
struct ResolvedKinds {
  std::vector<cep::Subset> subsets;                  // in the order written
  std::vector<const KindAlternative*> alternatives;  // parallel to `subsets`
  EventTypes types;
  bool broken = false;  // some of it is unknown, reported
};
/// Reports kinds that nothing declares and those of alerts, which come later. `rule`: whose roles
/// are kinds too; absent outside of rules.
ResolvedKinds resolve_kinds(CheckContext& context, const tree::Kinds& kinds,
                            const RuleScope* rule = nullptr);
/// The kind that a word names; absent, and reported, where there is none.
const KindSymbol* find_kind(CheckContext& context, const tree::KindRef& ref);
/// The same, without a report.
const KindSymbol* look_up_kind(CheckContext& context, const tree::KindRef& ref);
}  // namespace tocsin::rules
