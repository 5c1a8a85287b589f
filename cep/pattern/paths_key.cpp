#include "cep/pattern/paths_key.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cep/compile/pattern_program.h"
#include "cep/plan/pattern.h"

namespace tocsin::cep {
namespace {
const PathsProgram& places_of(const RuleProgram& rule) { return *rule.pattern->paths; }
bool has_parent(const RuleProgram& rule, std::uint32_t place) {
  return places_of(rule).places[place].parent != PathPlace::kNone;
}
}  // namespace

std::uint64_t PathsKey::push_event(const KeptEvent& event) {
  const std::uint64_t size =
      cep::budget_bytes(*program_.plan, *rule_.rule, table_.layouts[event.type], event);
  return state_.push_event(event, static_cast<std::uint32_t>(size));
}

// ---- from partial matches

// The nodes of partial matches by what they are to places.
class PathsKey::RunNodes {
 public:
  RunNodes(const PathsProgram& paths, const PatternState& state)
      : paths_(paths), record_(reinterpret_cast<const std::byte*>(state.words.data())) {}

  // Adds the nodes up to `last`. False where they are of no path.
  bool add(Offset last) {
    std::vector<Offset> path;
    for (Offset at = last; at != 0 && !places_.contains(at); at = node(at).parent) {
      path.push_back(at);
    }
    for (std::size_t i = path.size(); i-- > 0;) {
      const Node& added = node(path[i]);
      const std::uint32_t parent = added.parent == 0 ? PathPlace::kNone : places_.at(added.parent);
      const std::optional<std::uint32_t> place = paths_.place_of(parent, added.step);
      if (!place) return false;
      places_.emplace(path[i], *place);
      const KeptEvent* const event = RecordStore::at<KeptEvent>(record_, added.event);
      events_.emplace(position(path[i]), std::pair(event, std::uint64_t{0}));
    }
    return true;
  }
  // Gives the events, in their order; those of one arrival are one.
  template <typename Push>
  void number_events(Push&& push) {
    for (auto& [position, event] : events_) event.second = push(*event.first);
  }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [offset, place] : places_) visit(offset, place);
  }
  const Node& node(Offset offset) const { return *RecordStore::at<Node>(record_, offset); }
  std::uint32_t place(Offset offset) const { return places_.at(offset); }
  std::uint64_t number(Offset offset) const { return events_.at(position(offset)).second; }

 private:
  using Position = std::pair<std::int64_t, ArrivalNumber>;
  Position position(Offset offset) const {
    const auto* const event = RecordStore::at<KeptEvent>(record_, node(offset).event);
    return {event->engine_time_us, event->arrival()};
  }

  const PathsProgram& paths_;
  const std::byte* record_;
  std::map<Offset, std::uint32_t> places_;
  std::map<Position, std::pair<const KeptEvent*, std::uint64_t>> events_;
};

namespace {
// An entry as partial matches show it.
struct Seen {
  std::uint64_t least_before = ~std::uint64_t{0};  // the number of the earliest event it follows
  std::uint32_t step = ~std::uint32_t{0};
  std::uint32_t subset = 0;
};
}  // namespace

