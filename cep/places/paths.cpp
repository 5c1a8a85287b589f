#include "cep/places/paths.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tocsin::cep {
// ---- time

bool Paths::is_over(std::uint64_t start) const {
  return start < state_.floor ||
         (within_ && state_.log[start].engine_time_us + within_->us <= now_us_);
}

void Paths::expire(std::int64_t now_us) {
  now_us_ = now_us;
  for (std::uint32_t place = 0; place < state_.places.size(); ++place) {
    const Ring<PathEntry>& ring = state_.places[place].ring;
    while (!ring.empty() && is_over(ring.front().latest)) pop(place);
  }
  let_go();
}

void Paths::pop(std::uint32_t place) {
  state_.places[place].ring.pop();
  --state_.entry_count;
}

// What nothing can reach any more leaves: entries that nothing follows or will follow, and events
// before the oldest first one.
void Paths::let_go() {
  constexpr std::uint64_t kNothing = ~std::uint64_t{0};
  std::array<std::uint64_t, kPathPlacesMax> least;  // by place: what may be followed begins there
  least.fill(kNothing);
  std::uint64_t first = kNothing;
  for (auto place = static_cast<std::uint32_t>(state_.places.size()); place-- > 0;) {
    const PathRing& own = state_.places[place];
    while (!own.ring.empty() && own.ring.begin() < least[place]) pop(place);
    const std::uint32_t parent = program_.places[place].parent;
    if (parent == PathPlace::kNone) {
      if (!own.ring.empty()) first = std::min(first, own.ring.front().event);
      continue;
    }
    least[parent] = std::min(least[parent], own.low);
    if (!own.ring.empty()) least[parent] = std::min(least[parent], own.ring.front().low);
  }
  while (!state_.starts.empty() && state_.starts.front() < first) state_.starts.pop();
  const std::uint64_t kept = state_.starts.empty() ? state_.log.end() : state_.starts.front();
  while (state_.log.begin() < kept) state_.pop_event();
}

void Paths::drop_before(std::uint64_t number, std::int64_t now_us) {
  state_.floor = std::max(state_.floor, number);
  expire(now_us);
}

// ---- an event

bool Paths::take(PathsEvent& event) {
  ends_.clear();
  // Backwards, so that an event never follows itself.
  for (auto place = static_cast<std::uint32_t>(program_.places.size()); place-- > 0;) {
    if (program_.places[place].parent == PathPlace::kNone) {
      begin_at(place, event);
    } else {
      take_at(place, event);
    }
  }
  return !ends_.empty();
}

// The current event at the place, where it fits one of the steps.
std::optional<PathEntry> Paths::entry_of(const PathPlace& place, PathsEvent& event) {
  const auto step =
      std::ranges::find_if(place.steps, [&](std::uint32_t own) { return event.fits(own); });
  if (step == place.steps.end()) return std::nullopt;
  PathEntry entry;
  entry.step = *step;
  return entry;
}

void Paths::begin_at(std::uint32_t place, PathsEvent& event) {
  const PathPlace& at = program_.places[place];
  const std::optional<PathEntry> entry = entry_of(at, event);
  if (!entry) return;
  if (at.completes) ends_.push_back({place, *entry});
  if (!at.goes_on) return;
  push(place, *entry, event);
  const std::uint64_t number = state_.places[place].ring.back().event;
  if (state_.starts.empty() || state_.starts.back() != number) state_.starts.push(number);
}

// What came too long ago for the place.
void Paths::skip_late(std::uint32_t place) {
  const PathPlace& at = program_.places[place];
  const Ring<PathEntry>& before = state_.places[at.parent].ring;
  std::uint64_t& low = state_.places[place].low;
  low = std::max(low, before.begin());
  while (at.gap && low < before.end() &&
         state_.log[before[low].event].engine_time_us + at.gap->us <= now_us_) {
    ++low;
  }
}

