#include "cep/compile/pattern_layout.h"

#include <algorithm>
#include <utility>

#include "cep/plan/contiguity.h"

namespace tocsin::cep {
namespace {
constexpr std::uint32_t kEnumeratedMembers = 31;  // of an `all of` that is no mask

std::uint32_t counters_of(const Place& group) {
  return group.children->size() > kMembersOfCounter ? 2 : 1;
}
}  // namespace

bool is_masked(const Element& all_of) {
  return std::ranges::all_of(all_of.children(), [](const Element& member) {
    return member.is_step() && member.quantifier().max == 1U && !member.quantifier().greedy &&
           member.contiguity == Contiguity::kAny && !member.gap;
  });
}

void test_done(std::vector<CounterTest>& tests, CounterTest::Kind kind, const Place& group,
               std::uint64_t bits) {
  for (std::uint32_t i = 0; i < counters_of(group); ++i) {
    const auto part = static_cast<std::uint32_t>(bits >> (i * kMembersOfCounter));
    if (part != 0) tests.push_back({kind, *group.done + i, part});
  }
}
void update_done(std::vector<CounterUpdate>& updates, CounterUpdate::Kind kind, const Place& group,
                 std::uint64_t bits) {
  for (std::uint32_t i = 0; i < counters_of(group); ++i) {
    const auto part = static_cast<std::uint32_t>(bits >> (i * kMembersOfCounter));
    if (part != 0 || kind == CounterUpdate::Kind::kSet) {
      updates.push_back({kind, *group.done + i, part});
    }
  }
}

bool PatternLayout::lay_out(const std::vector<Element>& pattern) {
  place(nullptr, pattern, nullptr, 0);
  if (has_too_many_members_ || !out_.is_compact) return !has_too_many_members_;
  for (Place& place : places_) {
    if (place.is_sequence()) {
      lay_out_chains(place);
    } else if (is_mask(place) && place.inner.size() > 1) {
      lay_out_members(place);
    }
  }
  return true;
}

Place* PatternLayout::place(const Element* element, const std::vector<Element>& children,
                            const Place* parent, std::size_t index) {
  places_.emplace_back();
  Place* const place = &places_.back();
  place->element = element;
  place->children = &children;
  place->parent = parent;
  place->index = index;
  if (element != nullptr) {
    if (element->is_step()) {
      place->step = static_cast<std::uint32_t>(out_.steps.size());
      out_.steps.emplace_back().element = element;
      steps_.push_back(place);
    } else if (element->is_absence()) {
      place->absence = static_cast<std::uint32_t>(out_.absences.size());
      out_.absences.emplace_back().element = element;
    }
    if (!element->is_absence() && element->quantifier().max != 1U) {
      place->rounds = out_.counter_count++;
    }
    if (element->kind() == ElementKind::kAllOf) {
      place->done = out_.counter_count;
      out_.counter_count += counters_of(*place);
      const std::uint32_t most = is_mask(*place) ? kAllOfMax : kEnumeratedMembers;
      has_too_many_members_ = has_too_many_members_ || children.size() > most;
    }
    if (element->is_step()) out_.steps.back().counter = place->rounds;
  }
  for (std::size_t i = 0; i < children.size(); ++i) {
    Place* const child = this->place(&children[i], children[i].children(), place, i);
    place->inner.push_back(child);
  }
  return place;
}

bool PatternLayout::is_mask(const Place& group) const {
  return out_.is_compact && group.element->kind() == ElementKind::kAllOf &&
         is_masked(*group.element);
}

// Whether a fan may wait for it: all that tells its transition from others is its step.
bool PatternLayout::may_be_in_fan(const Place& place) const {
  const Element& element = *place.element;
  if (element.is_absence() || element.contiguity != Contiguity::kAny || element.gap) return false;
  if (element.is_step()) return !element.quantifier().greedy;
  const auto is_needed = [](const Element& member) { return !member.is_optional(); };
  return is_mask(place) && std::ranges::any_of(element.children(), is_needed);
}

void PatternLayout::add_targets(const Place& place) {
  std::vector<CounterUpdate> entered;
  if (place.rounds) entered.push_back({CounterUpdate::Kind::kSet, *place.rounds, 1});
  if (place.element->is_step()) {
    out_.fan_targets.push_back({place.step, {}, std::move(entered), false});
    return;
  }
  for (std::size_t i = 0; i < place.inner.size(); ++i) {
    FanTarget target{place.inner[i]->step, {}, entered, false};
    update_done(target.updates, CounterUpdate::Kind::kSet, place, std::uint64_t{1} << i);
    out_.fan_targets.push_back(std::move(target));
  }
}

void PatternLayout::lay_out_chains(Place& sequence) {
  const std::size_t count = sequence.inner.size();
  sequence.chains.resize(count);
  for (std::size_t first = 0; first < count;) {
    std::vector<std::uint32_t> begins;
    bool passes = true;
    std::size_t last = first;
    for (; passes && last < count && may_be_in_fan(*sequence.inner[last]); ++last) {
      begins.push_back(static_cast<std::uint32_t>(out_.fan_targets.size()));
      add_targets(*sequence.inner[last]);
      passes = sequence.inner[last]->element->is_optional();
    }
    if (!begins.empty()) out_.fan_targets.back().is_last = true;
    const auto end = static_cast<std::uint32_t>(out_.fan_targets.size());
    for (std::size_t i = 0; i < begins.size(); ++i) {
      if (end - begins[i] > 1) sequence.chains[first + i] = Chain{begins[i], end, last, passes};
    }
    first = std::max(last, first + 1);
  }
}

// All members share one transition: from any of them to any that is not done.
void PatternLayout::lay_out_members(Place& group) {
  PatternTransition fan;
  fan.target = PatternTransition::kFan;
  fan.members = group.done;
  fan.fan_begin = static_cast<std::uint32_t>(out_.fan_targets.size());
  for (std::size_t i = 0; i < group.inner.size(); ++i) {
    FanTarget target{group.inner[i]->step, {}, {}, false};
    test_done(target.tests, CounterTest::Kind::kLacks, group, std::uint64_t{1} << i);
    update_done(target.updates, CounterUpdate::Kind::kAddBits, group, std::uint64_t{1} << i);
    out_.fan_targets.push_back(std::move(target));
  }
  out_.fan_targets.back().is_last = true;
  fan.fan_end = static_cast<std::uint32_t>(out_.fan_targets.size());
  group.fan = static_cast<std::uint32_t>(out_.transitions.size());
  out_.transitions.push_back(std::move(fan));
  out_.has_members = true;
}
}  // namespace tocsin::cep
