#include "rules/pattern/unreachable_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "cep/compile/make_pattern.h"
#include "cep/plan/rule.h"
#include "rules/context/report.h"

namespace tocsin::rules {
using cep::CounterTest;
using cep::CounterUpdate;
using cep::Element;
using cep::PatternProgram;
using cep::PatternTransition;

namespace {
constexpr std::size_t kStatesMax = 20'000;
constexpr std::size_t kWorkMax = 400'000;  // transitions looked at
// A loop that takes three events takes any number: no step asks for the count.
constexpr std::uint32_t kRoundsMax = 3;

void add_conjuncts(const CheckContext& context, const cep::ExprPtr& condition,
                   std::set<std::string>& conjuncts) {
  if (!condition) return;
  if (condition->op == cep::Op::kAnd) {
    for (const cep::ExprPtr& arg : condition->args) add_conjuncts(context, arg, conjuncts);
    return;
  }
  conjuncts.insert(cep::describe(context.plan, *condition));
}

// Whether the condition means the same in every place of the pattern: it reads the event alone, and
// events that steps of one event took before.
bool is_alike_everywhere(const cep::Rule& rule, const cep::ExprPtr& condition,
                         std::optional<cep::VarIndex> taker) {
  if (!condition) return true;
  switch (condition->op) {
    case cep::Op::kPrev:
    case cep::Op::kAggregate:
    case cep::Op::kIsBound:
    case cep::Op::kInLoop:
      return false;
    case cep::Op::kBound:
      if (rule.variables[variable_of(*condition)->value].loop) return false;
      if (taker && *variable_of(*condition) == *taker) return false;
      break;
    default:
      break;
  }
  return std::ranges::all_of(condition->args, [&](const cep::ExprPtr& arg) {
    return is_alike_everywhere(rule, arg, taker);
  });
}

void shorten(std::vector<Element>& elements) {
  for (Element& element : elements) {
    if (element.is_absence()) continue;
    cep::Quantifier& quantifier = element.repetition()->quantifier;
    quantifier.min = std::min(quantifier.min, kRoundsMax);
    if (quantifier.max) {
      quantifier.max = std::max(quantifier.min, std::min(*quantifier.max, kRoundsMax + 1));
    }
    if (cep::Group* const group = element.group()) shorten(group->children);
  }
}

// What ends every match before the step can take an event.
struct Obstacle {
  enum class Kind : std::uint8_t { kUntil, kGreedy, kNextAbsence, kAbsence, kWithout, kLastNext };
  Kind kind = Kind::kAbsence;
  std::uint32_t by = 0;  // kGreedy: the step; of absences: the absence
};

class Explorer {
 public:
  Explorer(const CheckContext& context, const cep::Rule& rule) : context_(context), rule_(rule) {
    shorten(rule_.pattern);
    const cep::Limits limits;
    program_ = cep::make_pattern(rule_, limits);
    is_known_ = !cep::is_too_large(program_, limits);
    reached_.assign(program_.steps.size(), false);
  }

  void run() {
    if (!is_known_) return;
    add({std::nullopt, std::vector<std::uint32_t>(program_.counter_count, 0)});
    while (is_known_ && !waiting_.empty()) {
      const State state = std::move(waiting_.front());
      waiting_.pop_front();
      const auto& transitions =
          state.step ? program_.steps[*state.step].transitions : program_.starts;
      for (const std::uint32_t transition : transitions) {
        if (++work_ > kWorkMax) is_known_ = false;
        if (program_.transitions[transition].target == PatternTransition::kFan) {
          follow_fan(state, program_.transitions[transition]);
        } else {
          follow(state, program_.transitions[transition]);
        }
      }
    }
  }

  bool is_known() const { return is_known_; }
  bool can_alert() const { return can_alert_; }
  bool is_reached(std::size_t step) const { return reached_[step]; }
  // By the step; PatternTransition::kEnd for the end of the match.
  const std::map<std::uint32_t, Obstacle>& obstacles() const { return obstacles_; }

 private:
  struct State {
    std::optional<std::uint32_t> step;  // taken last; nothing at the start
    std::vector<std::uint32_t> counters;
    auto operator<=>(const State&) const = default;
  };

  void add(State state) {
    if (!seen_.insert(state).second) return;
    if (seen_.size() > kStatesMax) is_known_ = false;
    waiting_.push_back(std::move(state));
  }

