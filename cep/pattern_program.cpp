#include "cep/pattern_program.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::cep {
namespace {
bool can_be_empty(const Element& element);
bool may_pass(const Element& element) { return element.optional || can_be_empty(element); }
// Whether a round of a group may take no event.
bool can_be_empty(const Element& element) {
  const auto passes = [](const Element& child) {
    return child.kind == ElementKind::kAbsence || may_pass(child);
  };
  switch (element.kind) {
    case ElementKind::kStep:
    case ElementKind::kAbsence:
      return false;
    case ElementKind::kOneOf:
      return std::any_of(element.children.begin(), element.children.end(), may_pass);
    case ElementKind::kGroup:
    case ElementKind::kAllOf:
      return std::all_of(element.children.begin(), element.children.end(), passes);
  }
  return false;
}
Contiguity contiguity_of(LoopMode mode) {
  switch (mode) {
    case LoopMode::kNext:
      return Contiguity::kNext;
    case LoopMode::kEach:
      return Contiguity::kAny;
    case LoopMode::kRelaxed:
      break;
  }
  return Contiguity::kFirst;
}

// An element in its place.
struct Place {
  const Element* element = nullptr;  // null: the whole pattern
  const std::vector<Element>* children = nullptr;
  const Place* parent = nullptr;
  std::size_t index = 0;                // among the parent's children
  std::vector<Place*> inner;            // parallel to `children`
  std::uint32_t step = 0;               // of a step
  std::uint32_t absence = 0;            // of an absence
  std::optional<std::uint32_t> rounds;  // counter of a loop's events or a group's rounds
  std::optional<std::uint32_t> done;    // counter: the steps of `all of` that are done
};

// How a step is reached instead of by its own contiguity; of a group's first child.
struct Reach {
  std::optional<Contiguity> contiguity;
  std::optional<Duration> gap;
};

// What a way on has gathered so far.
struct Path {
  PatternWay way;
  std::vector<const Place*> entered;  // groups whose round has no event yet
  std::size_t unbinding = 0;          // absences that an optional element passed by came after
};

class Builder {
 public:
  Builder(const Rule& rule, std::size_t ways_max) : rule_(rule), ways_max_(ways_max) {}

  PatternProgram run() {
    root_ = lay_out(nullptr, rule_.pattern, nullptr, 0);
    before(*root_, 0, Path{}, {}, out_.starts);
    // A match takes an event.
    std::erase_if(out_.starts,
                  [&](std::uint32_t way) { return out_.ways[way].target == PatternWay::kEnd; });
    for (const Place* place : steps_) after_event(*place);
    return std::move(out_);
  }

 private:
  Place* lay_out(const Element* element, const std::vector<Element>& children, const Place* parent,
                 std::size_t index) {
    places_.emplace_back();
    Place* const place = &places_.back();
    place->element = element;
    place->children = &children;
    place->parent = parent;
    place->index = index;
    if (element != nullptr) {
      if (element->kind == ElementKind::kStep) {
        place->step = static_cast<std::uint32_t>(out_.steps.size());
        out_.steps.emplace_back().element = element;
        steps_.push_back(place);
      } else if (element->kind == ElementKind::kAbsence) {
        place->absence = static_cast<std::uint32_t>(out_.absences.size());
        out_.absences.emplace_back().element = element;
      }
      if (element->kind != ElementKind::kAbsence && element->quantifier.max != 1U) {
        place->rounds = out_.counter_count++;
      }
      if (element->kind == ElementKind::kAllOf) place->done = out_.counter_count++;
      if (element->kind == ElementKind::kStep) out_.steps.back().counter = place->rounds;
    }
    for (std::size_t i = 0; i < children.size(); ++i) {
      Place* const child = lay_out(&children[i], children[i].children, place, i);
      place->inner.push_back(child);
    }
    return place;
  }

  static std::uint32_t least(const Element& element) {
    return can_be_empty(element) ? 1 : element.quantifier.min;
  }

