#include "cep/compile/growth.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "cep/compile/compile_paths.h"
#include "cep/compile/compile_places.h"
#include "cep/compile/compiler.h"
#include "cep/compile/make_pattern.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
constexpr std::uint64_t kEndless = std::numeric_limits<std::uint64_t>::max();

// Whether the step's event has to satisfy something besides its type, which few events do.
bool is_chosen(const Element& step) {
  if (step.where()) return true;
  return std::ranges::all_of(step.events(),
                             [](const Subset& subset) { return subset.condition != nullptr; });
}

// How often an event comes that the step takes.
Duration gap_between(const Plan& plan, const Element& step) {
  const bool of_alerts = std::ranges::all_of(step.events(), [&](const Subset& subset) {
    return plan.event_types[subset.type.value].is_alert();
  });
  if (of_alerts) return kOrdinaryAlert;
  return is_chosen(step) ? kOrdinaryChosenEvent : kOrdinaryEvent;
}

// a * b / divisor; kEndless where that is too large.
std::uint64_t scaled(std::uint64_t a, std::uint64_t b, std::uint64_t divisor) {
  constexpr std::uint64_t kLarge = std::uint64_t{1} << 40;
  if (a == kEndless || b == kEndless) return kEndless;
  if (a > kLarge / std::max<std::uint64_t>(b, 1)) return kLarge;
  return a * b / divisor;
}

// How long partial matches of a pattern wait, and how many of them an ordinary key has.
class Waits {
 public:
  // `simple` is null where the general matcher runs the rule.
  Waits(const Plan& plan, const Rule& rule, const RuleProgram* simple, const Limits& limits)
      : plan_(plan),
        rule_(rule),
        simple_(simple),
        pattern_(make_pattern(rule, limits)),
        within_(rule.without && rule.without->absent_for ? rule.without->absent_for : rule.within) {
    lives_ = longest();
    if (simple == nullptr) find_merging();
    for (const std::uint32_t start : pattern_.starts) {
      const Duration gap = gap_of(pattern_.transitions[start].target);
      start_gap_ = start_gap_.us == 0 ? gap : std::min(start_gap_, gap);
    }
    for (std::uint32_t step = 0; step < pattern_.steps.size(); ++step) {
      for (const std::uint32_t t : pattern_.steps[step].transitions) {
        add(step, pattern_.transitions[t]);
      }
    }
  }
  // Whether a match may be complete later than at its first event.
  bool any() const { return any_; }
  std::optional<Duration> lives() const { return lives_; }
  bool piles_up() const { return piles_up_; }
  std::uint64_t ordinary_matches() const { return ordinary_; }
  Duration ordinary_gap() const { return start_gap_; }

 private:
  Duration gap_of(std::uint32_t step) const {
    return gap_between(plan_, *pattern_.steps[step].element);
  }

  // The longest that a partial match may wait.
  std::optional<Duration> longest() const {
    Duration wait;  // of a match that waits for nothing but deadlines and events with a gap
    std::optional<Duration> bounded = within_;
    bool ends = true;
    for (const PatternStep& step : pattern_.steps) {
      for (const std::uint32_t t : step.transitions) {
        const PatternTransition& transition = pattern_.transitions[t];
        if (transition.target != PatternTransition::kEnd) {
          ends = ends && transition.gap && !transition.further;
          if (transition.gap) wait.us += transition.gap->us;
        } else if (transition.ending == Ending::kAtDeadline) {
          wait.us += transition.wait.us;
          // It waits on from its last event, which comes in time.
          if (within_ && !transition.waits_from_first) {
            bounded = std::max(*bounded, *within_ + transition.wait);
          }
        } else if (transition.ending == Ending::kAtNext) {
          ends = false;
        }
      }
    }
    if (within_) return bounded;
    return ends ? std::optional(wait) : std::nullopt;
  }

  // As find_pruning() in compile_pattern.cpp has it; on the safe side as to what is read.
  void find_merging() {
    const Selection& selection = rule_.selection;
    prunes_ = selection.kind == SelectionKind::kDefault ||
              selection.kind == SelectionKind::kSkipPastLast ||
              selection.kind == SelectionKind::kSkipToNext;
    const bool waits_from_first = std::ranges::any_of(
        pattern_.transitions, [](const PatternTransition& t) { return t.waits_from_first; });
    const auto reads_others = [](const PatternStep& step) {
      const ExprPtr& where = step.element->where();
      return where && reads_run(*own_event_to_current(where, step.element->var()));
    };
    merges_starts_ =
        selection.kind == SelectionKind::kDefault && !waits_from_first &&
        (selection.prefer_latest || !within_) &&
        std::ranges::none_of(pattern_.steps, reads_others) &&
        std::ranges::none_of(decision_exprs(rule_), [](const Expr* e) { return reads_run(*e); });
  }

