#include "cep/compile/make_pattern.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "cep/compile/pattern_layout.h"
#include "cep/plan/contiguity.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// How a step is reached instead of by its own contiguity; of a group's first child.
struct Reach {
  std::optional<Contiguity> contiguity;
  std::optional<Duration> gap;
};

// A round of a group that has no event yet.
struct Entered {
  const Place* group = nullptr;
  bool first = true;                // of its rounds
  std::optional<Contiguity> outer;  // what a group around it said
};
// What a path knows of the steps of an `all of`: those that it began itself.
struct Members {
  const Place* group = nullptr;
  bool from_begin = false;  // the round began on this path: no others are done
  std::uint64_t begun = 0;
};
// What a transition has gathered so far.
struct Path {
  PatternTransition transition;
  std::vector<Entered> entered;
  std::vector<Members> members;
  bool passed = false;        // some optional element was passed by
  std::size_t unbinding = 0;  // the absences that it came after
  bool repeats = false;       // may be equal to another path of the same step
};

class Builder {
 public:
  Builder(const Rule& rule, std::size_t transitions_max, bool is_compact)
      : rule_(rule), transitions_max_(transitions_max) {
    out_.is_compact = is_compact;
  }

  PatternProgram run() {
    if (!layout_.lay_out(rule_.pattern)) {
      out_.transitions.resize(transitions_max_ + 1);
      return std::move(out_);
    }
    before(layout_.root(), 0, Path{}, {}, out_.starts);
    starts_ = false;
    // A match takes an event.
    std::erase_if(out_.starts, [&](std::uint32_t transition) {
      return out_.transitions[transition].target == PatternTransition::kEnd;
    });
    for (const Place* place : layout_.steps()) after_event(*place);
    return std::move(out_);
  }

 private:
  // Where the path stands it makes no difference how it came there.
  bool may_fan(const Path& path, const Reach& reach) const {
    return out_.is_compact && !starts_ && path.transition.absences.empty() &&
           path.transition.greedy.empty() && path.entered.empty() && !reach.contiguity &&
           !reach.gap;
  }

  // ---- paths

  // The path stands before child `index` of a sequence; `reach` is for its next element only.
  void before(const Place& sequence, std::size_t index, Path path, Reach reach,
              std::vector<std::uint32_t>& out) {
    if (out_.transitions.size() > transitions_max_) return;
    if (index == sequence.children->size()) {
      round_done(sequence, std::move(path), reach, out);
      return;
    }
    const Place& child = *sequence.inner[index];
    const Element& element = *child.element;
    if (element.is_absence()) {
      path.transition.absences.push_back(child.absence);
      before(sequence, index + 1, std::move(path), reach, out);
      return;
    }
    if (may_fan(path, reach) && sequence.chains[index]) {
      const Chain& chain = *sequence.chains[index];
      Path fan = path;
      fan.transition.target = PatternTransition::kFan;
      fan.transition.fan_begin = chain.begin;
      fan.transition.fan_end = chain.end;
      add(std::move(fan), out);
      if (!chain.passes) return;
      path.passed = true;
      before(sequence, chain.next, std::move(path), {}, out);
      return;
    }
    enter(child, path, reach, out);
    if (!element.is_optional()) return;
    pass(child, path);
    reach.contiguity.reset();
    before(sequence, index + 1, std::move(path), reach, out);
  }

  // Begins an element; `outer` is how the group that it is the first of is reached.
  void enter(const Place& place, Path path, const Reach& outer, std::vector<std::uint32_t>& out) {
    const Element& element = *place.element;
    if (place.rounds) update(path, CounterUpdate::Kind::kSet, *place.rounds, 1);
    Reach reach = outer;
    if (!reach.contiguity) reach.contiguity = element.contiguity;
    if (element.gap && (!reach.gap || *element.gap < *reach.gap)) reach.gap = element.gap;
    if (element.is_step()) {
      path.transition.target = place.step;
      path.transition.contiguity = *reach.contiguity;
      path.transition.gap = reach.gap;
      add(std::move(path), out);
      return;
    }
    path.entered.push_back({&place, true, outer.contiguity});
    begin_round(place, std::move(path), reach, out);
  }

