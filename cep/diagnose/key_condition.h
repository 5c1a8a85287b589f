/// Rules that see the events of one key alone.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/base/index.h"
#include "cep/compile/compile.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Lets the rule's kinds have only events whose fields give the rule's key these values, so that
/// others cost no look-up of a key. Alerts of the key do not change. Kinds whose fields cannot be
/// compared with the values keep all events.
void restrict_to_key(const Plan& plan, Rule& rule, const std::vector<OwnedValue>& key);
/// Whether alerts of these rules depend on events of other keys than those of `tables`
/// (KeyQuery::table): on features by another key, on alerts as events, on `for each`.
bool depends_on_other_keys(const Program& program, const std::vector<RuleIndex>& rules,
                           const std::vector<std::uint32_t>& tables);
/// The same of rules and of the values of features.
bool depends_on_other_keys(const Program& program, const std::vector<RuleIndex>& rules,
                           const std::vector<FeatureIndex>& features,
                           const std::vector<std::uint32_t>& tables);
}  // namespace tocsin::cep