  // The last step, up to `step`, by whose event a partial match there is told apart from others of
  // its start.
  int told_apart_by(std::uint32_t step) const {
    if (simple_ != nullptr && simple_->prunes) return simple_->steps[step].live_step;
    return simple_ == nullptr && prunes_ ? 0 : static_cast<int>(step);
  }
  bool merges_starts(std::uint32_t step) const {
    if (simple_ == nullptr) return merges_starts_;
    return simple_->prunes_over_starts && simple_->steps[step].live_step < 0;
  }

  void add(std::uint32_t step, const PatternTransition& transition) {
    const bool at_end = transition.target == PatternTransition::kEnd;
    if (at_end && transition.ending == Ending::kAtOnce) return;
    any_ = true;
    // What waits for the very next event does not wait for long.
    if (at_end && transition.ending == Ending::kAtNext) return;
    if (!at_end && transition.contiguity == Contiguity::kNext) return;
    if (!at_end && merges_starts(step)) return;
    piles_up_ = true;
    std::optional<Duration> wait = lives_;
    if (at_end) wait = transition.wait;
    if (transition.gap && !transition.further) {
      wait = wait ? std::min(*wait, *transition.gap) : *transition.gap;
    }
    const auto events_in = [&](Duration gap) {
      return wait ? static_cast<std::uint64_t>((wait->us + gap.us - 1) / gap.us) : kEndless;
    };
    std::uint64_t matches = events_in(start_gap_);
    const int last = told_apart_by(step);
    const bool prunes = simple_ != nullptr ? simple_->prunes : prunes_;
    std::uint64_t events = 1;
    for (int other = prunes ? std::max(last, 1) : 1; other <= last; ++other) {
      // `then first` and `then next` leave no choice.
      const Element& taken = *pattern_.steps[static_cast<std::size_t>(other)].element;
      if (taken.contiguity != Contiguity::kAny) continue;
      matches = scaled(matches, events_in(gap_of(static_cast<std::uint32_t>(other))), ++events);
    }
    ordinary_ = std::max(ordinary_, matches);
  }

  const Plan& plan_;
  const Rule& rule_;
  const RuleProgram* simple_;
  const PatternProgram pattern_;
  const std::optional<Duration> within_;
  std::optional<Duration> lives_;
  bool prunes_ = false;         // general: of one start, matches with the same future are merged
  bool merges_starts_ = false;  // general: of all starts
  Duration start_gap_;
  bool any_ = false;
  bool piles_up_ = false;
  std::uint64_t ordinary_ = 0;
};

// What keeps a rule with `all of` from being matched by its members: `all of` itself does not.
void name_obstacle(const Obstacle& found, std::vector<Obstacle>& obstacles) {
  std::erase_if(obstacles, [](const Obstacle& obstacle) {
    return obstacle.kind == ObstacleKind::kGroup && obstacle.element != nullptr &&
           obstacle.element->kind() == ElementKind::kAllOf;
  });
  if (std::ranges::find(obstacles, found.kind, &Obstacle::kind) == obstacles.end()) {
    obstacles.insert(obstacles.begin(), found);
  }
}

// Why first events are looked at one by one.
Obstacle search_of(const RuleProgram& rule) {
  return {ObstacleKind::kEarlierEvent, rule.steps[1].take.element};
}

// The obstacles that are left where busy keys may be matched by places of paths.
std::vector<Obstacle> beside_paths(const Plan& plan, const Rule& rule, const Limits& limits,
                                   std::vector<Obstacle> obstacles) {
  const auto paths = paths_of(pattern_sketch_of(plan, rule, limits).program);
  const auto is_known = [&](const Obstacle& obstacle) {
    return obstacle.kind == paths.error().kind;
  };
  if (!paths && (is_of_paths(paths.error().kind) || std::ranges::any_of(obstacles, is_known))) {
    return obstacles;
  }
  const bool has_clause = obstacle_of_clauses(rule, reads_run).has_value();
  std::erase_if(obstacles, [&](const Obstacle& obstacle) {
    return is_of_paths(obstacle.kind) || (is_of_clause(obstacle.kind) && !has_clause);
  });
  if (!paths) obstacles.push_back(paths.error());
  return obstacles;
}