// What waits now for a place waited for it at every event that came since: so the first entry that
// an entry may follow is the earliest that it, or a later one, is seen to follow, or that still
// waits. Pruned partial matches are missing, which changes no alert (cep/places/busy_key.cpp).
bool PathsKey::fill(const PatternState& from) {
  const PathsProgram& paths = places_of(rule_);
  RunNodes nodes(paths, from);
  for (const PatternRun& run : from.runs) {
    if (!nodes.add(run.node)) return false;
  }
  nodes.number_events([&](const KeptEvent& event) { return push_event(event); });
  std::vector<std::map<std::uint64_t, Seen>> seen(paths.places.size());
  nodes.for_each([&](Offset offset, std::uint32_t place) {
    const Node& node = nodes.node(offset);
    Seen& entry = seen[place][nodes.number(offset)];
    if (node.step < entry.step) {
      entry.step = node.step;
      entry.subset = static_cast<std::uint32_t>(node.subset());
    }
    if (node.parent != 0) {
      entry.least_before = std::min(entry.least_before, nodes.number(node.parent));
    }
  });
  std::vector<std::uint64_t> first_waiting(paths.places.size(), ~std::uint64_t{0});
  for (const PatternRun& run : from.runs) {
    const auto behind = paths.place_behind(nodes.place(run.node), run.transition);
    if (!behind) return false;
    first_waiting[*behind] = std::min(first_waiting[*behind], nodes.number(run.node));
  }
  std::set<std::uint64_t> starts;
  for (std::uint32_t place = 0; place < paths.places.size(); ++place) {
    const bool is_behind = has_parent(rule_, place);
    const auto entry_from = [&](std::uint64_t event) {
      const auto& before = seen[paths.places[place].parent];
      return static_cast<std::uint64_t>(std::distance(before.begin(), before.lower_bound(event)));
    };
    std::uint64_t low = first_waiting[place];
    std::vector<PathEntry> entries;
    for (auto at = seen[place].rbegin(); at != seen[place].rend(); ++at) {
      PathEntry entry;
      entry.event = at->first;
      entry.step = at->second.step;
      entry.subset = at->second.subset;
      low = std::min(low, at->second.least_before);
      if (is_behind) entry.low = entry_from(low);
      entries.push_back(entry);
    }
    PathRing& to = state_.places[place];
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) to.ring.push(*entry);
    if (is_behind) to.low = entry_from(first_waiting[place]);
    for (const auto& [event, entry] : seen[place]) {
      if (!is_behind) starts.insert(event);
    }
  }
  for (const std::uint64_t start : starts) state_.starts.push(start);
  return finish();
}

// ---- what follows from the rest

// Once the log, the starts, and each place's entries with their events and lows are there. False
// where they do not go together.
bool PathsKey::finish() {
  for (std::uint32_t place = 0; place < state_.places.size(); ++place) {
    if (!finish_place(place)) return false;
  }
  return !state_.is_empty();
}

bool PathsKey::finish_place(std::uint32_t place) {
  Ring<PathEntry>& ring = state_.places[place].ring;
  const std::uint32_t parent = places_of(rule_).places[place].parent;
  for (std::uint64_t i = ring.begin(); i < ring.end(); ++i) {
    PathEntry& entry = ring[i];
    if (i > ring.begin() && entry.event <= ring[i - 1].event) return false;
    if (i > ring.begin() && entry.low < ring[i - 1].low) return false;
    if (parent == PathPlace::kNone) {
      entry.latest = entry.event;
      continue;
    }
    const Ring<PathEntry>& before = state_.places[parent].ring;
    entry.high = before.first([&](const PathEntry& other) { return other.event >= entry.event; });
    if (entry.low >= entry.high) return false;
    entry.latest = before[entry.high - 1].latest;
  }
  state_.entry_count += ring.size();
  return true;
}

// ---- for budgets