  static bool is_open(const PatternTransition& transition,
                      const std::vector<std::uint32_t>& counters) {
    return std::ranges::all_of(transition.tests, [&](const CounterTest& test) {
      const std::uint32_t counter = counters[test.counter];
      switch (test.kind) {
        case CounterTest::Kind::kAtLeast:
          return counter >= test.value;
        case CounterTest::Kind::kBelow:
          return counter < test.value;
        case CounterTest::Kind::kLacks:
          return (counter & test.value) == 0;
        case CounterTest::Kind::kHas:
          return (counter & test.value) == test.value;
      }
      return true;
    });
  }
  static void update(const PatternTransition& transition, std::vector<std::uint32_t>& counters) {
    for (const CounterUpdate& update : transition.updates) {
      std::uint32_t& counter = counters[update.counter];
      switch (update.kind) {
        case CounterUpdate::Kind::kSet:
          counter = update.value;
          break;
        case CounterUpdate::Kind::kIncrement:
          counter = std::min(counter + 1, update.value);
          break;
        case CounterUpdate::Kind::kAddBits:
          counter |= update.value;
          break;
      }
    }
  }

  // A fan leads to each of its steps as if that stood on a transition of its own. What has been
  // followed from some step of a chain has been followed with all that comes after it.
  void follow_fan(const State& state, const PatternTransition& fan) {
    State known = state;
    if (fan.members) {
      take_members(known, fan);
      if (!followed_.insert({fan.fan_begin, known.counters}).second) return;
    }
    for (std::uint32_t i = fan.fan_begin; i < fan.fan_end; ++i) {
      if (++work_ > kWorkMax) is_known_ = false;
      if (!fan.members && !followed_.insert({i, known.counters}).second) return;
      const cep::FanTarget& target = program_.fan_targets[i];
      PatternTransition one;
      one.target = target.step;
      one.updates = target.updates;
      follow(known, one);
    }
  }

  // Whether a member can be taken does not depend on those that are done: the state becomes that
  // with all done that can be.
  void take_members(State& state, const PatternTransition& fan) {
    const auto place = open_members_.try_emplace(fan.fan_begin);
    std::map<std::uint32_t, std::uint32_t>& bits = place.first->second;
    for (std::uint32_t i = fan.fan_begin; place.second && i < fan.fan_end; ++i) {
      const cep::FanTarget& target = program_.fan_targets[i];
      PatternTransition one;
      one.target = target.step;
      const Element& step = *program_.steps[target.step].element;
      const bool is_open = std::ranges::any_of(step.events(), [&](const cep::Subset& subset) {
        return !obstacle_of(one, step, subset, false);
      });
      if (!is_open) continue;
      for (const CounterUpdate& update : target.updates) bits[update.counter] |= update.value;
    }
    for (const auto& [counter, done] : bits) state.counters[counter] |= done;
  }

  void follow(const State& state, const PatternTransition& transition) {
    if (!is_open(transition, state.counters)) return;
    if (transition.target == PatternTransition::kEnd) {
      if (const auto obstacle = end_obstacle(transition)) {
        obstacles_.emplace(transition.target, *obstacle);
      } else {
        can_alert_ = true;
      }
      return;
    }
    State next = state;
    update(transition, next.counters);
    next.step = transition.target;
    const Element& step = *program_.steps[transition.target].element;
    for (const cep::Subset& subset : step.events()) {
      const auto obstacle = obstacle_of(transition, step, subset, !state.step);
      if (!obstacle) {
        reached_[transition.target] = true;
        add(next);
      } else if (may_complete(*obstacle) && completes(next)) {
        reached_[transition.target] = true;
        can_alert_ = true;
      } else {
        obstacles_.emplace(transition.target, *obstacle);
      }
    }
  }

  // Whether the match may be given with the event that the step has taken.
  bool completes(const State& state) const {
    return std::ranges::any_of(program_.steps[*state.step].transitions, [&](std::uint32_t index) {
      const PatternTransition& transition = program_.transitions[index];
      return transition.target == PatternTransition::kEnd &&
             transition.ending == cep::Ending::kAtOnce && is_open(transition, state.counters);
    });
  }
  // An event that is forbidden up to a step may complete the match.
  static bool may_complete(const Obstacle& obstacle) {
    return obstacle.kind == Obstacle::Kind::kAbsence || obstacle.kind == Obstacle::Kind::kWithout;
  }

  std::optional<Obstacle> obstacle_of(const PatternTransition& transition, const Element& step,
                                      const cep::Subset& subset, bool is_first) const {
    if (!step.until_events().empty() &&
        takes(step.until_events(), step.until_where(), subset, step.where(), step.var())) {
      return Obstacle{Obstacle::Kind::kUntil, transition.target};
    }
    for (const std::uint32_t greedy : transition.greedy) {
      if (greedy_takes(greedy, subset, step)) return Obstacle{Obstacle::Kind::kGreedy, greedy};
    }
    for (const std::uint32_t index : transition.absences) {
      const Element& absence = *program_.absences[index].element;
      if (!takes(absence.events(), absence.where(), subset, step.where(), step.var())) continue;
      if (!absence.is_next()) return Obstacle{Obstacle::Kind::kAbsence, index};
      // Another event may come before.
      if (transition.contiguity == cep::Contiguity::kNext || !has_other(transition, step)) {
        return Obstacle{Obstacle::Kind::kNextAbsence, index};
      }
    }
    if (rule_.without && !is_first &&
        takes(rule_.without->events, rule_.without->where, subset, step.where(), step.var())) {
      return Obstacle{Obstacle::Kind::kWithout, 0};
    }
    return std::nullopt;
  }

