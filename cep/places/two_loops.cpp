#include "cep/places/two_loops.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "cep/value/int128.h"

namespace tocsin::cep {
namespace {
constexpr std::uint64_t kNone = LoopBorders::kNone;
LoopBorders& borders_of(PlacesPart& part) {
  if (part.borders == nullptr) part.borders = std::make_unique<LoopBorders>();
  return *part.borders;
}
}  // namespace

TwoLoops::TwoLoops(const RuleProgram& rule, PlacesPart& part)
    : rule_(rule),
      part_(part),
      borders_(borders_of(part)),
      first_(rule.places->loops[0]),
      second_(rule.places->loops[1]) {
  borders_.between.resize(second_ - first_);
}

// Before the event: what stands at the steps from the first loop to that before `step`.
void TwoLoops::look_before(std::uint32_t step, std::uint64_t event) {
  LoopBorders::Between& here = borders_.between[step - first_ - 1];
  if (step == first_ + 1) {
    const Ring<LoopEvent>& taken = first_taken();
    here.seen = std::max(here.seen, taken.begin());
    for (; here.seen < taken.end() && taken[here.seen].event < event; ++here.seen) {
      here.last_of_first = here.seen;
    }
    return;
  }
  const Ring<PlaceEntry>& ring = entries(step - 1);
  here.seen = std::max(here.seen, ring.begin());
  for (; here.seen < ring.end() && ring[here.seen].event < event; ++here.seen) {
    look_before(step - 1, ring[here.seen].event);
    here.last_of_first = borders_.between[step - first_ - 2].last_of_first;
  }
}

void TwoLoops::follow() {
  const Ring<LoopEvent>& taken = second_taken();
  while (borders_.last_of_first.begin() < taken.begin()) {
    if (borders_.last_of_first.empty()) {  // it left before anybody looked
      borders_.last_of_first.push(0);
      borders_.worth.push(std::nullopt);
    }
    borders_.last_of_first.pop();
    borders_.worth.pop();
  }
  while (!borders_.ends.empty() && borders_.ends.front() < taken.begin()) borders_.ends.pop();
  while (borders_.last_of_first.end() < taken.end()) {
    const std::uint64_t number = borders_.last_of_first.end();
    look_before(second_, taken[number].event);
    const std::uint64_t last = borders_.between.back().last_of_first;
    borders_.last_of_first.push(last == kNone ? 0 : last);
    borders_.worth.push(last == kNone ? std::nullopt
                                      : std::optional(static_cast<Int128>(last) - number));
    if (number > taken.begin() && !is_outdone(number - 1)) borders_.ends.push(number - 1);
  }
}

// The earliest entry of a step behind an event.
std::uint64_t TwoLoops::next_single(std::uint32_t step, std::uint64_t event) const {
  return entries(step).first([&](const PlaceEntry& entry) { return entry.event > event; });
}

// Goes through the events behind event `from` of the first loop: those of the loop up to its last,
// of the steps in between, and of the second loop from `border` on.
class TwoLoops::Head {
 public:
  Head(const TwoLoops& match, std::uint64_t from, std::uint64_t border)
      : match_(match),
        at_(from),
        last_(match.borders_.last_of_first[border]),
        border_(border),
        step_(match.first_) {}
  Listed next() {
    if (step_ == match_.first_ && at_ < last_) {
      event_ = match_.first_taken()[++at_].event;
      return {event_, step_};
    }
    if (step_ == match_.first_) event_ = match_.first_taken()[at_].event;
    if (step_ + 1 < match_.second_) {
      ++step_;
      event_ = match_.entries(step_)[match_.next_single(step_, event_)].event;
      return {event_, step_};
    }
    step_ = match_.second_ - 1;
    return {match_.second_taken()[border_++].event, match_.second_};
  }

