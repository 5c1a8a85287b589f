#include "cep/places/reached_loop.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace tocsin::cep {
namespace {
// How many events before this one count.
std::uint64_t count_before(const LoopSeries& series, std::uint64_t taken) {
  return taken == series.sums.begin() ? series.base.count : series.sums[taken - 1].count;
}
std::uint64_t count_of(const LoopSeries& series, std::uint64_t taken) {
  return series.sums[taken].count - count_before(series, taken);
}
}  // namespace

// What `having` asks of the loop, of events that come and go.
class ReachedLoop::Window {
 public:
  explicit Window(const ReachedLoop& of)
      : enough_(of.rule_.places->reach->enough), loop_(of.loop_), held_(enough_.size()) {}

  void push(std::uint64_t taken) {
    for (std::size_t i = 0; i < enough_.size(); ++i) {
      const LoopSeries& series = loop_.series[enough_[i].total];
      if (!enough_[i].is_distinct) {
        held_[i].count += count_of(series, taken);
      } else if (const void* const value = series.distinct->value_at(taken)) {
        if (++held_[i].values[value] == 1) ++held_[i].count;
      }
    }
  }
  void pop(std::uint64_t taken) {
    for (std::size_t i = 0; i < enough_.size(); ++i) {
      const LoopSeries& series = loop_.series[enough_[i].total];
      if (!enough_[i].is_distinct) {
        held_[i].count -= count_of(series, taken);
      } else if (const void* const value = series.distinct->value_at(taken)) {
        if (--held_[i].values[value] == 0) --held_[i].count;
      }
    }
  }
  bool is_enough() const {
    for (std::size_t i = 0; i < enough_.size(); ++i) {
      if (held_[i].count < enough_[i].least) return false;
    }
    return true;
  }

 private:
  struct Held {
    std::uint64_t count = 0;
    std::unordered_map<const void*, std::uint64_t> values;
  };
  const std::vector<PlacesReach::Least>& enough_;
  const LoopRecord& loop_;
  std::vector<Held> held_;
};

bool ReachedLoop::reaches(const PlaceEntry& first, std::uint64_t taken) const {
  return taken == first.taken ||
         rule_.places->reach->has(time_of(first.event), time_of(loop_.taken[taken].event));
}

bool ReachedLoop::has_enough(const PlaceEntry& first) const {
  return std::ranges::all_of(rule_.places->reach->enough, [&](const PlacesReach::Least& asked) {
    const LoopSeries& series = loop_.series[asked.total];
    if (asked.is_distinct) return series.distinct->since(first.taken) >= asked.least;
    return series.sums.back().count - count_before(series, first.taken) >= asked.least;
  });
}

// What may end with this event, by `low` and `high`.
std::optional<PlaceEntry> ReachedLoop::entry(std::uint64_t taken) const {
  if (lasts_.low >= lasts_.high) return std::nullopt;
  PlaceEntry entry;
  entry.event = loop_.taken[taken].event;
  entry.low = lasts_.low;
  entry.high = lasts_.high;
  entry.latest = firsts_[lasts_.high - 1].latest;
  entry.taken = taken;
  return entry;
}

std::optional<PlaceEntry> ReachedLoop::end() {
  if (has_late()) {
    // Else a match that the event completes is yet to be found.
    if (rule_.steps.size() == 1) follow();
    return std::nullopt;
  }
  const std::uint64_t now = loop_.taken.end() - 1;
  const std::uint64_t min = rule_.steps.front().min;
  lasts_.low = std::max(lasts_.low, firsts_.begin());
  lasts_.high = std::max(lasts_.high, firsts_.begin());
  while (lasts_.low < firsts_.end() && !reaches(firsts_[lasts_.low], now)) ++lasts_.low;
  while (lasts_.high < firsts_.end() && now + 1 - firsts_[lasts_.high].taken >= min &&
         has_enough(firsts_[lasts_.high])) {
    ++lasts_.high;
  }
  return entry(now);
}

void ReachedLoop::follow() {
  if (part_.is_scattered != has_late()) make();
}

void ReachedLoop::make() {
  for (; !lasts_.ring.empty(); --state_.entry_count) lasts_.ring.pop();
  lasts_.low = lasts_.high = firsts_.begin();
  part_.is_scattered = has_late();
  if (part_.is_scattered) return;
  const std::uint64_t min = rule_.steps.front().min;
  Window window(*this);
  std::uint64_t begin = loop_.taken.begin();  // of the window, which ends with the event
  for (std::uint64_t taken = begin; taken < loop_.taken.end(); ++taken) {
    window.push(taken);
    while (lasts_.low < firsts_.end() && firsts_[lasts_.low].taken <= taken &&
           !reaches(firsts_[lasts_.low], taken)) {
      ++lasts_.low;
    }
    for (; lasts_.high < firsts_.end(); ++lasts_.high) {
      const PlaceEntry& first = firsts_[lasts_.high];
      if (first.taken > taken || taken + 1 - first.taken < min) break;
      while (begin < first.taken) window.pop(begin++);
      if (!window.is_enough()) break;
    }
    const std::optional<PlaceEntry> made = entry(taken);
    // A loop that is the last step ends with the current event alone.
    if (made && rule_.steps.size() > 1) state_.add(part_, 1, *made);
  }
}

std::uint64_t ReachedLoop::count_from(const PlaceEntry& first) const {
  if (!has_late()) {  // all up to the first one that is too late
    const PlacesReach& reach = *rule_.places->reach;
    return loop_.taken.first([&](const LoopEvent& one) {
      return one.event > first.event && !reach.has(time_of(first.event), time_of(one.event));
    }) - first.taken;
  }
  std::uint64_t count = 0;
  for (std::uint64_t taken = first.taken; taken < loop_.taken.end(); ++taken) {
    if (reaches(first, taken)) ++count;
  }
  return count;
}

// What the loop of a first event took, by numbers among `taken`, where it is enough; else nothing.
// Absent where no step is left.
std::optional<std::vector<std::uint64_t>> ReachedLoop::events_from(
    const PlaceEntry& first, const TakeStep& take_step) const {
  std::vector<std::uint64_t> events;
  Window window(*this);
  for (std::uint64_t taken = first.taken; taken < loop_.taken.end(); ++taken) {
    if (!take_step()) return std::nullopt;
    if (!reaches(first, taken)) continue;
    events.push_back(taken);
    window.push(taken);
  }
  if (events.size() < rule_.steps.front().min || !window.is_enough()) events.clear();
  return events;
}

std::optional<PlacesMatch> ReachedLoop::match(const TakeStep& take_step) const {
  const bool ends_loop = rule_.steps.size() == 1;
  for (std::uint64_t i = firsts_.begin(); i < firsts_.end(); ++i) {
    const PlaceEntry& first = firsts_[i];
    if (ends_loop && !reaches(first, loop_.taken.end() - 1)) continue;
    std::optional<std::vector<std::uint64_t>> events = events_from(first, take_step);
    if (!events) return std::nullopt;
    if (events->empty()) continue;
    PlacesMatch::Part part;
    part.loop = 0;
    part.begin = first.taken;
    part.end = loop_.taken.end();
    part.picked = std::move(*events);
    PlacesMatch match;
    match.parts.push_back(std::move(part));
    return match;
  }
  return std::nullopt;
}
}  // namespace tocsin::cep