  // Whether an event may come that leaves the match waiting for the step.
  bool has_other(const PatternTransition& transition, const Element& step) const {
    return std::ranges::any_of(rule_.considered, [&](const cep::Subset& other) {
      const auto forbids = [&](std::uint32_t index) {
        const Element& absence = *program_.absences[index].element;
        return takes(absence.events(), absence.where(), other, nullptr, step.var());
      };
      if (std::ranges::any_of(transition.absences, forbids)) return false;
      if (rule_.without &&
          takes(rule_.without->events, rule_.without->where, other, nullptr, step.var())) {
        return false;
      }
      if (std::ranges::any_of(transition.greedy, [&](std::uint32_t greedy) {
            const Element& loop = *program_.steps[greedy].element;
            return loop.until_events().empty() &&
                   takes(loop.events(), loop.where(), other, nullptr, loop.var());
          })) {
        return false;
      }
      return transition.contiguity != cep::Contiguity::kFirst ||
             !takes(step.events(), step.where(), other, nullptr, step.var());
    });
  }

  bool greedy_takes(std::uint32_t greedy, const cep::Subset& subset, const Element& step) const {
    const Element& loop = *program_.steps[greedy].element;
    return loop.until_events().empty() && is_alike_everywhere(rule_, loop.where(), step.var()) &&
           takes(loop.events(), loop.where(), subset, step.where(), loop.var());
  }

  // The match waits for the very next event, which is always one that it forbids.
  std::optional<Obstacle> end_obstacle(const PatternTransition& transition) const {
    if (transition.ending != cep::Ending::kAtNext) return std::nullopt;
    const bool is_open = std::ranges::any_of(rule_.considered, [&](const cep::Subset& next) {
      return std::ranges::none_of(transition.absences, [&](std::uint32_t index) {
        const Element& absence = *program_.absences[index].element;
        return takes(absence.events(), absence.where(), next, nullptr, std::nullopt);
      });
    });
    if (is_open) return std::nullopt;
    return Obstacle{Obstacle::Kind::kLastNext, transition.absences.back()};
  }

  // Whether each event that satisfies `where` is surely one of `events`.
  bool takes(const std::vector<cep::Subset>& events, const cep::ExprPtr& asked,
             const cep::Subset& subset, const cep::ExprPtr& where,
             std::optional<cep::VarIndex> taker) const {
    return is_alike_everywhere(rule_, asked, taker) &&
           takes_all(context_, events, asked, subset, where);
  }

  const CheckContext& context_;
  cep::Rule rule_;
  PatternProgram program_;
  std::set<State> seen_;
  std::deque<State> waiting_;
  std::vector<bool> reached_;
  // Targets of fans, with the counters with which they were followed.
  std::set<std::pair<std::uint32_t, std::vector<std::uint32_t>>> followed_;
  // By the first target of a fan of members: the bits of those that can be taken, by counter.
  std::map<std::uint32_t, std::map<std::uint32_t, std::uint32_t>> open_members_;
  std::map<std::uint32_t, Obstacle> obstacles_;  // the first found of each step
  std::size_t work_ = 0;
  bool is_known_ = true;
  bool can_alert_ = false;
};

class Reporter {
 public:
  Reporter(CheckContext& context, const tree::Rule& tree, const std::vector<ElementDraft>& drafts)
      : context_(context), tree_(tree) {
    for_each_draft(drafts, [&](const ElementDraft& draft) {
      if (draft.absence() != nullptr) absences_.push_back(draft.absence()->tree);
      if (draft.step() != nullptr) steps_.push_back(draft.step());
    });
  }

