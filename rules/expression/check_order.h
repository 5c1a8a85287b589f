/// The order in which kinds, features and rules are checked: alerts are events, so a kind, a
/// feature or a rule may need the alerts of a rule, and a rule needs the features that it reads.
#pragma once
#include <vector>

#include "rules/context/check_context.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
struct CheckOrder {
  /// Those that need no rule, in file order.
  std::vector<const tree::Kind*> kinds;
  std::vector<const tree::Feature*> features;
  std::vector<const tree::Features*> groups;
  /// The rest, each after what it needs; one of each is set.
  struct Step {
    const tree::Kind* kind = nullptr;
    const tree::Feature* feature = nullptr;
    const tree::Features* group = nullptr;
    const tree::Rule* rule = nullptr;
  };
  std::vector<Step> steps;
  /// The rules of which something but a draft reads the alerts, then those that only drafts read;
  /// each in file order.
  std::vector<const tree::Rule*> read;
  std::vector<const tree::Rule*> read_by_drafts;
  /// Whether anything says `any alert`, and the rules whose alerts it then means, in file order.
  bool any_alert = false;
  std::vector<const tree::Rule*> any_alert_of;
};
/// Finds the order; reports declarations that feed each other.
CheckOrder find_check_order(CheckContext& context, const std::vector<const tree::Kind*>& kinds,
                            const std::vector<const tree::Feature*>& features,
                            const std::vector<const tree::Features*>& groups,
                            const std::vector<const tree::Rule*>& rules);
}  // namespace tocsin::rules