void Paths::take_at(std::uint32_t place, PathsEvent& event) {
  const PathPlace& at = program_.places[place];
  const Ring<PathEntry>& before = state_.places[at.parent].ring;
  std::uint64_t& low = state_.places[place].low;
  skip_late(place);
  if (low >= before.end()) return;
  const bool is_forbidden = std::ranges::any_of(
      at.absences, [&](std::uint32_t absence) { return event.is_forbidden(absence); });
  std::optional<PathEntry> entry = entry_of(at, event);
  if (entry) {
    entry->low = low;
    entry->high = before.end();
    entry->latest = before.back().latest;
    // A forbidden event completes a match at most.
    if (at.completes) ends_.push_back({place, *entry});
    if (at.goes_on && !is_forbidden) push(place, *entry, event);
  }
  if (is_forbidden || at.contiguity == Contiguity::kNext ||
      (entry && at.contiguity == Contiguity::kFirst)) {
    low = before.end();
  }
}

void Paths::push(std::uint32_t place, PathEntry entry, PathsEvent& event) {
  Ring<PathEntry>& ring = state_.places[place].ring;
  if (program_.places[place].omits_equals && !ring.empty() && ring.back().latest == entry.latest) {
    return;
  }
  entry.event = event.capture();
  entry.subset = event.subset(entry.step);
  if (program_.places[place].parent == PathPlace::kNone) entry.latest = entry.event;
  ring.push(entry);
  ++state_.entry_count;
}

// ---- the match that comes first

ChainMatch Paths::least_chain(const End& end) const {
  ChainMatch match;
  match.last_step = end.entry.step;
  const PathEntry* at = &end.entry;
  for (std::uint32_t place = program_.places[end.place].parent; place != PathPlace::kNone;
       place = program_.places[place].parent) {
    const Ring<PathEntry>& ring = state_.places[place].ring;
    at = &ring[std::max(at->low, ring.begin())];
    match.events.push_back({at->event, at->step, at->subset});
  }
  std::ranges::reverse(match.events);
  return match;
}

namespace {
// Whether a match comes before another one that ends with the same event.
bool comes_before(const ChainMatch& a, const ChainMatch& b) {
  const auto start = [](const ChainMatch& match) {
    return match.events.empty() ? ~std::uint64_t{0} : match.events.front().event;
  };
  if (start(a) != start(b)) return start(a) < start(b);
  if (a.events.size() != b.events.size()) return a.events.size() > b.events.size();
  const auto by = [](auto member, const ChainMatch& x, const ChainMatch& y) {
    for (std::size_t i = 0; i < x.events.size(); ++i) {
      if (x.events[i].*member != y.events[i].*member) {
        return x.events[i].*member < y.events[i].*member ? -1 : 1;
      }
    }
    return 0;
  };
  if (const int order = by(&ChainEvent::event, a, b)) return order < 0;
  if (const int order = by(&ChainEvent::step, a, b)) return order < 0;
  return a.last_step < b.last_step;
}
}  // namespace

ChainMatch Paths::match() const {
  ChainMatch first = least_chain(ends_.front());
  for (std::size_t i = 1; i < ends_.size(); ++i) {
    ChainMatch other = least_chain(ends_[i]);
    if (comes_before(other, first)) first = std::move(other);
  }
  return first;
}

std::uint32_t Paths::furthest_place(std::uint64_t start) const {
  // Of each place, the entries that follow the first event: an interval again.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> reached(program_.places.size());
  std::uint32_t furthest = 0;
  std::optional<std::uint32_t> last_step;
  for (std::uint32_t place = 0; place < program_.places.size(); ++place) {
    const PathPlace& at = program_.places[place];
    const Ring<PathEntry>& ring = state_.places[place].ring;
    auto& [from, to] = reached[place];
    if (at.parent == PathPlace::kNone) {
      from = ring.first([&](const PathEntry& entry) { return entry.event >= start; });
      to = ring.first([&](const PathEntry& entry) { return entry.event > start; });
    } else {
      const auto& [low, high] = reached[at.parent];
      if (low >= high) continue;
      from = ring.first([&, low = low](const PathEntry& entry) { return entry.high > low; });
      to = ring.first([&, high = high](const PathEntry& entry) { return entry.low >= high; });
    }
    if (from >= to) continue;
    const std::uint32_t step = ring[to - 1].step;
    if (last_step && step <= *last_step) continue;
    last_step = step;
    furthest = place;
  }
  return furthest;
}
}  // namespace tocsin::cep