  void report(std::uint32_t target, const Obstacle& obstacle, bool never) {
    Diagnostic diagnostic;
    switch (obstacle.kind) {
      case Obstacle::Kind::kGreedy: {
        const auto& loop = *steps_[obstacle.by];
        diagnostic = make(never, Code::kW0020, loop.tree->count->greedy_span,
                          "no event can leave this loop", "takes every event that fits it");
        diagnostic.labels.push_back({kinds_of(target), "every event that fits here fits the loop"});
        diagnostic.helps.emplace_back(loop.quantifier.max
                                          ? "leave `greedy` out: the loop's count ends it"
                                          : "leave `greedy` out, or end the loop with `until`");
        break;
      }
      case Obstacle::Kind::kLastNext:
        diagnostic = make(never, Code::kW0027, absences_[obstacle.by]->span,
                          "the very next event is always one that is forbidden",
                          "the rule looks at no other events");
        diagnostic.helps.emplace_back(
            "name what else may come next: `considering login`, or give the length of the absence: "
            "`no … for 5m`");
        break;
      case Obstacle::Kind::kUntil:
        diagnostic = at_step(never, target);
        diagnostic.labels.push_back({steps_[target]->tree->until->kinds.span,
                                     "each event that fits the step ends it here"});
        diagnostic.helps.emplace_back("`until` names what ends the loop");
        break;
      case Obstacle::Kind::kNextAbsence:
        diagnostic = at_step(never, target);
        diagnostic.labels.push_back({absences_[obstacle.by]->kinds.span,
                                     "the very next event may be none that fits the step"});
        diagnostic.helps.emplace_back(
            "ask something else of one of them, or write `then` instead of `then next`");
        break;
      case Obstacle::Kind::kAbsence:
        diagnostic = at_step(never, target);
        diagnostic.labels.push_back({absences_[obstacle.by]->kinds.span,
                                     "each event that fits the step is forbidden here"});
        diagnostic.helps.emplace_back(
            "an absence lasts until the step after it: use another condition for one of them");
        break;
      case Obstacle::Kind::kWithout:
        diagnostic = at_step(never, target);
        diagnostic.labels.push_back(
            {tree_.without->kinds.span, "each event that fits the step ends the match"});
        diagnostic.helps.emplace_back(
            "`without` forbids its events from the first step to the last");
        break;
    }
    context_.sink.report(std::move(diagnostic));
  }

 private:
  static Diagnostic make(bool never, Code code, SourceSpan span, std::string_view message,
                         std::string label) {
    return make_diagnostic(
        never ? Code::kE0441 : code, span,
        never ? fmt::format("this rule can never alert: {}", message) : std::string(message),
        std::move(label));
  }
  SourceSpan kinds_of(std::uint32_t step) const { return steps_[step]->tree->kinds.span; }
  Diagnostic at_step(bool never, std::uint32_t step) const {
    return make(never, Code::kW0027, kinds_of(step), "no event can reach this step", {});
  }

  CheckContext& context_;
  const tree::Rule& tree_;
  std::vector<const StepDraft*> steps_;  // in the order written, as in the automaton
  std::vector<const tree::Absence*> absences_;
};
}  // namespace

bool takes_all(const CheckContext& context, const std::vector<cep::Subset>& events,
               const cep::ExprPtr& asked, const cep::Subset& subset, const cep::ExprPtr& where) {
  std::set<std::string> known;
  add_conjuncts(context, subset.condition, known);
  add_conjuncts(context, where, known);
  return std::ranges::any_of(events, [&](const cep::Subset& own) {
    if (own.type != subset.type || (!own.role.empty() && own.role != subset.role)) return false;
    std::set<std::string> needed;
    add_conjuncts(context, own.condition, needed);
    add_conjuncts(context, asked, needed);
    return std::ranges::includes(known, needed);
  });
}

bool takes_all(const CheckContext& context, const std::vector<cep::Subset>& events,
               const cep::ExprPtr& asked, const std::vector<cep::Subset>& taken,
               const cep::ExprPtr& where) {
  return !taken.empty() && std::ranges::all_of(taken, [&](const cep::Subset& subset) {
    return takes_all(context, events, asked, subset, where);
  });
}

bool check_reachable(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
                     const std::vector<ElementDraft>& drafts) {
  Explorer explorer(context, rule);
  explorer.run();
  if (!explorer.is_known()) return true;
  Reporter reporter(context, tree, drafts);
  if (!explorer.can_alert()) {
    // The last place that a match comes to.
    const auto& obstacles = explorer.obstacles();
    if (obstacles.empty()) return true;
    const auto is_missed = [&](const auto& entry) {
      return entry.first == PatternTransition::kEnd || !explorer.is_reached(entry.first);
    };
    const auto last = std::find_if(obstacles.rbegin(), obstacles.rend(), is_missed);
    const auto& [target, obstacle] = last == obstacles.rend() ? *obstacles.rbegin() : *last;
    reporter.report(target, obstacle, true);
    return false;
  }
  for (const auto& [target, obstacle] : explorer.obstacles()) {
    const bool is_missed = target != PatternTransition::kEnd && !explorer.is_reached(target);
    if (is_missed) reporter.report(target, obstacle, false);
  }
  return true;
}
}  // namespace tocsin::rules