 private:
  const TwoLoops& match_;
  std::uint64_t at_;
  std::uint64_t last_;
  std::uint64_t border_;
  std::uint32_t step_;
  std::uint64_t event_ = 0;
};

// Whether the match with the next border has the same events as that with its border at `a`.
bool TwoLoops::is_outdone(std::uint64_t a) const {
  const Ring<LoopEvent>& first = first_taken();
  const std::uint64_t last = borders_.last_of_first[a];
  if (borders_.last_of_first[a + 1] != last + 1 || last < first.begin()) return false;
  // The two are alike but for one step: what one takes at a step, the other takes at the step
  // before it.
  std::uint64_t behind = first[last].event;
  std::uint64_t same = first[last + 1].event;
  for (std::uint32_t step = first_ + 1; step < second_; ++step) {
    const Ring<PlaceEntry>& ring = entries(step);
    const std::uint64_t of_one = next_single(step, behind);
    const std::uint64_t of_other = next_single(step, same);
    if (of_other == ring.end() || ring[of_one].event != same) return false;
    behind = same;
    same = ring[of_other].event;
  }
  return second_taken()[a].event == same;
}

// Two equally long matches, one with its border at `a` and one at the later `b`. Earlier events
// decide, then earlier steps.
//
// The other's first loop goes on where the one's has ended. Where the one differs from it there, or
// at the step behind it, it comes first, and it differs in the same way from all that have later
// borders still.
TwoLoops::Order TwoLoops::compare(std::uint64_t a, std::uint64_t b) const {
  const std::uint64_t from = borders_.last_of_first[a];
  Head x(*this, from, a);
  Head y(*this, from, b);
  const std::uint64_t count = b - a + second_ - first_ - 1;  // behind these they are the same
  for (std::uint64_t i = 0; i < count; ++i) {
    const Listed of_x = x.next();
    const Listed of_y = y.next();
    if (of_x.event == of_y.event) continue;
    if (of_x.event > of_y.event) return Order::kLater;
    return of_y.step <= first_ + 1 ? Order::kEarlierThanAll : Order::kEarlier;
  }
  return Order::kLater;  // the same events; the other's first loop has one more of them
}

// The border of the match that comes first, in [from, to).
std::uint64_t TwoLoops::border(std::uint64_t from, std::uint64_t to) const {
  const Int128 most = *borders_.worth.of(from, to);
  std::uint64_t best = to;
  for (std::uint64_t at = from; (at = borders_.worth.next(at, to, most)) < to; ++at) {
    // All up to the end of a stretch are equally long.
    const std::uint64_t end =
        borders_.ends.first([&](std::uint64_t candidate) { return candidate >= at; });
    at = end == borders_.ends.end() ? to - 1 : std::min(borders_.ends[end], to - 1);
    const Order order = best == to ? Order::kLater : compare(best, at);
    if (order == Order::kEarlierThanAll) break;
    if (order == Order::kLater) best = at;
  }
  return best;
}

PlacesMatch TwoLoops::match(const std::vector<const PlaceEntry*>& least) {
  const auto steps = static_cast<std::uint32_t>(rule_.steps.size());
  const std::uint64_t begin = least[place_of(first_)]->taken;
  std::uint64_t end = second_taken().end() - 1;  // the second loop's last event
  if (second_ + 1 < steps) {
    const PlaceEntry* greatest = least.back();
    for (std::uint32_t place = rule_.places->place_count - 1; place-- > place_of(second_) + 1;) {
      greatest = &part_.places[place].ring[greatest->high - 1];
    }
    end = greatest->taken;
  }
  // From where on the first loop has enough events; up to where the second has.
  const std::uint64_t least_last = begin + rule_.steps[first_].min - 1;
  const std::uint64_t from =
      borders_.last_of_first.first([&](std::uint64_t last) { return last >= least_last; });
  const std::uint64_t at = border(from, end + 2 - rule_.steps[second_].min);
  PlacesMatch match;
  std::uint64_t event = 0;
  for (std::uint32_t step = 0; step < steps; ++step) {
    PlacesMatch::Part part;
    part.step = step;
    part.loop = rule_.places->loop_of(step);
    if (step == first_) {
      part.begin = begin;
      part.end = borders_.last_of_first[at] + 1;
      event = first_taken()[part.end - 1].event;
    } else if (step == second_) {
      part.begin = at;
      part.end = end + 1;
      event = second_taken()[end].event;
    } else if (step + 1 == steps) {
      break;  // the current event
    } else {
      const PlaceEntry& entry =
          step < first_ ? *least[place_of(step)] : entries(step)[next_single(step, event)];
      part.number = event = entry.event;
      part.subset = entry.subset;
    }
    match.parts.push_back(part);
  }
  return match;
}
}  // namespace tocsin::cep
