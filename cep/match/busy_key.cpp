#include "cep/match/busy_key.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "cep/match/alert_builder.h"
#include "cep/match/loop_totals.h"
#include "cep/plan/expr.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// A sum of so many of these as a key may hold does not overflow.
constexpr int kSumBits = 100;
bool is_odd(Int128 number) {
  const Int128 most = static_cast<Int128>(1) << kSumBits;
  return number > most || number < -most;
}
bool keeps_numbers(const Expr& aggregate) {
  const Aggregate kind = aggregate.as_validated<VariableAggregate>().aggregate;
  return kind == Aggregate::kMin || kind == Aggregate::kMax;
}
void put(LoopTotal& total, Int128 number) {
  total.low = static_cast<std::uint64_t>(number);
  total.high = static_cast<std::uint64_t>(static_cast<unsigned __int128>(number) >> 64);
}
bool is_late(const KeptEvent& event) { return event.ts() < event.engine_time(); }
}  // namespace

std::unique_ptr<PlacesState> BusyKey::make(const RuleProgram& rule) {
  auto state = std::make_unique<PlacesState>();
  state->places.resize(rule.places->place_count);
  state->series.resize(rule.places->totals.size());
  for (std::size_t i = 0; i < state->series.size(); ++i) {
    const Expr& aggregate = *rule.places->totals[i];
    if (!keeps_numbers(aggregate)) continue;
    const bool greatest = aggregate.as_validated<VariableAggregate>().aggregate == Aggregate::kMax;
    state->series[i].numbers = std::make_unique<RangeLeast>(greatest);
  }
  return state;
}

std::uint64_t BusyKey::push_event(const KeptEvent& event) {
  const std::uint64_t size =
      cep::budget_bytes(*program_.plan, *rule_.rule, table_.layouts[event.type], event);
  return state_.push_event(event, static_cast<std::uint32_t>(size));
}

void BusyKey::add_to_series(const EventView& event, EvalScope scope) {
  scope.values_missing = nullptr;  // they are counted where an alert asks
  for (std::size_t i = 0; i < state_.series.size(); ++i) {
    LoopSeries& series = state_.series[i];
    LoopTotal one;
    add_to_total(*rule_.places->totals[i], event, scope, one);
    LoopSum sum = series.sums.empty() ? series.base : series.sums.back();
    sum.count += static_cast<std::uint64_t>(one.count);
    sum.odd += one.lost != 0 || is_odd(one.number()) ? 1 : 0;
    sum.sum += static_cast<unsigned __int128>(one.number());
    series.sums.push(sum);
    if (series.numbers != nullptr) {
      series.numbers->push(one.count > 0 ? std::optional(one.number()) : std::nullopt);
    }
  }
}

// ---- from partial matches

namespace {
// The nodes of partial matches by what they are to places.
class RunNodes {
 public:
  RunNodes(const RuleProgram& rule, const std::byte* record) : rule_(rule), record_(record) {}

  const Node& at(Offset node) const { return *RecordStore::at<Node>(record_, node); }
  const KeptEvent& event(Offset node) const {
    return *RecordStore::at<KeptEvent>(record_, at(node).event);
  }
  // Where the node stands among the events; those of one arrival are one.
  std::uint64_t number(Offset node) const { return numbers_.at(position(node)); }
  std::uint32_t place(Offset node) const { return rule_.places->first_place[at(node).step]; }
  bool is_of_loop(Offset node) const { return rule_.places->loop == at(node).step; }
  bool begins_loop(Offset node) const {
    return is_of_loop(node) && (at(node).parent == 0 || !is_of_loop(at(node).parent));
  }
  Offset loop_begin(Offset node) const {
    while (!begins_loop(node)) node = at(node).parent;
    return node;
  }
  void add(Offset last) {
    for (Offset node = last; node != 0 && nodes_.insert(node).second; node = at(node).parent) {
      numbers_.emplace(position(node), 0);
      events_.emplace(position(node), &event(node));
    }
  }
  // Gives the events, in their order.
  template <typename Push>
  void number_events(Push&& push) {
    for (auto& [position, number] : numbers_) number = push(*events_.at(position));
  }
  const std::set<Offset>& nodes() const { return nodes_; }

