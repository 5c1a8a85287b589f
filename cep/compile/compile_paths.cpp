#include "cep/compile/compile_paths.h"

#include <algorithm>
#include <vector>

#include "cep/compile/pattern_program.h"
#include "cep/plan/expr.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// Goes through all paths of a pattern.
class PathsMaker {
 public:
  explicit PathsMaker(const PatternProgram& pattern) : pattern_(pattern) {}

  tl::expected<PathsProgram, Obstacle> run() {
    const std::vector<std::uint32_t> none(pattern_.counter_count, 0);
    if (const auto obstacle = expand(PathPlace::kNone, pattern_.starts, none)) {
      return tl::unexpected(*obstacle);
    }
    for (PathPlace& place : out_.places) {
      place.omits_equals = place.parent != PathPlace::kNone && place.goes_on;
    }
    for (const PathPlace& place : out_.places) {
      if (place.parent == PathPlace::kNone) {
        ++out_.root_count;
        continue;
      }
      // Whatever follows an entry by plain `then` follows the one before it too.
      const bool is_plain =
          place.contiguity == Contiguity::kAny && !place.gap && place.absences.empty();
      if (!is_plain) out_.places[place.parent].omits_equals = false;
    }
    return std::move(out_);
  }

 private:
  using Counters = std::vector<std::uint32_t>;
  // Transitions that become one place.
  struct Branch {
    std::vector<std::uint32_t> steps;
    std::vector<std::uint32_t> by;
    const PatternTransition* reached = nullptr;
    Counters counters;
  };

  // What does not fit places.
  std::optional<Obstacle> obstacle_of(const PatternTransition& transition) const {
    if (transition.target == PatternTransition::kEnd) {
      if (transition.ending == Ending::kAtOnce) return std::nullopt;
      return Obstacle{ObstacleKind::kAbsenceAtEnd};
    }
    if (transition.target == PatternTransition::kFan) return Obstacle{ObstacleKind::kGroup};
    const PatternStep& step = pattern_.steps[transition.target];
    if (step.until) return Obstacle{ObstacleKind::kUntil, step.element};
    if (!transition.greedy.empty()) {
      return Obstacle{ObstacleKind::kGreedy, pattern_.steps[transition.greedy.front()].element};
    }
    for (const std::uint32_t absence : transition.absences) {
      const Element* const element = pattern_.absences[absence].element;
      if (element->is_next()) return Obstacle{ObstacleKind::kNoNext, element};
    }
    return std::nullopt;
  }

  bool go_on_alike(std::uint32_t a, std::uint32_t b) const {
    return std::ranges::equal(pattern_.steps[a].transitions, pattern_.steps[b].transitions,
                              [&](std::uint32_t x, std::uint32_t y) {
                                return pattern_.transitions[x] == pattern_.transitions[y];
                              });
  }
  static bool are_reached_alike(const Branch& a, const Branch& b, bool is_start) {
    const PatternTransition& x = *a.reached;
    const PatternTransition& y = *b.reached;
    return a.counters == b.counters && (is_start || (x.contiguity == y.contiguity &&
                                                     x.gap == y.gap && x.absences == y.absences));
  }
  // Whether one place does for both. With `first`, each waits for events of its own.
  bool are_one(const Branch& a, const Branch& b, bool is_start) const {
    return are_reached_alike(a, b, is_start) &&
           (is_start || a.reached->contiguity != Contiguity::kFirst) &&
           go_on_alike(a.steps.front(), b.steps.front());
  }

  Counters counters_after(const PatternTransition& transition, Counters counters,
                          bool is_start) const {
    for (const CounterUpdate& update : transition.updates) {
      if (is_start) {
        counters[update.counter] = update.value;
      } else {
        apply(update, counters.data());
      }
    }
    return counters;
  }

  // Makes the places behind `parent`, from which these transitions lead on.
  std::optional<Obstacle> expand(std::uint32_t parent, const std::vector<std::uint32_t>& on,
                                 const Counters& counters) {
    const bool is_start = parent == PathPlace::kNone;
    std::vector<Branch> branches;
    for (const std::uint32_t number : on) {
      const PatternTransition& transition = pattern_.transitions[number];
      const bool is_open = std::ranges::all_of(transition.tests, [&](const CounterTest& test) {
        return is_passed(test, counters.data());
      });
      if (!is_start && !is_open) continue;
      if (const auto obstacle = obstacle_of(transition)) return obstacle;
      if (transition.target == PatternTransition::kEnd) {
        out_.places[parent].completes = true;
        continue;
      }
      Branch branch{{transition.target},
                    {number},
                    &transition,
                    counters_after(transition, counters, is_start)};
      const auto known = std::ranges::find_if(branches, [&](const Branch& other) {
        return std::ranges::count(other.steps, transition.target) > 0;
      });
      if (known != branches.end()) {
        if (!are_reached_alike(*known, branch, is_start)) return Obstacle{ObstacleKind::kGroup};
        known->by.push_back(number);
        continue;
      }
      const auto same = std::ranges::find_if(
          branches, [&](const Branch& other) { return are_one(other, branch, is_start); });
      if (same == branches.end()) {
        if (branches.size() == kPathPlacesMax) return Obstacle{ObstacleKind::kGroup};
        branches.push_back(std::move(branch));
      } else {
        same->steps.push_back(transition.target);
        same->by.push_back(number);
      }
    }
    for (const Branch& branch : branches) {
      if (const auto obstacle = add(parent, branch)) return obstacle;
    }
    return std::nullopt;
  }