void PathsKey::live_runs(std::int64_t now_us, std::vector<LiveRun>& runs) const {
  const std::uint64_t first = state_.log.begin();
  std::vector<std::uint64_t> bytes(state_.log.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = state_.sizes[state_.sizes.begin() + i];
  for (const PathRing& place : state_.places) {
    for (std::uint64_t i = place.ring.begin(); i < place.ring.end(); ++i) {
      bytes[place.ring[i].event - first] += kPlaceBytes;
    }
  }
  const Ring<std::uint64_t>& starts = state_.starts;
  for (std::uint64_t i = starts.begin(); i < starts.end(); ++i) {
    const KeptEvent& event = state_.log[starts[i]];
    if (rule_.within && event.engine_time_us + rule_.within->us <= now_us) continue;
    LiveRun run{event.engine_time_us, event.arrival(), 0};
    const std::uint64_t end = i + 1 < starts.end() ? starts[i + 1] : state_.log.end();
    for (std::uint64_t e = starts[i]; e < end; ++e) run.bytes += bytes[e - first];
    runs.push_back(run);
  }
}

std::uint64_t PathsKey::budget_bytes() const {
  return state_.event_bytes + state_.entry_count * kPlaceBytes;
}

// ---- bytes

void write_paths(const RuleProgram& rule, const PathsState& state, EventWriter& events,
                 ByteWriter& to) {
  const PathsProgram& paths = places_of(rule);
  const std::uint64_t first = state.log.begin();
  to.varint(state.log.size());
  for (std::uint64_t i = first; i < state.log.end(); ++i) {
    to.varint(events.number_of(state.log[i]));
  }
  to.varint(state.starts.size());
  for (std::uint64_t i = state.starts.begin(); i < state.starts.end(); ++i) {
    to.varint(state.starts[i] - first);
  }
  for (std::uint32_t place = 0; place < paths.places.size(); ++place) {
    const PathPlace& of = paths.places[place];
    const PathRing& own = state.places[place];
    const bool is_behind = has_parent(rule, place);
    const std::uint64_t before = is_behind ? state.places[of.parent].ring.begin() : 0;
    const auto low_of = [&](std::uint64_t low) { return low > before ? low - before : 0; };
    if (of.goes_on) to.varint(own.ring.size());
    for (std::uint64_t i = own.ring.begin(); i < own.ring.end(); ++i) {
      const PathEntry& entry = own.ring[i];
      to.varint(entry.event - first);
      to.varint(
          static_cast<std::uint64_t>(std::ranges::find(of.steps, entry.step) - of.steps.begin()));
      to.varint(entry.subset);
      if (is_behind) to.varint(low_of(entry.low));
    }
    if (is_behind) to.varint(low_of(own.low));
  }
}

bool PathsKey::read(ByteReader& from, const EventReader& events) {
  const std::uint64_t count = from.varint();
  for (std::uint64_t i = 0; i < count; ++i) {
    const KeptEvent* const event = events.next(from);
    if (event == nullptr) return false;
    push_event(*event);
  }
  const std::uint64_t starts = from.varint();
  for (std::uint64_t i = 0; i < starts; ++i) {
    const std::uint64_t start = from.varint();
    if (!from.ok() || start >= state_.log.end()) return false;
    if (i > 0 && start <= state_.starts.back()) return false;
    state_.starts.push(start);
  }
  for (std::uint32_t place = 0; place < state_.places.size(); ++place) {
    if (!read_place(place, from)) return false;
  }
  return from.ok() && finish();
}

bool PathsKey::read_place(std::uint32_t place, ByteReader& from) {
  const PathPlace& of = places_of(rule_).places[place];
  PathRing& to = state_.places[place];
  const bool is_behind = has_parent(rule_, place);
  const std::uint64_t before = is_behind ? state_.places[of.parent].ring.size() : 0;
  const std::uint64_t entries = of.goes_on ? from.varint() : 0;
  for (std::uint64_t i = 0; i < entries; ++i) {
    PathEntry entry;
    entry.event = from.varint();
    entry.step = of.steps[from.varint_up_to(of.steps.size() - 1)];
    entry.subset = static_cast<std::uint32_t>(from.varint_up_to(kKindsMax - 1));
    if (is_behind) entry.low = from.varint_up_to(before);
    if (!from.ok() || entry.event >= state_.log.end()) return false;
    const std::vector<Subset>& subsets = rule_.pattern->steps[entry.step].element->events();
    if (entry.subset >= subsets.size() ||
        subsets[entry.subset].type.value != state_.log[entry.event].type) {
      return false;
    }
    const Ring<std::uint64_t>& starts = state_.starts;
    const std::uint64_t start =
        starts.first([&](std::uint64_t event) { return event >= entry.event; });
    if (!is_behind && (start == starts.end() || starts[start] != entry.event)) return false;
    to.ring.push(entry);
  }
  if (is_behind) to.low = from.varint_up_to(before);
  return from.ok();
}
}  // namespace tocsin::cep
