#include "cep/compile/obstacle.h"

#include <algorithm>
#include <cstddef>

#include "cep/plan/expr_walk.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
struct ObstacleWords {
  std::string_view name;
  std::string_view words;
};
constexpr ObstacleWords kObstacles[] = {
#define TOCSIN_OBSTACLE(kind, name, words) {name, words},
#include "cep/compile/obstacles.def"
#undef TOCSIN_OBSTACLE
};

// What the simple methods do not know of an element.
void add_obstacles(const Element& element, std::vector<Obstacle>& out) {
  const auto add = [&](bool is_so, ObstacleKind kind) {
    if (is_so) out.push_back({kind, &element});
  };
  add(!element.is_step() && !element.is_absence(), ObstacleKind::kGroup);
  add(element.gap.has_value() && !element.is_step(), ObstacleKind::kGap);
  add(element.is_optional(), ObstacleKind::kOptional);
  add(!element.until_events().empty(), ObstacleKind::kUntil);
  add(element.is_next(), ObstacleKind::kNoNext);
  add(element.quantifier().greedy, ObstacleKind::kGreedy);
  add(element.quantifier().mode == LoopMode::kEach, ObstacleKind::kEach);
  for (const Element& child : element.children()) add_obstacles(child, out);
}
}  // namespace

std::string_view name_of(ObstacleKind kind) {
  return kObstacles[static_cast<std::size_t>(kind)].name;
}
std::string_view words_of(ObstacleKind kind) {
  return kObstacles[static_cast<std::size_t>(kind)].words;
}

std::vector<Obstacle> general_obstacles(const Rule& rule) {
  std::vector<Obstacle> out;
  const auto add = [&](bool is_so, ObstacleKind kind) {
    if (is_so) out.push_back({kind});
  };
  // It captures events of its own, after what its pass has made of the features.
  add(reads_features_of_steps(rule), ObstacleKind::kFeatureOfStep);
  for (const Element& element : rule.pattern) add_obstacles(element, out);
  const std::size_t count = rule.pattern.size();
  const bool ends_absent = count > 0 && rule.pattern.back().is_absence();
  // Values of features that wait for a deadline with their texts.
  const auto is_text = [](const Expr& expr) {
    return expr.op == Op::kFeature &&
           (expr.type.kind == TypeKind::kString || expr.type.kind == TypeKind::kEnum);
  };
  const auto has_text = [&](const Expr* root) { return any_expr(*root, is_text); };
  add(ends_absent && std::ranges::any_of(alert_exprs(rule), has_text),
      ObstacleKind::kTextAtDeadline);
  add(ends_absent && count > 1 && rule.pattern[count - 2].is_absence(),
      ObstacleKind::kAbsencesAtEnd);
  const Selection& selection = rule.selection;
  const bool simple_kind = selection.kind == SelectionKind::kDefault ||
                           selection.kind == SelectionKind::kNoSkip ||
                           selection.kind == SelectionKind::kSkipPastLast;
  add(!simple_kind || selection.in_order, ObstacleKind::kAfterMatch);
  add(selection.prefer_latest, ObstacleKind::kPreferLatest);
  const Suppression& suppression = rule.suppression;
  add(suppression.kind() != Once::kNone && suppression.kind() != Once::kPerDuration,
      ObstacleKind::kOnce);
  add(!suppression.for_each.empty(), ObstacleKind::kForEach);
  add(suppression.at_most.has_value(), ObstacleKind::kAtMost);
  add(rule.without.has_value(), ObstacleKind::kWithout);
  add(!rule.exceptions.empty(), ObstacleKind::kExcept);
  return out;
}
bool needs_general(const Rule& rule) { return !general_obstacles(rule).empty(); }

bool is_of_clause(ObstacleKind kind) {
  return kind == ObstacleKind::kOnce || kind == ObstacleKind::kForEach ||
         kind == ObstacleKind::kAtMost || kind == ObstacleKind::kExcept ||
         kind == ObstacleKind::kFeatureOfStep;
}

std::optional<Obstacle> obstacle_of_without(const Rule& rule) {
  if (!rule.without) return std::nullopt;
  const bool asks = rule.without->where && reads_run(*rule.without->where);
  if (!rule.without->absent_for && !asks) return std::nullopt;
  return Obstacle{ObstacleKind::kWithout};
}

std::optional<Obstacle> obstacle_of_clauses(const Rule& rule,
                                            const std::function<bool(const Expr&)>& reads) {
  const auto reads_part = [&](const ExprPtr& expr) { return expr && reads(*expr); };
  for (const Exception& exception : rule.exceptions) {
    if (reads(*exception.condition)) return Obstacle{ObstacleKind::kExcept};
  }
  const Suppression& suppression = rule.suppression;
  if (suppression.kind() == Once::kPerVariable || reads_part(suppression.zone())) {
    return Obstacle{ObstacleKind::kOnce};
  }
  if (std::ranges::any_of(suppression.for_each, reads_part)) {
    return Obstacle{ObstacleKind::kForEach};
  }
  if (suppression.at_most && std::ranges::any_of(suppression.at_most->for_each, reads_part)) {
    return Obstacle{ObstacleKind::kAtMost};
  }
  if (reads_features_of_steps(rule)) return Obstacle{ObstacleKind::kFeatureOfStep};
  return std::nullopt;
}
}  // namespace tocsin::cep
