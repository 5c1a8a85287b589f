#include "cep/compile/compile_paths.h"

#include <algorithm>

#include "cep/compile/pattern_program.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
bool is_all_of(const Element& element) { return element.kind() == ElementKind::kAllOf; }

// Whether it comes once, behind what is before it by plain `then`.
bool is_plain(const Element& element) {
  const Quantifier& quantifier = element.quantifier();
  return quantifier.min == 1 && quantifier.max == 1U && !quantifier.greedy &&
         element.contiguity == Contiguity::kAny;
}

std::optional<Obstacle> obstacle_of_step(const Element& step) {
  const auto is = [&](ObstacleKind kind) { return Obstacle{kind, &step}; };
  if (!step.is_step() || !is_plain(step)) return is(ObstacleKind::kGroup);
  if (step.is_optional()) return is(ObstacleKind::kOptional);
  if (step.gap) return is(ObstacleKind::kGap);
  if (!step.until_events().empty()) return is(ObstacleKind::kUntil);
  if (step.where() && reads_run(*own_event_to_current(step.where(), step.var()))) {
    return is(ObstacleKind::kEarlierEvent);
  }
  return std::nullopt;
}

// What may keep the first match from being the one that is selected. Expressions that read the
// match may differ between matches that end with the same event.
std::optional<Obstacle> obstacle_of_selection(const Rule& rule) {
  const Selection& selection = rule.selection;
  if (rule.without) return Obstacle{ObstacleKind::kWithout};
  if (selection.kind == SelectionKind::kNoSkip) return Obstacle{ObstacleKind::kNoSkip};
  if (selection.in_order || (selection.kind != SelectionKind::kDefault &&
                             selection.kind != SelectionKind::kSkipPastLast)) {
    return Obstacle{ObstacleKind::kAfterMatch};
  }
  if (selection.prefer_latest) return Obstacle{ObstacleKind::kPreferLatest};
  if (rule.having && reads_run(*rule.having)) return Obstacle{ObstacleKind::kHaving};
  return obstacle_of_clauses(rule, reads_run);
}
}  // namespace

tl::expected<MembersProgram, Obstacle> members_of(const Rule& rule) {
  const auto all_of = std::ranges::find_if(rule.pattern, is_all_of);
  if (all_of == rule.pattern.end()) return tl::unexpected(Obstacle{ObstacleKind::kGroup});
  MembersProgram members;
  std::uint32_t steps = 0;
  for (const Element& element : rule.pattern) {
    if (!is_all_of(element)) {
      const auto obstacle = obstacle_of_step(element);
      if (obstacle) return tl::unexpected(*obstacle);
      members.groups.push_back({steps, steps + 1});
      ++steps;
      continue;
    }
    if (!is_plain(element) || element.children().size() > kAllOfMax) {
      return tl::unexpected(Obstacle{ObstacleKind::kGroup, &element});
    }
    if (element.is_optional()) return tl::unexpected(Obstacle{ObstacleKind::kOptional, &element});
    if (element.gap) return tl::unexpected(Obstacle{ObstacleKind::kGap, &element});
    for (const Element& member : element.children()) {
      const auto obstacle = obstacle_of_step(member);
      if (obstacle) return tl::unexpected(*obstacle);
    }
    const auto count = static_cast<std::uint32_t>(element.children().size());
    members.groups.push_back({steps, steps + count});
    steps += count;
  }
  if (const auto obstacle = obstacle_of_selection(rule)) return tl::unexpected(*obstacle);
  return members;
}
}  // namespace tocsin::cep