  // The way stands before child `index` of a sequence; `reach` is for its next element only.
  void before(const Place& sequence, std::size_t index, Path path, Reach reach,
              std::vector<std::uint32_t>& out) {
    if (index == sequence.children->size()) {
      round_done(sequence, std::move(path), out);
      return;
    }
    const Place& child = *sequence.inner[index];
    const Element& element = *child.element;
    if (element.kind == ElementKind::kAbsence) {
      path.way.absences.push_back(child.absence);
      before(sequence, index + 1, std::move(path), reach, out);
      return;
    }
    Reach own = reach;
    if (!own.contiguity) own.contiguity = element.contiguity;
    if (element.gap && (!own.gap || *element.gap < *own.gap)) own.gap = element.gap;
    enter(child, path, own, out);
    if (!may_pass(element)) return;
    if (element.kind == ElementKind::kStep && element.quantifier.greedy) {
      path.way.greedy.push_back({child.step, false, *own.contiguity == Contiguity::kNext});
    }
    path.unbinding = path.way.absences.size();
    reach.contiguity.reset();
    before(sequence, index + 1, std::move(path), reach, out);
  }

  // Begins an element.
  void enter(const Place& place, Path path, const Reach& reach, std::vector<std::uint32_t>& out) {
    if (place.rounds) update(path, CounterUpdate::Kind::kSet, *place.rounds, 1);
    if (place.element->kind == ElementKind::kStep) {
      path.way.target = place.step;
      path.way.contiguity = *reach.contiguity;
      path.way.gap = reach.gap;
      add(std::move(path), out);
      return;
    }
    begin_round(place, std::move(path), reach, out);
  }

  void begin_round(const Place& group, Path path, const Reach& reach,
                   std::vector<std::uint32_t>& out) {
    path.entered.push_back(&group);
    switch (group.element->kind) {
      case ElementKind::kGroup:
        before(group, 0, std::move(path), reach, out);
        return;
      case ElementKind::kOneOf:
        for (const Place* alternative : group.inner) enter(*alternative, path, reach, out);
        return;
      case ElementKind::kAllOf:
        for (std::size_t i = 0; i < group.inner.size(); ++i) {
          Path one = path;
          update(one, CounterUpdate::Kind::kSet, *group.done, 1U << i);
          enter(*group.inner[i], std::move(one), reach, out);
        }
        return;
      default:
        return;
    }
  }

  // After an event taken for a step.
  void after_event(const Place& place) {
    const Element& element = *place.element;
    const cep::Quantifier& quantifier = element.quantifier;
    std::vector<std::uint32_t> out;
    if (place.rounds) {
      Path path;
      path.way.target = place.step;
      path.way.further = true;
      path.way.contiguity = contiguity_of(quantifier.mode);
      go_round(place, path);
      add(std::move(path), out);
    }
    Path path;
    leave(place, path);
    if (quantifier.greedy && place.rounds) {
      path.way.greedy.push_back({place.step, true, quantifier.mode == LoopMode::kNext});
    }
    after(place, std::move(path), out);
    out_.steps[place.step].ways = std::move(out);
  }

  // One more round of a loop or group: absences directly after it guard it too.
  static void go_round(const Place& place, Path& path) {
    const cep::Quantifier& quantifier = place.element->quantifier;
    if (quantifier.max) test(path, CounterTest::Kind::kBelow, *place.rounds, *quantifier.max);
    update(path, CounterUpdate::Kind::kIncrement, *place.rounds,
           quantifier.max.value_or(std::max(least(*place.element), 1U)));
    if (place.parent->element != nullptr && place.parent->element->kind != ElementKind::kGroup) {
      return;
    }
    const std::vector<Place*>& siblings = place.parent->inner;
    for (std::size_t i = place.index + 1;
         i < siblings.size() && siblings[i]->element->kind == ElementKind::kAbsence; ++i) {
      path.way.absences.push_back(siblings[i]->absence);
    }
  }
  static void leave(const Place& place, Path& path) {
    const std::uint32_t min = least(*place.element);
    if (place.rounds && min > 1) test(path, CounterTest::Kind::kAtLeast, *place.rounds, min);
  }

