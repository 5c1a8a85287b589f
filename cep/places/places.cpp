#include "cep/places/places.h"

#include <algorithm>

#include "cep/places/places_part.h"
#include "cep/places/reached_loop.h"
#include "cep/places/two_loops.h"

namespace tocsin::cep {
// ---- time

bool Places::is_over(std::uint64_t start) const {
  return start < state_.floor ||
         (rule_.within && state_.log[start].engine_time_us + rule_.within->us <= now_us_);
}

void Places::expire(std::int64_t now_us) {
  now_us_ = now_us;
  if (!program().value) {
    expire_part();
    const Ring<PlaceEntry>& starts = state_.whole.places.front().ring;
    let_go_of_events(starts.empty() ? state_.log.end() : starts.front().event);
    if (program().reach) ReachedLoop(rule_, state_).follow();
    return;
  }
  while (!state_.order.empty()) {
    const PlaceStart oldest = state_.order.front();
    part_ = oldest.part;
    if (is_over(oldest.event)) {
      expire_part();
    } else if (!part_->is_empty() && part_->places.front().ring.front().event <= oldest.event) {
      break;
    }
    state_.order.pop();
    if (--part_->in_order == 0) state_.by_value.erase(state_.by_value.find(*part_->value));
  }
  part_ = &state_.whole;
  let_go_of_events(state_.order.empty() ? state_.log.end() : state_.order.front().event);
}

void Places::expire_part() {
  const std::uint64_t least = part_->latest_least;
  if (least < state_.log.begin() || (least < state_.log.end() && is_over(least))) {
    std::uint64_t next = ~std::uint64_t{0};
    for (std::size_t i = 0; i < part_->places.size(); ++i) {
      Ring<PlaceEntry>& ring = part_->places[i].ring;
      while (!ring.empty() && is_over(ring.front().latest)) pop(i);
      if (!ring.empty()) next = std::min(next, ring.front().latest);
    }
    part_->latest_least = next;
  }
  let_go();
}

// The place of the last events of the only loop.
std::uint32_t Places::last_of_loop() const {
  return program().first_place[program().loops.front()] + 1;
}

void Places::pop(std::size_t place) {
  part_->is_settled = false;
  part_->places[place].ring.pop();
  --state_.entry_count;
  if (place == 0) --state_.start_count;
  if (place == 0 && part_->compared != nullptr) part_->compared->pop();
  if (place == 0 && part_->others != nullptr) part_->others->pop();
  if (part_->lengths != nullptr && place == last_of_loop()) part_->lengths->pop();
}

void Places::let_go_of_events(std::uint64_t before) {
  while (state_.log.begin() < before) state_.pop_event();
}

// What nothing can reach any more leaves: entries that nothing follows or will follow, and what
// loops took before the oldest first event.
void Places::let_go() {
  if (part_->is_settled) return;
  std::vector<PatternPlace>& places = part_->places;
  for (std::size_t i = places.size() - 1; i > 0; --i) {
    if (i == 1 && program().reach) break;  // a late event may go on with any first one
    Ring<PlaceEntry>& before = places[i - 1].ring;
    std::uint64_t least = std::max(places[i].low, before.begin());
    if (!places[i].ring.empty()) least = std::min(least, places[i].ring.front().low);
    while (before.begin() < std::min(least, before.end())) pop(i - 1);
  }
  for (std::size_t i = 0; i < part_->loops.size(); ++i) {
    LoopRecord& loop = part_->loops[i];
    const Ring<PlaceEntry>& firsts = places[program().first_place[program().loops[i]]].ring;
    const std::uint64_t kept = firsts.empty() ? loop.taken.end() : firsts.front().taken;
    for (; loop.taken.begin() < kept; --state_.taken_count) loop.pop();
  }
  if (part_->chain != nullptr) {
    const Ring<PlaceEntry>& starts = places.front().ring;
    part_->chain->drop_before(starts.empty() ? state_.log.end() : starts.front().event);
  }
  // What loops and chains took goes by more than that.
  part_->is_settled = part_->loops.empty() && part_->chain == nullptr;
}

// Nothing before the place may be followed any more.
void Places::skip_all_before(std::uint32_t place) {
  part_->places[place].low = part_->places[place - 1].ring.end();
  part_->is_settled = false;
}

void Places::drop_before(std::uint64_t number, std::int64_t now_us) {
  state_.floor = std::max(state_.floor, number);
  expire(now_us);
}

void Places::clear() { drop_before(state_.log.end(), now_us_); }

// ---- an event

// What came too long ago for the step.
void Places::skip_late(std::uint32_t step) {
  const std::optional<Duration> gap = rule_.steps[step].gap;
  if (!gap) return;
  const std::uint32_t place = program().first_place[step];
  const Ring<PlaceEntry>& before = part_->places[place - 1].ring;
  std::uint64_t& low = part_->places[place].low;
  low = std::max(low, before.begin());
  while (low < before.end() && state_.log[before[low].event].engine_time_us + gap->us <= now_us_) {
    ++low;
    part_->is_settled = false;
  }
}

// Whether anything waits for the step, or has begun to collect for it.
bool Places::is_awaited(std::uint32_t step) const {
  if (step == 0 || part_->is_scattered) return true;
  const std::uint32_t place = program().first_place[step];
  const PatternPlace& own = part_->places[place];
  const Ring<PlaceEntry>& before = part_->places[place - 1].ring;
  return std::max(own.low, before.begin()) < before.end() ||
         (program().loop_of(step) && !own.ring.empty());
}

bool Places::take(PlacesEvent& event) {
  current_ = state_.log.end();
  ends_all_ = event.ends_all();
  // Backwards, so that an event never follows itself.
  const CurrentRow& row = event.current();
  for (const auto& [step, predicate, is_passive] : program().steps_of(row.row->type)) {
    if (is_passive && !row.satisfies(predicate)) continue;
    if (program().value) {
      take_by_value(step, event);
    } else if (skip_late(step); is_awaited(step)) {
      const bool fits = event.fits(step);
      take_for_step(step, event, fits,
                    step > 0 && (ends_all_ || event.is_forbidden_after(step - 1)));
    }
  }
  if (end_part_ == nullptr) done();
  return end_part_ != nullptr;
}

// The parts that the event concerns: that of its value as the step's, and those of its values as
// one that absences forbid.
void Places::take_by_value(std::uint32_t step, PlacesEvent& event) {
  const PlacesValue& value = *program().value;
  PlacesPart* const fitted = event.fits(step) ? part_of(step, event) : nullptr;
  std::vector<PlacesPart*> forbidden;
  const std::size_t guards = step > 0 ? rule_.steps[step - 1].guards.size() : 0;
  for (std::uint32_t guard = 0; guard < guards; ++guard) {
    if (!event.is_forbidden_by(step - 1, guard)) continue;
    const std::string* const text = event.value(*value.of_guards[step - 1][guard]);
    const auto found = text != nullptr ? state_.by_value.find(*text) : state_.by_value.end();
    if (found != state_.by_value.end()) forbidden.push_back(&found->second);
  }
  const auto take_in = [&](PlacesPart* part) {
    part_ = part;
    if (std::ranges::count(touched_, part) == 0) {
      touched_.push_back(part);
      let_go();
    }
    skip_late(step);
    if (is_awaited(step)) {
      const bool is_forbidden = (ends_all_ && step > 0) || std::ranges::count(forbidden, part) > 0;
      take_for_step(step, event, part == fitted, is_forbidden);
    }
  };
  if (fitted != nullptr) take_in(fitted);
  for (PlacesPart* const part : forbidden) {
    if (part != fitted) take_in(part);
  }
}

// The part of the event's value; a first event makes it. Null where there is none.
PlacesPart* Places::part_of(std::uint32_t step, PlacesEvent& event) {
  const std::string* const text = event.value(*program().value->of_steps[step]);
  if (text == nullptr) return nullptr;
  if (step > 0) {
    const auto found = state_.by_value.find(*text);
    return found != state_.by_value.end() ? &found->second : nullptr;
  }
  PlacesPart& part = part_with(state_, rule_, *text);
  ++part.in_order;
  state_.order.push({event.capture(), &part});
  return &part;
}

void Places::take_for_step(std::uint32_t step, PlacesEvent& event, bool fits, bool is_forbidden) {
  const bool is_last = step + 1 == rule_.steps.size();
  if (step > 0 && rule_.steps[step - 1].is_greedy && event.fits(step - 1)) {
    // It is the loop's, and what waits behind the loop without it is over.
    skip_all_before(program().first_place[step]);
    return;
  }
  std::optional<PlaceEntry> entry;
  const bool ends_loop = rule_.steps[step].has_until && event.ends_loop(step);
  if (fits && program().loop_of(step)) {
    if (!ends_loop) entry = take_for_loop(step, event, is_forbidden);
  } else if (fits && (!is_forbidden || is_last)) {
    entry = follow_compared(step, event);  // a forbidden event completes a match at most
  }
  if (fits && is_last && part_->is_scattered) {
    scattered_ = ReachedLoop(rule_, state_).match([&] { return event.take_step(); });
    if (scattered_) entry.emplace();
  }
  if (entry && is_last) {
    end_part_ = part_;
    end_ = *entry;
  } else if (entry) {
    push(step, *entry, event);
  }
  if (ends_loop) skip_all_before(program().first_place[step] + 1);
  if (step == 0) return;
  const Contiguity contiguity = rule_.steps[step].contiguity;
  if (is_forbidden || (fits && contiguity != Contiguity::kAny) ||
      (contiguity == Contiguity::kNext && event.is_considered())) {
    skip_all_before(program().first_place[step]);
  }
}

void Places::done() {
  if (program().reach) ReachedLoop(rule_, state_).follow();
  if (!undoes_loop_) return;
  const std::uint32_t step = *undoes_loop_;
  undoes_loop_.reset();
  part_ = end_part_;
  part_->places[program().first_place[step]].ring.pop_back();
  part_->loops[*program().loop_of(step)].pop_back();
  skip_full_loops(*part_, rule_, *program().loop_of(step));
  --state_.entry_count;
  --state_.taken_count;
  if (step == 0) --state_.start_count;
}

// The entry of the current event behind what stands before the step.
std::optional<PlaceEntry> Places::follow(std::uint32_t step) {
  PlaceEntry entry;
  if (step == 0) return entry;
  const std::uint32_t place = program().first_place[step];
  const Ring<PlaceEntry>& before = part_->places[place - 1].ring;
  entry.low = std::max(part_->places[place].low, before.begin());
  entry.high = before.end();
  if (entry.low >= entry.high) return std::nullopt;
  entry.latest = before.back().latest;
  return entry;
}

void Places::push(std::uint32_t step, PlaceEntry entry, PlacesEvent& event) {
  const bool is_loop = program().loop_of(step).has_value();
  const std::uint32_t place = program().first_place[step] + (is_loop ? 1 : 0);
  Ring<PlaceEntry>& ring = part_->places[place].ring;
  if (step > 0 && program().omits_equals[place] && !ring.empty() &&
      ring.back().latest == entry.latest) {
    return;
  }
  entry.event = event.capture();
  if (!is_loop) entry.subset = event.subset(step);
  if (step == 0 && !is_loop) entry.latest = entry.event;
  state_.add(*part_, place, entry);
  if (is_loop && part_->lengths != nullptr) push_length(*part_, place - 1, ring.end() - 1);
  if (program().chain || (place == 0 && program().pair)) push_compared(step, event);
}

// The current event fits the loop: all that collect take it, and it may be the first of new ones.
// The entry that it makes as the loop's last.
std::optional<PlaceEntry> Places::take_for_loop(std::uint32_t step, PlacesEvent& event,
                                                bool is_forbidden) {
  const StepProgram& loop = rule_.steps[step];
  const bool is_last = step + 1 == rule_.steps.size();
  const std::uint32_t number = *program().loop_of(step);
  LoopRecord& record = part_->loops[number];
  const Ring<PlaceEntry>& firsts = part_->places[program().first_place[step]].ring;
  const bool goes_on = part_->places[program().first_place[step] + 1].low < firsts.end();
  const bool collects =
      !firsts.empty() && goes_on &&
      (loop.max == kUnbounded || record.taken.end() - firsts.back().taken < loop.max);
  std::optional<PlaceEntry> fresh;
  if (!is_forbidden) fresh = follow(step);
  if (!collects && !fresh && !(is_forbidden && is_last && loop.min == 1)) return std::nullopt;
  if (is_forbidden && is_last && loop.min == 1 && !collects) {
    // It completes what it ends, as a loop of one event.
    fresh = follow(step);
    if (!fresh) return std::nullopt;
    undoes_loop_ = step;
  }
  if (fresh) begin_loop(step, *fresh, event);
  record.push(event.capture(), event.subset(step), event.is_late());
  ++state_.taken_count;
  event.add_to_series(*part_, number);
  if (program().loops.size() == 2 && number == 1) TwoLoops(rule_, *part_).follow();
  std::optional<PlaceEntry> entry =
      program().reach ? ReachedLoop(rule_, state_).end() : end_loop(step);
  if (entry) entry->event = record.taken.back().event;
  return entry;
}

void Places::begin_loop(std::uint32_t step, PlaceEntry entry, PlacesEvent& event) {
  entry.event = event.capture();
  entry.taken = part_->loops[*program().loop_of(step)].taken.end();
  if (step == 0) entry.latest = entry.event;
  state_.add(*part_, program().first_place[step], entry);
}

std::optional<PlaceEntry> Places::end_loop(std::uint32_t step) {
  const StepProgram& loop = rule_.steps[step];
  const std::uint32_t place = program().first_place[step];
  const Ring<PlaceEntry>& firsts = part_->places[place].ring;
  PatternPlace& lasts = part_->places[place + 1];
  const std::uint64_t now = part_->loops[*program().loop_of(step)].taken.end() - 1;
  lasts.low = std::max(lasts.low, firsts.begin());
  lasts.high = std::max(lasts.high, firsts.begin());
  while (loop.max != kUnbounded && lasts.low < firsts.end() &&
         now - firsts[lasts.low].taken >= loop.max) {
    ++lasts.low;
  }
  while (lasts.high < firsts.end() && now - firsts[lasts.high].taken + 1 >= loop.min) ++lasts.high;
  if (lasts.low >= lasts.high) return std::nullopt;
  PlaceEntry entry;
  entry.low = lasts.low;
  entry.high = lasts.high;
  entry.latest = firsts[lasts.high - 1].latest;
  entry.taken = now;
  return entry;
}
}  // namespace tocsin::cep
