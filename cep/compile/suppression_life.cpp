#include "cep/compile/suppression_life.h"

#include <algorithm>
#include <vector>

#include "cep/aggregate/feature_window.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
bool has_roles(const KeySpec& key) {
  return std::ranges::any_of(key.parts, [](const KeyPart& part) {
    return std::ranges::any_of(part.members,
                               [](const KeyMember& member) { return !member.role.empty(); });
  });
}

// Whether an event of each of the feature's types has the same key for the rule.
bool has_key_of(const Rule& rule, const Feature& feature) {
  if (rule.key.parts.size() != feature.key.parts.size()) return false;
  for (std::size_t i = 0; i < rule.key.parts.size(); ++i) {
    const auto field_in = [&](const KeySpec& key, EventTypeIndex type) {
      const std::vector<KeyMember>& members = key.parts[i].members;
      const auto found = std::ranges::find(members, type, &KeyMember::type);
      return found == members.end() ? std::optional<FieldIndex>() : found->field;
    };
    for (const Subset& subset : feature.events) {
      const auto field = field_in(rule.key, subset.type);
      if (!field || field != field_in(feature.key, subset.type)) return false;
    }
  }
  return true;
}

bool sees_all_of(const Rule& rule, const Feature& feature) {
  std::vector<Subset> seen = rule.considered;
  if (rule.window) {
    seen.insert(seen.end(), rule.window->events.begin(), rule.window->events.end());
  }
  return std::ranges::all_of(feature.events, [&](const Subset& counted) {
    return std::ranges::any_of(seen, [&](const Subset& subset) {
      return subset.type == counted.type && (!subset.condition || subset.name == counted.name);
    });
  });
}

// How far back the count looks that the conjunct asks for two or more.
std::optional<Duration> window_of_count(const Plan& plan, const Rule& rule, const Expr& conjunct) {
  if (conjunct.args.size() != 2) return std::nullopt;
  bool is_turned = false;  // the number stands before the count
  bool or_equal = false;
  switch (conjunct.op) {
    case Op::kEqual:
    case Op::kGreaterEqual:
      or_equal = true;
      break;
    case Op::kGreater:
      break;
    case Op::kLessEqual:
      is_turned = or_equal = true;
      break;
    case Op::kLess:
      is_turned = true;
      break;
    default:
      return std::nullopt;
  }
  const Expr& count = *conjunct.args[is_turned ? 1U : 0U];
  const Expr& number = *conjunct.args[is_turned ? 0U : 1U];
  if (count.op != Op::kFeature || !count.args.empty() || number.op != Op::kLiteral ||
      literal_of(number).kind != ValueKind::kInt ||
      literal_of(number).number < (or_equal ? 2 : 1)) {
    return std::nullopt;
  }
  const Feature& feature = plan.features[feature_of(count).value];
  const bool counts = traits_of(feature.aggregate).gives == AggregateResult::kNumberOf;
  if (!counts || !has_key_of(rule, feature) || !sees_all_of(rule, feature)) return std::nullopt;
  return longest_look_back(feature.window);
}
}  // namespace

std::optional<Duration> quiet_ends_after(const Plan& plan, const Rule& rule) {
  const Suppression& suppression = rule.suppression;
  if (suppression.kind() != Once::kWhile || !suppression.for_each.empty() ||
      (suppression.at_most && !suppression.at_most->for_each.empty()) || has_roles(rule.key)) {
    return std::nullopt;
  }
  std::vector<ExprPtr> conjuncts;
  split_conjuncts(suppression.condition(), conjuncts);
  std::optional<Duration> least;
  for (const ExprPtr& conjunct : conjuncts) {
    const auto window = window_of_count(plan, rule, *conjunct);
    if (window && (!least || *window < *least)) least = window;
  }
  return least;
}

SuppressionLife suppression_life(const Plan& plan, const Rule& rule,
                                 std::optional<Duration> longest) {
  SuppressionLife life;
  // A closing window's events are given once, and so is the one event of a step that is all.
  const bool is_one_event = rule.pattern.size() == 1 && rule.pattern[0].is_step() &&
                            !rule.pattern[0].quantifier().loop && !rule.without;
  life.taken = rule.window || is_one_event ? Duration{0} : longest;
  life.quiet = quiet_ends_after(plan, rule);
  return life;
}
}  // namespace tocsin::cep