  void begin_round(const Place& group, Path path, const Reach& reach,
                   std::vector<std::uint32_t>& out) {
    switch (group.element->kind()) {
      case ElementKind::kGroup:
        before(group, 0, std::move(path), reach, out);
        return;
      case ElementKind::kOneOf:
        for (const Place* alternative : group.inner) {
          enter(*alternative, path, reach, out);
          if (!alternative->element->is_optional()) continue;
          Path passed = path;
          pass(*alternative, passed);
          round_done(group, std::move(passed), reach, out);
        }
        return;
      case ElementKind::kAllOf:
        members_of(group, path) = {&group, true, 0};
        members(group, std::move(path), reach, out);
        return;
      default:
        return;
    }
  }

  // After an event taken for a step.
  void after_event(const Place& place) {
    const Quantifier& quantifier = place.element->quantifier();
    std::vector<std::uint32_t> out;
    if (place.rounds) {
      Path path;
      path.transition.target = place.step;
      path.transition.further = true;
      path.transition.contiguity = contiguity_of(quantifier.mode);
      go_round(place, path);
      add(std::move(path), out);
    }
    Path path;
    leave(place, path);
    if (quantifier.greedy) path.transition.greedy.push_back(place.step);
    after(place, std::move(path), {}, out);
    out_.steps[place.step].transitions = std::move(out);
  }

  // One more round of a loop or group.
  static void go_round(const Place& place, Path& path) {
    const Quantifier& quantifier = place.element->quantifier();
    if (quantifier.max) test(path, CounterTest::Kind::kBelow, *place.rounds, *quantifier.max);
    update(path, CounterUpdate::Kind::kIncrement, *place.rounds,
           quantifier.max.value_or(std::max(quantifier.min, 1U)));
  }
  static void leave(const Place& place, Path& path) {
    const std::uint32_t min = place.element->quantifier().min;
    if (place.rounds && min > 1) test(path, CounterTest::Kind::kAtLeast, *place.rounds, min);
  }

  // Passes an optional element by.
  static void pass(const Place& place, Path& path) {
    if (place.element->quantifier().greedy) path.transition.greedy.push_back(place.step);
    path.passed = true;
    path.unbinding = path.transition.absences.size();
  }

  static Members& members_of(const Place& group, Path& path) {
    for (Members& members : path.members) {
      if (members.group == &group) return members;
    }
    return path.members.emplace_back(Members{&group, false, 0});
  }

  // The path stands between the steps of an `all of`: any that is not done, or its end.
  void members(const Place& group, Path path, const Reach& reach, std::vector<std::uint32_t>& out) {
    const Members known = members_of(group, path);
    std::uint64_t needed = 0;
    std::vector<std::uint32_t> optional;
    bool any_greedy = false;
    for (std::uint32_t i = 0; i < group.inner.size(); ++i) {
      const std::uint64_t bit = std::uint64_t{1} << i;
      if ((known.begun & bit) != 0) continue;
      const Element& member = *group.inner[i]->element;
      if (member.is_optional()) {
        optional.push_back(i);
        any_greedy = any_greedy || member.quantifier().greedy;
      } else {
        needed |= bit;
      }
    }
    if (group.fan && !known.from_begin) {
      out.push_back(*group.fan);
      if (needed != 0) test_done(path.transition.tests, CounterTest::Kind::kHas, group, needed);
      round_done(group, std::move(path), reach, out);
      return;
    }
    // Any that is not done may come next, and each optional greedy one may be passed by before it:
    // that one then holds its greed against this member, and no longer against what comes later.
    std::vector<std::uint64_t> choices = {0};
    for (const std::uint32_t i : optional) {
      if (!group.inner[i]->element->quantifier().greedy) continue;
      const std::size_t count = choices.size();
      if (count > transitions_max_ + 1) break;  // each gives a transition: already too many
      for (std::size_t k = 0; k < count; ++k) choices.push_back(choices[k] | std::uint64_t{1} << i);
    }
    for (std::uint32_t i = 0; i < group.inner.size(); ++i) {
      const std::uint64_t bit = std::uint64_t{1} << i;
      if ((known.begun & bit) != 0) continue;
      for (const std::uint64_t passed : choices) {
        if ((passed & bit) == 0) next_member(group, known, i, passed, path, reach, out);
      }
    }
    if (known.from_begin) {
      if (needed != 0) return;
      for (const std::uint32_t i : optional) pass(*group.inner[i], path);
      round_done(group, std::move(path), reach, out);
      return;
    }
    // What is passed by with the end matters only where something sees it.
    if (!any_greedy && path.transition.absences.empty()) {
      if (needed != 0) test_done(path.transition.tests, CounterTest::Kind::kHas, group, needed);
      round_done(group, std::move(path), reach, out);
      return;
    }
    for (std::uint32_t passed = 0; passed < 1U << optional.size(); ++passed) {
      if (out_.transitions.size() > transitions_max_) return;
      Path one = path;
      std::uint64_t has = needed;
      std::uint64_t lacks = 0;
      for (std::uint32_t i = 0; i < optional.size(); ++i) {
        const bool is_passed = (passed >> i & 1) != 0;
        (is_passed ? lacks : has) |= std::uint64_t{1} << optional[i];
        if (is_passed) pass(*group.inner[optional[i]], one);
      }
      if (has != 0) test_done(one.transition.tests, CounterTest::Kind::kHas, group, has);
      if (lacks != 0) test_done(one.transition.tests, CounterTest::Kind::kLacks, group, lacks);
      // Where all of them were passed by before the last member, its absences bind.
      std::optional<Path> bound;
      if (passed_before_last(group, lacks) && !path.transition.absences.empty()) {
        bound = path;
        bound->transition.tests = one.transition.tests;
        bound->repeats = true;
      }
      round_done(group, std::move(one), reach, out);
      if (bound) round_done(group, std::move(*bound), reach, out);
    }
  }