  // The way has done an element.
  void after(const Place& place, Path path, std::vector<std::uint32_t>& out) {
    const Place& parent = *place.parent;
    const bool in_sequence =
        parent.element == nullptr || parent.element->kind == ElementKind::kGroup;
    if (in_sequence) {
      before(parent, place.index + 1, std::move(path), {}, out);
      return;
    }
    if (parent.element->kind == ElementKind::kAllOf) {
      std::uint32_t needed = 0;
      for (std::size_t i = 0; i < parent.inner.size(); ++i) {
        const Element& child = *parent.inner[i]->element;
        if (!may_pass(child) && i != place.index) needed |= 1U << i;
        if (i == place.index) continue;
        Path one = path;
        test(one, CounterTest::Kind::kLacks, *parent.done, 1U << i);
        update(one, CounterUpdate::Kind::kAddBits, *parent.done, 1U << i);
        enter(*parent.inner[i], std::move(one), {Contiguity::kAny, child.gap}, out);
      }
      if (needed != 0) test(path, CounterTest::Kind::kHas, *parent.done, needed);
    }
    round_done(parent, std::move(path), out);
  }

  // The way has done all of a group, or of the pattern.
  void round_done(const Place& group, Path path, std::vector<std::uint32_t>& out) {
    if (group.element == nullptr) {
      finish(std::move(path), out);
      return;
    }
    // A round takes an event: passing the whole group by is another way.
    if (std::find(path.entered.begin(), path.entered.end(), &group) != path.entered.end()) return;
    if (group.rounds) {
      Path again = path;
      go_round(group, again);
      begin_round(group, std::move(again),
                  {contiguity_of(group.element->quantifier.mode), std::nullopt}, out);
    }
    leave(group, path);
    after(group, std::move(path), out);
  }

  void finish(Path path, std::vector<std::uint32_t>& out) {
    PatternWay& way = path.way;
    way.target = PatternWay::kEnd;
    // An absence before optional elements that were passed by does not bind this way.
    way.absences.erase(way.absences.begin(),
                       way.absences.begin() + static_cast<std::ptrdiff_t>(path.unbinding));
    way.greedy.clear();
    if (!way.absences.empty()) {
      const Element& last = *out_.absences[way.absences.back()].element;
      way.ending = last.next ? Ending::kAtNext : Ending::kAtDeadline;
      way.waits_from_first = !last.absent_for;
      if (!last.next)
        way.wait = last.absent_for ? *last.absent_for : rule_.within.value_or(Duration{});
    } else if (rule_.without && rule_.without->absent_for) {
      way.ending = Ending::kAtDeadline;
      way.waits_from_first = true;
      way.wait = *rule_.without->absent_for;
    }
    out_.has_deadlines = out_.has_deadlines || way.ending == Ending::kAtDeadline;
    add(std::move(path), out);
  }

  static void test(Path& path, CounterTest::Kind kind, std::uint32_t counter, std::uint32_t value) {
    path.way.tests.push_back({kind, counter, value});
  }
  static void update(Path& path, CounterUpdate::Kind kind, std::uint32_t counter,
                     std::uint32_t value) {
    path.way.updates.push_back({kind, counter, value});
  }
  void add(Path path, std::vector<std::uint32_t>& out) {
    if (out_.ways.size() > ways_max_) return;
    out.push_back(static_cast<std::uint32_t>(out_.ways.size()));
    out_.ways.push_back(std::move(path.way));
  }

  const Rule& rule_;
  std::size_t ways_max_;
  PatternProgram out_;
  std::deque<Place> places_;
  Place* root_ = nullptr;
  std::vector<const Place*> steps_;
};
}  // namespace

PatternProgram make_pattern(const Rule& rule, std::size_t ways_max) {
  return Builder(rule, ways_max).run();
}
}  // namespace tocsin::cep