 private:
  using Position = std::pair<std::int64_t, ArrivalNumber>;
  Position position(Offset node) const {
    return {event(node).engine_time_us, event(node).arrival()};
  }

  const RuleProgram& rule_;
  const std::byte* record_;
  std::set<Offset> nodes_;
  std::map<Position, std::uint64_t> numbers_;
  std::map<Position, const KeptEvent*> events_;
};

// An entry as partial matches show it.
struct Seen {
  std::uint64_t least_before = ~std::uint64_t{0};  // the number of the earliest event it follows
  std::uint32_t subset = 0;
};
}  // namespace

bool BusyKey::fill(const std::byte* record, const Run* runs, std::uint32_t count) {
  const PlacesProgram& places = *rule_.places;
  RunNodes nodes(rule_, record);
  for (std::uint32_t i = 0; i < count; ++i) nodes.add(runs[i].node);
  nodes.number_events([&](const KeptEvent& event) { return push_event(event); });
  std::vector<std::map<std::uint64_t, Seen>> seen(places.place_count);
  std::map<std::uint64_t, std::uint32_t> taken;  // by event: its subset
  // What stands behind a place; a loop's last events follow its first ones by counting.
  const auto see = [&](std::uint32_t place, Offset node, Offset before) {
    Seen& entry = seen[place][nodes.number(node)];
    entry.subset = static_cast<std::uint32_t>(nodes.at(node).subset());
    if (before != 0) entry.least_before = std::min(entry.least_before, nodes.number(before));
  };
  for (const Offset node : nodes.nodes()) {
    const Offset parent = nodes.at(node).parent;
    const bool is_of_loop = nodes.is_of_loop(node);
    if (is_of_loop) taken[nodes.number(node)] = static_cast<std::uint32_t>(nodes.at(node).subset());
    if (!is_of_loop || nodes.begins_loop(node)) {
      see(nodes.place(node), node, parent);
      if (parent != 0 && nodes.is_of_loop(parent)) see(nodes.place(parent) + 1, parent, 0);
    }
  }
  // What waits for the next step is what stands there from the first that does.
  std::vector<std::uint64_t> first_waiting(places.place_count, ~std::uint64_t{0});
  for (std::uint32_t i = 0; i < count; ++i) {
    const Run& run = runs[i];
    if ((run.flags() & Run::kWaits) == 0) continue;
    const std::uint32_t place = nodes.place(run.node) + (nodes.is_of_loop(run.node) ? 1 : 0);
    if (nodes.is_of_loop(run.node)) see(place, run.node, 0);
    first_waiting[place] = std::min(first_waiting[place], nodes.number(run.node));
  }
  for (const auto& [event, subset] : taken) {
    state_.push_taken(event, subset, is_late(state_.log[event]));
  }
  const auto place_of = [&](std::uint32_t place, std::uint64_t event) {
    return static_cast<std::uint64_t>(
        std::distance(seen[place].begin(), seen[place].lower_bound(event)));
  };
  for (std::uint32_t place = 0; place < places.place_count; ++place) {
    // What waits now waited then; so lows ascend, also up to those of entries to come.
    std::uint64_t low = place > 0 ? first_waiting[place - 1] : 0;
    std::vector<PlaceEntry> entries;
    for (auto at = seen[place].rbegin(); at != seen[place].rend(); ++at) {
      PlaceEntry entry;
      entry.event = at->first;
      entry.subset = at->second.subset;
      if (place > 0) low = std::min(low, at->second.least_before);
      if (place > 0) entry.low = place_of(place - 1, low);
      entries.push_back(entry);
    }
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
      state_.places[place].ring.push(*entry);
    }
    if (place > 0) state_.places[place].low = place_of(place - 1, first_waiting[place - 1]);
  }
  if (places.loop) {
    state_.places[places.first_place[*places.loop] + 1].low = 0;
    std::set<std::uint64_t> collecting;  // numbers of the first events of loops that go on
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!nodes.is_of_loop(runs[i].node) || (runs[i].flags() & Run::kCollects) == 0) continue;
      const std::uint64_t first = nodes.number(nodes.loop_begin(runs[i].node));
      if (taken_since(first) != runs[i].count()) return false;
      collecting.insert(first);
    }
    const std::uint64_t most = rule_.steps[*places.loop].max;
    for (const auto& [first, entry] : seen[places.first_place[*places.loop]]) {
      const bool goes_on = most == kUnbounded || taken_since(first) < most;
      if (goes_on != collecting.contains(first)) return false;
    }
  }
  return finish();
}