  // Whether members that are not done (as bits, at least one) may have been passed by before an
  // event: a greedy one would then count as done.
  static bool passed_before_last(const Place& group, std::uint64_t members) {
    for (std::uint64_t rest = members; rest != 0; rest &= rest - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(rest));
      if (group.inner[i]->element->quantifier().greedy) return false;
    }
    return members != 0;
  }

  // Begins member `index` of an `all of` after those of `passed` were passed by.
  void next_member(const Place& group, const Members& known, std::uint32_t index,
                   std::uint64_t passed, Path path, const Reach& reach,
                   std::vector<std::uint32_t>& out) {
    for (std::uint32_t i = 0; i < group.inner.size(); ++i) {
      if ((passed >> i & 1) != 0) path.transition.greedy.push_back(group.inner[i]->step);
    }
    const std::uint64_t bits = passed | std::uint64_t{1} << index;
    if (known.from_begin) {
      update_done(path.transition.updates, CounterUpdate::Kind::kSet, group, known.begun | bits);
    } else {
      test_done(path.transition.tests, CounterTest::Kind::kLacks, group, bits);
      update_done(path.transition.updates, CounterUpdate::Kind::kAddBits, group, bits);
    }
    members_of(group, path).begun |= bits;
    enter(*group.inner[index], std::move(path), reach, out);
  }

  // The path has done an element.
  void after(const Place& place, Path path, const Reach& reach, std::vector<std::uint32_t>& out) {
    const Place& parent = *place.parent;
    if (parent.is_sequence()) {
      before(parent, place.index + 1, std::move(path), reach, out);
      return;
    }
    if (parent.element->kind() == ElementKind::kAllOf) {
      members_of(parent, path).begun |= std::uint64_t{1} << place.index;
      members(parent, std::move(path), reach, out);
      return;
    }
    round_done(parent, std::move(path), reach, out);
  }

  // The path has done all of a group, or of the pattern.
  void round_done(const Place& group, Path path, const Reach& reach,
                  std::vector<std::uint32_t>& out) {
    if (group.element == nullptr) {
      finish(std::move(path), out);
      return;
    }
    const auto entered = std::find_if(path.entered.begin(), path.entered.end(),
                                      [&](const Entered& round) { return round.group == &group; });
    if (entered != path.entered.end()) {
      // It took nothing: nor would further rounds.
      const Entered round = *entered;
      path.entered.erase(entered);
      if (!round.first) {
        // But for what was passed by, this is the path that leaves the group.
        if (!path.passed) {
          const std::uint32_t min = group.element->quantifier().min;
          if (min < 2) return;
          test(path, CounterTest::Kind::kBelow, *group.rounds, min);
        }
      }
      // What a sequence around it said was for its first element.
      const bool in_members =
          group.parent->element != nullptr && group.parent->element->kind() == ElementKind::kAllOf;
      const Reach rest{in_members ? round.outer : std::nullopt, reach.gap};
      after(group, std::move(path), rest, out);
      return;
    }
    if (group.rounds) {
      Path again = path;
      go_round(group, again);
      again.entered.push_back({&group, false, {}});
      begin_round(group, std::move(again),
                  {contiguity_of(group.element->quantifier().mode), std::nullopt}, out);
    }
    leave(group, path);
    after(group, std::move(path), {}, out);
  }

  void finish(Path path, std::vector<std::uint32_t>& out) {
    PatternTransition& transition = path.transition;
    transition.target = PatternTransition::kEnd;
    // An absence before optional elements that were passed by does not bind this path.
    transition.absences.erase(
        transition.absences.begin(),
        transition.absences.begin() + static_cast<std::ptrdiff_t>(path.unbinding));
    transition.greedy.clear();
    if (!transition.absences.empty()) {
      const Element& last = *out_.absences[transition.absences.back()].element;
      transition.ending = last.is_next() ? Ending::kAtNext : Ending::kAtDeadline;
      transition.waits_from_first = !last.absent_for();
      if (!last.is_next())
        transition.wait =
            last.absent_for() ? *last.absent_for() : rule_.within.value_or(Duration{});
    } else if (rule_.without && rule_.without->absent_for) {
      transition.ending = Ending::kAtDeadline;
      transition.waits_from_first = true;
      transition.wait = *rule_.without->absent_for;
    }
    out_.has_deadlines = out_.has_deadlines || transition.ending == Ending::kAtDeadline;
    add(std::move(path), out);
  }

  static void test(Path& path, CounterTest::Kind kind, std::uint32_t counter, std::uint32_t value) {
    path.transition.tests.push_back({kind, counter, value});
  }
  static void update(Path& path, CounterUpdate::Kind kind, std::uint32_t counter,
                     std::uint32_t value) {
    path.transition.updates.push_back({kind, counter, value});
  }
  void add(Path path, std::vector<std::uint32_t>& out) {
    if (out_.transitions.size() > transitions_max_) return;
    const bool is_there = path.repeats && std::ranges::any_of(out, [&](std::uint32_t transition) {
                            return out_.transitions[transition] == path.transition;
                          });
    if (is_there) return;
    out.push_back(static_cast<std::uint32_t>(out_.transitions.size()));
    out_.transitions.push_back(std::move(path.transition));
  }

  const Rule& rule_;
  std::size_t transitions_max_;
  bool starts_ = true;  // the paths lead into the pattern
  PatternProgram out_;
  PatternLayout layout_{out_};
};

