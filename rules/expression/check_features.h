/// Features: named ones, and the part that those without a name share with them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "rules/context/check_context.h"
#include "rules/context/scope.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Makes all features known, before any is checked: one may read a later one.
void declare_features(CheckContext& context, const std::vector<const tree::Feature*>& features,
                      const std::vector<const tree::Features*>& groups);
/// Checks declarations and fills their symbols.
void check_features(CheckContext& context, const std::vector<const tree::Feature*>& features,
                    const std::vector<const tree::Features*>& groups);

/// The feature that a name means, checked now where it has not been: features may read others.
/// Nothing, with a report, where it reads itself or is broken.
std::optional<cep::FeatureIndex> find_feature(CheckContext& context, ValueSymbol& symbol,
                                              SourceSpan span);
/// Gives features their rules of `unless alerted by`; after the rules.
void check_unless(CheckContext& context);

/// A feature without its name and key. `rule`: the rule around it, absent for a named one.
struct FeatureBody {
  cep::Feature feature;
  EventTypes types;
  SourceSpan kinds_span;
  const tree::Unless* unless = nullptr;
};
/// Nothing, with a report, where it has a mistake.
std::optional<FeatureBody> check_feature_body(CheckContext& context,
                                              const tree::AggregateCall& call,
                                              const tree::Window& window, const RuleScope* rule);
/// Warns of distinct values of a field that is part of the key: there is one. `span`: of the field.
void warn_of_distinct_key(CheckContext& context, const cep::Feature& feature, SourceSpan span);
/// Equal for equal features, names left out.
std::string feature_meaning(const CheckContext& context, const FeatureBody& body);
}  // namespace tocsin::rules
