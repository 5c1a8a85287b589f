// The match that comes first in order, of those that the current event completes.
#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "cep/places/longest_match.h"
#include "cep/places/places.h"
#include "cep/places/two_loops.h"
#include "cep/value/int128.h"

namespace tocsin::cep {
// What of the place behind `place` may follow one of the span: a span again.
Places::Span Places::next(std::uint32_t place, Span span) const {
  const Ring<PlaceEntry>& ring = part_->places[place + 1].ring;
  return {ring.first([&](const PlaceEntry& entry) { return entry.high > span.from; }),
          ring.first([&](const PlaceEntry& entry) { return entry.low >= span.to; })};
}

// Whether one of a place's span leads to the end, which is at the last place.
bool Places::leads_to(std::uint32_t place, Span span, const PlaceEntry& end) const {
  for (; place + 2 < program().place_count && !span.empty(); ++place) span = next(place, span);
  return !span.empty() && span.from < end.high && span.to > end.low;
}

std::uint32_t Places::furthest_step(PlacesPart& part, std::uint64_t start) {
  part_ = &part;
  if (program().chain) {
    return part.chain->longest_from(part.places.front().ring[start].event) - 1;
  }
  std::uint32_t place = 0;
  for (Span span{start, start + 1}; place + 1 < program().place_count; ++place) {
    span = next(place, span);
    if (span.empty()) break;
  }
  return program().step_of(place);
}

// The latest of a place's entries up to `upto` that leads to the end; one of them must. What of the
// next place may follow one of these entries, or an earlier one, is all up to an entry, and of an
// entry that leads to the end the latest one that it may follow does too.
std::uint64_t Places::latest_last(std::uint32_t place, std::uint64_t upto,
                                  const PlaceEntry& end) const {
  const std::uint32_t before_end = program().place_count - 2;
  std::vector<std::uint64_t> latest(before_end + 1, upto);
  for (std::uint32_t i = place; i < before_end; ++i) {
    latest[i + 1] = part_->places[i + 1].ring.first([&](const PlaceEntry& entry) {
      return entry.low > latest[i];
    }) - 1;
  }
  const PlaceEntry* behind = &end;
  for (std::uint32_t i = before_end;; --i) {
    const std::uint64_t found = std::min(latest[i], behind->high - 1);
    if (i == place) return found;
    behind = &part_->places[i].ring[found];
  }
}

// The same where `until` has ended loops between the first event and the end, and plain `then`
// leads on: of the loops that begin with one of the firsts and end with one of the lasts. Up to the
// first event that ended one behind the first of them, the longest is the last; of all behind it,
// the longest of each is known.
std::pair<std::uint64_t, std::uint64_t> Places::longest_of_several(std::uint32_t place, Span from,
                                                                   Span ends,
                                                                   const PlaceEntry& end) const {
  const Ring<PlaceEntry>& firsts = part_->places[place].ring;
  const Ring<PlaceEntry>& lasts = part_->places[place + 1].ring;
  const std::uint64_t upto = latest_last(place + 1, ends.to - 1, end) + 1;
  const std::uint64_t others = std::clamp(
      lasts.first([&](const PlaceEntry& entry) { return entry.low > from.from; }), ends.from, upto);
  std::pair<std::uint64_t, std::uint64_t> best{from.from, others - 1};
  Int128 most = 0;
  if (others > ends.from) {
    const std::uint64_t length = lasts[others - 1].taken - firsts[from.from].taken + 1;
    most = length;
  }
  const std::optional<Int128> of_others = part_->lengths->of(others, upto);
  if (of_others && *of_others > most) {
    const std::uint64_t last = part_->lengths->next(others, upto, *of_others);
    best = {lasts[last].low, last};
  }
  return best;
}

// The number of the first and the place of the last entry of the longest loop between the match's
// first event and its end.
std::pair<std::uint64_t, std::uint64_t> Places::longest(std::uint32_t step, const PlaceEntry& start,
                                                        const PlaceEntry& end) const {
  const std::uint32_t place = program().first_place[step];
  const Ring<PlaceEntry>& firsts = part_->places[place].ring;
  const Ring<PlaceEntry>& lasts = part_->places[place + 1].ring;
  const std::uint64_t first_start = part_->places[0].ring.first(
      [&](const PlaceEntry& entry) { return entry.event >= start.event; });
  Span reached{first_start, first_start + 1};
  for (std::uint32_t i = 0; i < place; ++i) reached = next(i, reached);
  const Span ends = next(place, reached);
  if (part_->lengths != nullptr) return longest_of_several(place, reached, ends, end);
  // Of one first event, and where nothing ends the loop, it is the longer the later it ends.
  if (step == 0 || (rule_.steps[step].max == kUnbounded && !rule_.steps[step].has_until)) {
    return {reached.from, latest_last(place + 1, ends.to - 1, end)};
  }
  std::pair<std::uint64_t, std::uint64_t> best{0, 0};
  std::uint64_t most = 0;
  for (std::uint64_t last = ends.from; last < ends.to; ++last) {
    const std::uint64_t first = std::max(lasts[last].low, reached.from);
    if (first >= reached.to || first >= lasts[last].high) continue;
    const std::uint64_t length = lasts[last].taken - firsts[first].taken + 1;
    if (length > most && leads_to(place + 1, {last, last + 1}, end)) {
      most = length;
      best = {first, last};
    }
  }
  return best;
}

std::optional<PlacesMatch> Places::match(PlacesEvent& event) {
  if (scattered_) return scattered_;
  const PlaceEntry& end = end_;
  part_ = end_part_;
  if (program().chain) return compared_match(event);
  const std::uint32_t count = program().place_count;
  std::vector<const PlaceEntry*> at(count);  // the least way
  at[count - 1] = &end;
  for (std::uint32_t i = count - 1; i-- > 0;) {
    const Ring<PlaceEntry>& ring = part_->places[i].ring;
    at[i] = &ring[std::max(at[i + 1]->low, ring.begin())];
  }
  if (program().loops.size() == 2) return TwoLoops(rule_, *part_).match(at);
  if (program().loops.size() > 2) return LongestMatch(rule_, *part_).match(*at[0], end);
  if (program().sum) {
    if (!add_summed_loop(program().loops.front(), event, at)) return std::nullopt;
  } else if (!program().loops.empty()) {
    add_loop(program().loops.front(), end, at);
  }
  PlacesMatch match;
  for (std::uint32_t step = 0; step < rule_.steps.size(); ++step) {
    const std::uint32_t place = program().first_place[step];
    PlacesMatch::Part part;
    part.step = step;
    part.loop = program().loop_of(step);
    if (part.loop) {
      part.begin = at[place]->taken;
      part.end = at[place + 1]->taken + 1;
    } else if (place + 1 < count) {
      part.number = at[place]->event;
      part.subset = at[place]->subset;
    } else {
      continue;
    }
    match.parts.push_back(part);
  }
  return match;
}

// The last event of the loop up to which all its events may end it, by its number.
std::uint64_t Places::greatest_last(std::uint32_t place, const PlaceEntry& end) const {
  const PlaceEntry* greatest = &end;
  for (std::uint32_t i = program().place_count - 1; i-- > place;) {
    greatest = &part_->places[i].ring[greatest->high - 1];
  }
  return greatest->taken;
}

// Makes the loop of the least way the longest that its first event allows.
void Places::add_loop(std::uint32_t step, const PlaceEntry& end,
                      std::vector<const PlaceEntry*>& at) const {
  const std::uint32_t first_place = program().first_place[step];
  const std::uint32_t last_place = first_place + 1;
  if (last_place + 1 == program().place_count) return;  // it ends with the current event
  const Ring<PlaceEntry>& firsts = part_->places[first_place].ring;
  const Ring<PlaceEntry>& lasts = part_->places[last_place].ring;
  const StepProgram& loop = rule_.steps[step];
  std::uint64_t bound = greatest_last(last_place, end);
  if (loop.max != kUnbounded) bound = std::min(bound, at[first_place]->taken + loop.max - 1);
  std::uint64_t last = lasts.first([&](const PlaceEntry& entry) { return entry.taken >= bound; });
  std::uint64_t first = std::max(at[last_place]->low, firsts.begin());
  const bool go_together = last < lasts.end() && lasts[last].taken <= bound &&
                           lasts[last].low <= first && first < lasts[last].high &&
                           leads_to(last_place, {last, last + 1}, end);
  if (!go_together) std::tie(first, last) = longest(step, *at[0], end);
  go_through(first_place, first, last, at);
}

// Makes the loop of the least way the first one that has a sum which `having` allows.
bool Places::add_summed_loop(std::uint32_t step, PlacesEvent& event,
                             std::vector<const PlaceEntry*>& at) const {
  const std::uint32_t first_place = program().first_place[step];
  const std::uint32_t last_place = first_place + 1;
  const bool is_last = last_place + 1 == program().place_count;
  const Ring<PlaceEntry>& firsts = part_->places[first_place].ring;
  const Ring<PlaceEntry>& lasts = part_->places[last_place].ring;
  const LoopRecord& loop = part_->loops.front();
  const RangeSums& sums = *loop.series[*program().total_of(0, program().sum->sum)].ranges;
  const bool is_more = program().sum->is_more();
  const auto is_enough = [&](Int128 sum) { return event.allows_sum(is_more ? sum : -sum); };
  const std::uint64_t from = at[first_place]->taken;
  RangeSums::Range range{0, loop.taken.end()};
  if (is_last) {
    const std::optional<std::uint64_t> begin = sums.first_up_to(from, range.end, is_enough);
    if (!begin) return false;
    range.begin = *begin;
  } else {
    const std::optional<RangeSums::Range> found =
        sums.first(from, greatest_last(last_place, end_) + 1, is_enough);
    if (!found) return false;
    range = *found;
  }
  go_through(first_place,
             firsts.first([&](const PlaceEntry& entry) { return entry.taken >= range.begin; }),
             lasts.first([&](const PlaceEntry& entry) { return entry.taken + 1 >= range.end; }),
             at);
  return true;
}

// The way through these entries of a loop; the last is not looked at where the loop ends with the
// current event.
void Places::go_through(std::uint32_t first_place, std::uint64_t first, std::uint64_t last,
                        std::vector<const PlaceEntry*>& at) const {
  const std::uint32_t count = program().place_count;
  const std::uint32_t last_place = first_place + 1;
  const std::vector<PatternPlace>& places = part_->places;
  at[first_place] = &places[first_place].ring[first];
  for (std::uint32_t i = first_place; i-- > 0;) {
    at[i] = &places[i].ring[std::max(at[i + 1]->low, places[i].ring.begin())];
  }
  if (last_place + 1 == count) return;
  at[last_place] = &places[last_place].ring[last];
  // Behind the loop, the earliest that lead from its last event to the end.
  std::vector<std::uint64_t> earliest(count, 0);
  earliest[last_place] = last;
  for (std::uint32_t i = last_place + 1; i + 1 < count; ++i) {
    earliest[i] =
        places[i].ring.first([&](const PlaceEntry& entry) { return entry.high > earliest[i - 1]; });
  }
  for (std::uint32_t i = count - 1; i-- > last_place + 1;) {
    at[i] = &places[i].ring[std::max(at[i + 1]->low, earliest[i])];
  }
}
}  // namespace tocsin::cep