// How many events the loop took from this one on.
std::uint64_t BusyKey::taken_since(std::uint64_t event) const {
  return state_.taken.end() -
         state_.taken.first([&](const TakenEvent& taken) { return taken.event >= event; });
}

bool BusyKey::finish_entry(std::uint32_t place, PlaceEntry& entry) const {
  const PlacesProgram& places = *rule_.places;
  const bool is_of_loop = places.loop && (place == places.first_place[*places.loop] ||
                                          place == places.first_place[*places.loop] + 1);
  if (is_of_loop) {
    entry.taken =
        state_.taken.first([&](const TakenEvent& taken) { return taken.event >= entry.event; });
    if (entry.taken == state_.taken.end() || state_.taken[entry.taken].event != entry.event) {
      return false;
    }
  }
  if (place == 0) {
    entry.latest = entry.event;
    return true;
  }
  const Ring<PlaceEntry>& before = state_.places[place - 1].ring;
  if (is_of_loop && place == places.first_place[*places.loop] + 1) {
    const StepProgram& loop = rule_.steps[*places.loop];
    entry.low = before.first([&](const PlaceEntry& first) {
      return loop.max == kUnbounded || first.taken + loop.max > entry.taken;
    });
    entry.high = before.first(
        [&](const PlaceEntry& first) { return first.taken + loop.min > entry.taken + 1; });
  } else {
    entry.high = before.first([&](const PlaceEntry& other) { return other.event >= entry.event; });
  }
  if (entry.low >= entry.high) return false;
  entry.latest = before[entry.high - 1].latest;
  return true;
}

bool BusyKey::finish() {
  for (std::uint32_t place = 0; place < state_.places.size(); ++place) {
    Ring<PlaceEntry>& ring = state_.places[place].ring;
    for (std::uint64_t i = ring.begin(); i < ring.end(); ++i) {
      if (!finish_entry(place, ring[i])) return false;
      if (i == ring.begin()) continue;
      if (ring[i].event <= ring[i - 1].event || ring[i].low < ring[i - 1].low) return false;
    }
  }
  EvalScope scope{program_};
  scope.table = &table_;
  scope.rule = &rule_;
  for (std::uint64_t i = state_.taken.begin(); i < state_.taken.end(); ++i) {
    add_to_series(EventView{nullptr, &state_.log[state_.taken[i].event]}, scope);
  }
  return true;
}

// ---- for alerts, budgets and people

Offset BusyKey::write_nodes(const PlacesMatch& match, std::vector<std::uint64_t>& words) const {
  const std::uint64_t loop_count = match.loop_end - match.loop_begin;
  const bool ends_with_loop = rule_.places->loop == rule_.steps.size() - 1;
  // The current event is not among those that have a node.
  const std::uint64_t before = match.before.size();
  const std::uint64_t count =
      before + loop_count + match.behind.size() - (ends_with_loop ? 1U : 0U);
  const std::uint64_t behind = count - match.behind.size();  // where those begin
  const ShownEvents shown(count + 1, program_.limits.events_per_alert_max);
  words.assign(1, 0);
  Offset last = 0;
  const auto write = [&](std::uint64_t i, std::uint64_t number, std::uint32_t step,
                         std::uint32_t subset) {
    const KeptEvent& event = state_.log[number];
    const std::size_t at = words.size();
    words.resize(at + event.words + kNodeWords);
    std::memcpy(&words[at], &event, std::size_t{event.words} * 8);
    Node node;
    node.parent = last;
    node.event = static_cast<Offset>(at);
    node.length = static_cast<std::uint32_t>(i + 1);
    node.step = static_cast<std::uint16_t>(step);
    node.subset_and_values = static_cast<std::uint16_t>(subset);
    last = static_cast<Offset>(at + event.words);
    std::memcpy(&words[last], &node, sizeof(node));
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i < before) {
      write(i, match.before[i].number, static_cast<std::uint32_t>(i), match.before[i].subset);
    } else if (i >= behind) {
      const PlacesMatch::Event& event = match.behind[i - behind];
      write(i, event.number, static_cast<std::uint32_t>(*rule_.places->loop + 1 + i - behind),
            event.subset);
    } else if (shown.contains(i) || i == before || i + 1 == behind) {
      const TakenEvent& event = state_.taken[match.loop_begin + i - before];
      write(i, event.event, *rule_.places->loop, event.subset);
    } else {
      i = std::min(behind - 1, shown.next(i)) - 1;
    }
  }
  return last;
}

