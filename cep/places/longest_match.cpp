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
        (worth(fresh) == worth(list.best_first) && !follows_better(step, list.best_first, fresh))) {
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

LongestMatch::Cursor LongestMatch::last_of(std::uint32_t step, std::uint64_t item) const {
  return {step, item, lists_.steps[step].at(item).first};
}

LongestMatch::Cursor LongestMatch::before(const Cursor& cursor) const {
  if (cursor.first != kNone && cursor.item > cursor.first) {
    return {cursor.step, cursor.item - 1, cursor.first};
  }
  if (cursor.step == 0) return {};
  return last_of(cursor.step - 1, lists_.steps[cursor.step].at(cursor.item).before);
}

// Of two equally long lists, that which begins the loop with `a` and that which begins it with the
// later `b`: whether the first comes first. Earlier events decide, then earlier steps, and of those
// what differs earliest. Backwards: it is seen last.
bool LongestMatch::follows_better(std::uint32_t step, std::uint64_t a, std::uint64_t b) const {
  Cursor x{step, b - 1, a};
  Cursor y = last_of(step - 1, lists_.steps[step].at(b).before);
  int by_event = 0;
  int by_step = 0;
  const auto sign = [](auto left, auto right) { return left < right ? -1 : left > right ? 1 : 0; };
  for (; x != y; x = before(x), y = before(y)) {
    if (const int difference = sign(event_of(x.step, x.item), event_of(y.step, y.item))) {
      by_event = difference;
    }
    if (const int difference = sign(x.step, y.step)) by_step = difference;
  }
  return by_event != 0 ? by_event < 0 : by_step < 0;
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
  PlacesMatch match;
  match.parts.resize(listed);
  std::uint64_t item = ends_with_loop ? items_end(steps - 1) - 1 : before_end(end);
  for (std::uint32_t step = listed; step-- > 0;) {
    const LongestLists::Item& last = lists_.steps[step].at(item);
    PlacesMatch::Part& part = match.parts[step];
    part.step = step;
    part.loop = rule_.places->loop_of(step);
    if (part.loop) {
      part.begin = last.first;
      part.end = item + 1;
      item = lists_.steps[step].at(last.first).before;
    } else {
      const PlaceEntry& entry = part_.places[place_of(step)].ring[item];
      part.number = entry.event;
      part.subset = entry.subset;
      item = last.before;
    }
  }
  return match;
}
}  // namespace tocsin::cep
