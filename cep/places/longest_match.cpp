#include "cep/places/longest_match.h"

#include <algorithm>
#include <memory>

namespace tocsin::cep {
namespace {
constexpr std::uint64_t kNone = LongestLists::kNone;
LongestLists& lists_of(PlacesPart& part) {
  if (part.longest == nullptr) part.longest = std::make_unique<LongestLists>();
  return *part.longest;
}
void look_at_next(LongestLists::Step& list, const LongestLists::Step& earlier) {
  const std::uint64_t length = earlier.at(list.seen).length;
  if (length > 0 && (list.before == kNone || length > earlier.at(list.before).length)) {
    list.before = list.seen;
  }
  ++list.seen;
}
}  // namespace

LongestMatch::LongestMatch(const RuleProgram& rule, PlacesPart& part)
    : rule_(rule), part_(part), lists_(lists_of(part)) {}

std::uint64_t LongestMatch::event_of(std::uint32_t step, std::uint64_t item) const {
  const std::optional<std::uint32_t> loop = rule_.places->loop_of(step);
  return loop ? part_.loops[*loop].taken[item].event
              : part_.places[place_of(step)].ring[item].event;
}

std::uint64_t LongestMatch::items_end(std::uint32_t step) const {
  const std::optional<std::uint32_t> loop = rule_.places->loop_of(step);
  return loop ? part_.loops[*loop].taken.end() : part_.places[place_of(step)].ring.end();
}

void LongestMatch::begin(const PlaceEntry& start) {
  const auto steps = static_cast<std::uint32_t>(rule_.steps.size());
  lists_.start = start.event;
  lists_.differences.clear();
  lists_.steps.assign(steps, {});
  for (std::uint32_t step = 0; step < steps; ++step) {
    const std::uint64_t from = start.event + (step > 0 ? 1 : 0);
    LongestLists::Step& list = lists_.steps[step];
    if (const std::optional<std::uint32_t> loop = rule_.places->loop_of(step)) {
      list.begin = part_.loops[*loop].taken.first(
          [&](const LoopEvent& taken) { return taken.event >= from; });
    } else {
      list.begin = part_.places[place_of(step)].ring.first(
          [&](const PlaceEntry& entry) { return entry.event >= from; });
    }
    if (step > 0) list.seen = lists_.steps[step - 1].begin;
  }
}

// The items of the step before whose events came before this one.
void LongestMatch::look_before(std::uint32_t step, std::uint64_t event) {
  LongestLists::Step& list = lists_.steps[step];
  const LongestLists::Step& earlier = lists_.steps[step - 1];
  while (list.seen < earlier.end() && event_of(step - 1, list.seen) < event) {
    look_at_next(list, earlier);
  }
}

void LongestMatch::add_single(std::uint32_t step, std::uint64_t item) {
  LongestLists::Step& list = lists_.steps[step];
  LongestLists::Item added;
  if (step == 0) {
    added.length = 1;
  } else if (look_before(step, event_of(step, item)); list.before != kNone) {
    added.before = list.before;
    added.length_before = lists_.steps[step - 1].at(list.before).length;
    added.length = added.length_before + 1;
  }
  list.items.push_back(added);
}

void LongestMatch::add_to_loop(std::uint32_t step, std::uint64_t item) {
  LongestLists::Step& list = lists_.steps[step];
  const std::uint64_t min = rule_.steps[step].min;
  LongestLists::Item added;
  if (step > 0) {
    look_before(step, event_of(step, item));
    if (list.before != kNone) {
      added.before = list.before;
      added.length_before = lists_.steps[step - 1].at(list.before).length;
    }
  }
  list.items.push_back(added);
  if (item + 1 < list.begin + min) return;
  const std::uint64_t fresh = item + 1 - min;  // it has enough events now
  if (step == 0) {
    list.best_first = list.begin;
  } else if (list.at(fresh).before != kNone) {
    const auto worth = [&](std::uint64_t first) {
      return static_cast<std::int64_t>(list.at(first).length_before) -
             static_cast<std::int64_t>(first);
    };
    if (list.best_first == kNone || worth(fresh) > worth(list.best_first) ||
        (worth(fresh) == worth(list.best_first) && !comes_first(step, list.best_first, fresh))) {
      list.best_first = fresh;
    }
  }
  if (list.best_first == kNone) return;
  list.items.back().first = list.best_first;
  list.items.back().length = list.at(list.best_first).length_before + item - list.best_first + 1;
}

void LongestMatch::extend(std::uint32_t step) {
  const bool is_loop = rule_.places->loop_of(step).has_value();
  const LongestLists::Step& list = lists_.steps[step];
  // Of a first step that takes one event, the first event alone matters.
  const std::uint64_t end = step > 0 || is_loop ? items_end(step) : list.begin + 1;
  for (std::uint64_t item = list.end(); item < end; ++item) {
    is_loop ? add_to_loop(step, item) : add_single(step, item);
  }
}

// What each step up to this one took of the list that ends with an item.
void LongestMatch::list(std::uint32_t step, std::uint64_t item,
                        std::vector<Stretch>& stretches) const {
  stretches.resize(step + 1);
  for (;; --step) {
    const std::uint64_t first = lists_.steps[step].at(item).first;
    stretches[step] = {step, first == kNone ? item : first, item + 1};
    if (step == 0) return;
    item = lists_.steps[step].at(stretches[step].begin).before;
  }
}

// The events that one of two loops took and the other did not, up to the end of one of them.
const std::vector<std::uint64_t>& LongestMatch::difference(std::uint32_t one, std::uint32_t other) {
  LongestLists::Difference& found = lists_.differences[{one, other}];
  const Ring<LoopEvent>& first = part_.loops[one].taken;
  const Ring<LoopEvent>& second = part_.loops[other].taken;
  std::uint64_t& i = found.seen_of_one = std::max(found.seen_of_one, first.begin());
  std::uint64_t& j = found.seen_of_other = std::max(found.seen_of_other, second.begin());
  while (i < first.end() && j < second.end()) {
    const std::uint64_t event = std::min(first[i].event, second[j].event);
    const bool is_of_one = first[i].event == event;
    const bool is_of_other = second[j].event == event;
    if (is_of_one != is_of_other) found.events.push_back(event);
    i += is_of_one ? 1 : 0;
    j += is_of_other ? 1 : 0;
  }
  return found.events;
}

// How many events two stretches of different steps have in common from their beginnings on.
std::uint64_t LongestMatch::common(const Stretch& one, const Stretch& other) {
  const std::uint64_t event = event_of(one.step, one.begin);
  if (event != event_of(other.step, other.begin)) return 0;
  const std::uint64_t most = std::min(one.end - one.begin, other.end - other.begin);
  if (most == 1) return 1;
  const std::uint32_t loop = *rule_.places->loop_of(one.step);
  const std::uint32_t other_loop = *rule_.places->loop_of(other.step);
  const std::vector<std::uint64_t>& events =
      difference(std::min(loop, other_loop), std::max(loop, other_loop));
  const auto apart = std::ranges::upper_bound(events, event);
  if (apart == events.end()) return most;
  const std::uint64_t next =
      part_.loops[loop].taken.first([&](const LoopEvent& taken) { return taken.event >= *apart; });
  return std::min(most, next - one.begin);
}

// Of two equally long lists, that which begins the loop with `a` and that which begins it with the
// later `b`: whether the first comes first. Earlier events decide, then earlier steps.
bool LongestMatch::comes_first(std::uint32_t step, std::uint64_t a, std::uint64_t b) {
  const LongestLists::Step& at = lists_.steps[step];
  list(step - 1, at.at(a).before, one_);
  one_.push_back({step, a, b});
  list(step - 1, at.at(b).before, other_);
  int by_step = 0;
  auto x = one_.begin();
  auto y = other_.begin();
  while (y != other_.end()) {
    std::uint64_t same = std::min(x->end - x->begin, y->end - y->begin);
    if (x->step != y->step) {
      if (by_step == 0) by_step = x->step < y->step ? -1 : 1;
      same = common(*x, *y);
    } else if (x->begin != y->begin) {
      same = 0;
    }
    x->begin += same;
    y->begin += same;
    const bool has_ended = x->begin == x->end || y->begin == y->end;
    if (!has_ended) return event_of(x->step, x->begin) < event_of(y->step, y->begin);
    if (x->begin == x->end) ++x;
    if (y->begin == y->end) ++y;
  }
  return by_step < 0;
}

// The item of the step before the last one at which the longest list before the end stands.
std::uint64_t LongestMatch::before_end(const PlaceEntry& end) {
  const auto step = static_cast<std::uint32_t>(rule_.steps.size() - 1);
  const std::optional<std::uint32_t> loop = rule_.places->loop_of(step - 1);
  const Ring<PlaceEntry>& ring = part_.places[place_of(step) - 1].ring;
  const std::uint64_t upto = loop ? ring[end.high - 1].taken + 1 : end.high;
  LongestLists::Step& list = lists_.steps[step];
  const LongestLists::Step& earlier = lists_.steps[step - 1];
  while (list.seen < upto) look_at_next(list, earlier);
  return list.before;
}

PlacesMatch LongestMatch::match(const PlaceEntry& start, const PlaceEntry& end) {
  if (lists_.start != start.event) begin(start);
  const auto steps = static_cast<std::uint32_t>(rule_.steps.size());
  const bool ends_with_loop = rule_.places->loop_of(steps - 1).has_value();
  const std::uint32_t listed = ends_with_loop ? steps : steps - 1;
  for (std::uint32_t step = 0; step < listed; ++step) extend(step);
  list(listed - 1, ends_with_loop ? items_end(steps - 1) - 1 : before_end(end), one_);
  PlacesMatch match;
  for (const Stretch& stretch : one_) {
    PlacesMatch::Part& part = match.parts.emplace_back();
    part.step = stretch.step;
    part.loop = rule_.places->loop_of(stretch.step);
    if (part.loop) {
      part.begin = stretch.begin;
      part.end = stretch.end;
    } else {
      const PlaceEntry& entry = part_.places[place_of(stretch.step)].ring[stretch.begin];
      part.number = entry.event;
      part.subset = entry.subset;
    }
  }
  return match;
}
}  // namespace tocsin::cep