  std::optional<Obstacle> add(std::uint32_t parent, const Branch& branch) {
    if (out_.places.size() == kPathPlacesMax) return Obstacle{ObstacleKind::kGroup};
    const auto number = static_cast<std::uint32_t>(out_.places.size());
    PathPlace& place = out_.places.emplace_back();
    place.parent = parent;
    place.steps = branch.steps;
    std::ranges::sort(place.steps);
    place.contiguity = branch.reached->contiguity;
    place.gap = branch.reached->gap;
    place.absences = branch.reached->absences;
    if (parent != PathPlace::kNone) {
      out_.places[parent].goes_on = true;
      // Of the parent's other steps the transitions are the same, one for one.
      for (const std::uint32_t step : out_.places[parent].steps) {
        const std::vector<std::uint32_t>& own = pattern_.steps[step].transitions;
        for (const std::uint32_t by : branch.by) {
          out_.places[parent].next.emplace_back(own[place_among(parent, by)], number);
        }
      }
    }
    return expand(number, pattern_.steps[branch.steps.front()].transitions, branch.counters);
  }
  // Where the transition stands among those of the step that was expanded.
  std::size_t place_among(std::uint32_t parent, std::uint32_t transition) const {
    for (const std::uint32_t step : out_.places[parent].steps) {
      const std::vector<std::uint32_t>& own = pattern_.steps[step].transitions;
      const auto at = std::ranges::find(own, transition);
      if (at != own.end()) return static_cast<std::size_t>(at - own.begin());
    }
    return 0;
  }

  const PatternProgram& pattern_;
  PathsProgram out_;
};

// The variable that has the last event of every match and no other; absent where there is none.
std::optional<VarIndex> last_variable(const RuleProgram& rule, const PathsProgram& paths) {
  std::optional<std::uint32_t> last;
  for (const PathPlace& place : paths.places) {
    if (!place.completes) continue;
    if (place.steps.size() > 1 || (last && *last != place.steps.front())) return std::nullopt;
    last = place.steps.front();
  }
  if (!last) return std::nullopt;
  const VarIndex var = rule.pattern->steps[*last].element->var();
  return rule.rule->variables[var.value].loop ? std::nullopt : std::optional(var);
}

// Whether a condition on a match says the same of all that end with one event.
bool reads_last_alone(const RuleProgram& rule, const PathsProgram& paths, const Expr& having) {
  const std::optional<VarIndex> last = last_variable(rule, paths);
  const auto reads_others = [&](const Expr& read) {
    const VarIndex* const var = variable_of(read);
    return read.op == Op::kPrev || (var != nullptr && (!last || *var != *last));
  };
  return !any_expr(having, reads_others);
}

bool has_all_of(const std::vector<Element>& elements) {
  return std::ranges::any_of(elements, [](const Element& element) {
    return element.kind() == ElementKind::kAllOf || has_all_of(element.children());
  });
}
}  // namespace

bool is_of_paths(ObstacleKind kind) {
  return kind == ObstacleKind::kGroup || kind == ObstacleKind::kOptional ||
         kind == ObstacleKind::kGap;
}

tl::expected<PathsProgram, Obstacle> paths_of(const RuleProgram& rule) {
  const auto no = [](ObstacleKind kind, const Element* element = nullptr) {
    return tl::unexpected(Obstacle{kind, element});
  };
  const PatternProgram& pattern = *rule.pattern;
  const Selection& selection = rule.rule->selection;
  if (selection.kind == SelectionKind::kNoSkip) return no(ObstacleKind::kNoSkip);
  if (selection.kind != SelectionKind::kDefault && selection.kind != SelectionKind::kSkipPastLast) {
    return no(ObstacleKind::kAfterMatch);
  }
  // Without an end in time partial matches with the same future are one: they are few, and places
  // would keep each event that begins one.
  if (!rule.within && selection.kind == SelectionKind::kDefault) return no(ObstacleKind::kGroup);
  if (has_all_of(rule.rule->pattern)) return no(ObstacleKind::kGroup);
  for (const PatternStep& step : pattern.steps) {
    if (!step.take.by_run.empty()) return no(ObstacleKind::kEarlierEvent, step.element);
  }
  for (const PatternAbsence& absence : pattern.absences) {
    if (!absence.forbid.by_run.empty()) return no(ObstacleKind::kEarlierEvent, absence.element);
  }
  auto paths = PathsMaker(pattern).run();
  if (paths && rule.rule->having && !reads_last_alone(rule, *paths, *rule.rule->having)) {
    return no(ObstacleKind::kHaving);
  }
  return paths;
}
}  // namespace tocsin::cep
