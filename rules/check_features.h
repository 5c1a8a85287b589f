/// Features: named ones, and the part that those without a name share with them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "rules/check_context.h"
#include "rules/scope.h"
#include "rules/tree.h"

namespace tocsin::rules {
/// Checks the declarations and fills their symbols.
void check_features(CheckContext& context, const std::vector<const tree::Feature*>& features);

/// A feature without its name and key. `rule`: the rule around it, absent for a named one.
struct FeatureBody {
  cep::Feature feature;
  EventTypes types;
  SourceSpan kinds_span;
};
/// Nothing, with a report, where it has a mistake or is not available.
std::optional<FeatureBody> check_feature_body(CheckContext& context,
                                              const tree::AggregateCall& call,
                                              const tree::Window& window, const RuleScope* rule);
/// Equal for equal features, names left out.
std::string feature_meaning(const CheckContext& context, const cep::Feature& feature);
/// The plan's word for an aggregate; nothing, with a report at `span`, for one that features do not
/// have yet.
std::optional<cep::Aggregate> available_aggregate(CheckContext& context, tree::AggregateName name,
                                                  SourceSpan span);
}  // namespace tocsin::rules