void BusyKey::live_runs(std::int64_t now_us, std::vector<LiveRun>& runs) const {
  const Ring<PlaceEntry>& starts = state_.places.front().ring;
  std::vector<std::uint64_t> bytes(state_.log.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = state_.sizes[state_.log.begin() + i];
  for (const PatternPlace& place : state_.places) {
    for (std::uint64_t i = place.ring.begin(); i < place.ring.end(); ++i) {
      bytes[place.ring[i].event - state_.log.begin()] += kPlaceBytes;
    }
  }
  for (std::uint64_t i = starts.begin(); i < starts.end(); ++i) {
    const KeptEvent& event = state_.log[starts[i].event];
    if (event.engine_time_us + rule_.within->us <= now_us) continue;
    LiveRun run{event.engine_time_us, event.arrival(), 0};
    const std::uint64_t end = i + 1 < starts.end() ? starts[i + 1].event : state_.log.end();
    for (std::uint64_t e = starts[i].event; e < end; ++e)
      run.bytes += bytes[e - state_.log.begin()];
    runs.push_back(run);
  }
}

std::uint64_t BusyKey::budget_bytes() const {
  return state_.event_bytes + state_.entries() * kPlaceBytes;
}

BusyLoop::BusyLoop(const RuleProgram& rule, const PlacesState& state, const PlacesMatch& match)
    : rule_(rule),
      state_(state),
      match_(match),
      kept_end_(match.loop_end - (rule.places->loop == rule.steps.size() - 1 ? 1 : 0)) {}

void BusyLoop::for_each(const std::function<bool(const KeptEvent&)>& visit) const {
  for (std::uint64_t i = match_.loop_begin; i < kept_end_; ++i) {
    if (!visit(state_.log[state_.taken[i].event])) return;
  }
}

std::optional<Value> BusyLoop::total(const Expr& aggregate) const {
  const std::optional<std::uint32_t> place = rule_.places->total_of(&aggregate);
  if (!place) return std::nullopt;
  const LoopSeries& series = state_.series[*place];
  const LoopSum& last = series.sums[match_.loop_end - 1];
  const LoopSum& before =
      match_.loop_begin == series.sums.begin() ? series.base : series.sums[match_.loop_begin - 1];
  if (last.odd != before.odd) return std::nullopt;
  LoopTotal total;
  total.count = static_cast<std::int64_t>(last.count - before.count);
  put(total, static_cast<Int128>(last.sum - before.sum));
  if (series.numbers != nullptr && total.count > 0) {
    put(total, *series.numbers->of(match_.loop_begin, match_.loop_end));
  }
  return value_of(aggregate, total);
}

std::uint64_t BusyLoop::lateness_us() const {
  if (kept_end_ == match_.loop_begin) return 0;
  const std::uint64_t before = match_.loop_begin == state_.taken.begin()
                                   ? state_.late_base
                                   : state_.taken[match_.loop_begin - 1].late;
  std::uint64_t latest = 0;
  if (state_.taken[kept_end_ - 1].late == before) return latest;
  for_each([&](const KeptEvent& event) {
    latest = std::max(latest, cep::lateness_us(EventView{nullptr, &event}));
    return true;
  });
  return latest;
}
}  // namespace tocsin::cep