// How many states it has where nothing is shared, about; no more than `most` + 1.
std::size_t enumerated_states(const std::vector<Element>& pattern, std::size_t most) {
  std::size_t states = 0;
  for (const Element& element : pattern) {
    std::size_t own = 1;
    if (!element.children().empty()) own = enumerated_states(element.children(), most);
    if (element.kind() == ElementKind::kAllOf) {
      // One for each step after each choice of the others.
      for (std::size_t i = 1; i < element.children().size() && own <= most; ++i) own *= 2;
    }
    states += own;
    if (states > most) return most + 1;
  }
  return states;
}
std::size_t steps_of(const std::vector<Element>& pattern) {
  std::size_t steps = 0;
  for (const Element& element : pattern) {
    steps += element.is_step() ? 1 : steps_of(element.children());
  }
  return steps;
}
}  // namespace

PatternProgram make_pattern(const Rule& rule, const Limits& limits) {
  const std::size_t most = limits.enumerated_states_max;
  if (enumerated_states(rule.pattern, most) <= most) {
    PatternProgram pattern = Builder(rule, most, false).run();
    if (pattern.transitions.size() <= most) return pattern;
  }
  return Builder(rule, limits.states_max + steps_of(rule.pattern), true).run();
}

bool is_too_large(const PatternProgram& pattern, const Limits& limits) {
  const std::size_t steps = pattern.is_compact ? pattern.steps.size() : 0;
  return pattern.transitions.size() > limits.states_max + steps;
}
}  // namespace tocsin::cep