// Whether the pattern is steps in a row with loops that the simple methods do not know.
bool is_sequence(const std::vector<Obstacle>& obstacles) {
  return std::ranges::all_of(obstacles, [](const Obstacle& obstacle) {
    return is_of_sequence(obstacle.kind) || is_of_clause(obstacle.kind);
  });
}
std::vector<Obstacle> beside_sequence(const Plan& plan, const Rule& rule,
                                      std::vector<Obstacle> obstacles) {
  const RuleSketch sketch = sketch_of(plan, rule);
  const auto sequence = sequence_of(plan, sketch.program);
  if (sequence || !is_of_sequence(sequence.error().kind)) obstacles.clear();
  std::erase_if(obstacles, [](const Obstacle& obstacle) {
    return is_of_clause(obstacle.kind) || obstacle.kind == ObstacleKind::kWithout;
  });
  if (!sequence && obstacles.empty()) obstacles.push_back(sequence.error());
  if (sequence && sequence->places->is_searched()) obstacles.push_back(search_of(*sequence));
  const auto clause = obstacle_of_clauses(
      rule, [&](const Expr& expr) { return reads_before_last(sketch.program, expr); });
  if (clause) obstacles.insert(obstacles.begin(), *clause);
  if (const auto without = obstacle_of_without(rule)) {
    obstacles.insert(obstacles.begin(), *without);
  }
  return obstacles;
}

std::uint64_t least_events(const std::vector<Element>& elements);

// The fewest events that a match takes for the element.
std::uint64_t least_events(const Element& element) {
  std::uint64_t once = 0;
  switch (element.kind()) {
    case ElementKind::kAbsence:
      return 0;
    case ElementKind::kStep:
      once = 1;
      break;
    case ElementKind::kGroup:
    case ElementKind::kAllOf:
      once = least_events(element.children());
      break;
    case ElementKind::kOneOf:
      once = kEndless;
      for (const Element& child : element.children()) once = std::min(once, least_events(child));
      break;
  }
  return element.is_optional() ? 0 : scaled(once, element.quantifier().min, 1);
}
std::uint64_t least_events(const std::vector<Element>& elements) {
  std::uint64_t events = 0;
  for (const Element& element : elements) events += least_events(element);
  return events;
}
}  // namespace

Growth growth_of(const Plan& plan, const Rule& rule, const Limits& limits) {
  Growth growth;
  if (rule.window) {
    growth.kept = Kept::kWindow;
    return growth;
  }
  growth.obstacles = general_obstacles(rule);
  std::optional<RuleSketch> sketch;
  if (growth.obstacles.empty()) {
    sketch = sketch_of(plan, rule);
    if (sketch->program.method == Method::kSingle) return growth;
    if (sketch->program.method == Method::kStrict) {
      growth.kept = Kept::kLastEvents;
      return growth;
    }
  }
  const Waits waits(plan, rule, sketch ? &sketch->program : nullptr, limits);
  if (!waits.any()) {
    growth.obstacles.clear();
    return growth;
  }
  growth.lives = waits.lives();
  if (sketch) {
    const auto sequence = sequence_of(plan, sketch->program);
    if (sequence && !sequence->places->is_searched()) {
      growth.kept = Kept::kPlaces;
      return growth;
    }
    growth.obstacles.push_back(sequence ? search_of(*sequence) : sequence.error());
  } else if (const auto members = members_of(rule)) {
    growth.kept = Kept::kPlaces;
    growth.obstacles.clear();
    return growth;
  } else if (members.error().kind != ObstacleKind::kGroup) {
    name_obstacle(members.error(), growth.obstacles);
  } else {
    growth.obstacles = is_sequence(growth.obstacles)
                           ? beside_sequence(plan, rule, std::move(growth.obstacles))
                           : beside_paths(plan, rule, limits, std::move(growth.obstacles));
    if (growth.obstacles.empty()) {
      growth.kept = Kept::kPlaces;
      return growth;
    }
  }
  growth.kept = Kept::kPartialMatches;
  growth.piles_up = waits.piles_up();
  growth.ordinary_matches = waits.ordinary_matches();
  growth.ordinary_gap = waits.ordinary_gap();
  return growth;
}

std::optional<OutOfReach> out_of_reach(const Rule& rule, const Growth& growth,
                                       const Limits& limits) {
  if (growth.kept != Kept::kPlaces && growth.kept != Kept::kPartialMatches) return std::nullopt;
  const auto takes_fewer = [](const Element& a, const Element& b) {
    return least_events(a) < least_events(b);
  };
  const Element& most = *std::ranges::max_element(rule.pattern, takes_fewer);
  const std::uint64_t needs = least_events(rule.pattern);
  if (needs > limits.events_per_key_max) {
    return OutOfReach{needs, limits.events_per_key_max, false, &most};
  }
  // Each event of a loop at the beginning begins a match of its own.
  const Element& first = rule.pattern.front();
  if (growth.kept == Kept::kPartialMatches && first.is_step() &&
      first.quantifier().min > limits.runs_per_key_max) {
    return OutOfReach{first.quantifier().min, limits.runs_per_key_max, true, &first};
  }
  return std::nullopt;
}
}  // namespace tocsin::cep
