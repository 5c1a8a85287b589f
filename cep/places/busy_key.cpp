#include "cep/places/busy_key.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "cep/alert/alert_builder.h"
#include "cep/eval/loop_totals.h"
#include "cep/places/places_part.h"
#include "cep/places/reached_loop.h"
#include "cep/places/two_loops.h"
#include "cep/plan/expr.h"
#include "cep/plan/rule.h"
#include "cep/value/key.h"

namespace tocsin::cep {
namespace {
// A sum of so many of these as a key may hold does not overflow.
constexpr Int128 kSummedMost = static_cast<Int128>(1) << 100;
bool is_odd(Int128 number) { return number > kSummedMost || number < -kSummedMost; }
// As key bytes; absent for what is missing.
std::optional<std::string> bytes_of(const Value& value) {
  if (value.is_missing()) return std::nullopt;
  std::string bytes;
  append_key_part(bytes, value);
  return bytes;
}
// The value that the event adds to a `distinct`; absent where it adds none.
std::optional<std::string> distinct_value(const Expr& aggregate, const EventView& event,
                                          const EvalScope& scope) {
  const Expr* const condition = aggregate.args.size() > 1 ? aggregate.args[1].get() : nullptr;
  if (condition != nullptr && !evaluate(*condition, event, scope).is_true()) return std::nullopt;
  return bytes_of(evaluate(*aggregate.args[0], event, scope));
}
bool is_late(const KeptEvent& event) { return event.ts() < event.engine_time(); }
}  // namespace

Value value_at_step(const Expr& expr, std::uint32_t step, const EventView& event, EvalScope scope) {
  scope.head = 0;
  // So that a field of the step's event is read from this one.
  scope.taken_step = static_cast<int>(step);
  return evaluate(expr, event, scope);
}

std::optional<std::string> part_value(const Expr& own, const EventView& event, EvalScope scope) {
  return bytes_of(value_at_step(own, 0, event, scope));
}

std::unique_ptr<PlacesState> BusyKey::make(const RuleProgram& rule) {
  auto state = std::make_unique<PlacesState>();
  state->whole = make_part(rule);
  return state;
}

std::uint64_t BusyKey::push_event(const KeptEvent& event) {
  const std::uint64_t size =
      cep::budget_bytes(*program_.plan, *rule_.rule, table_.layouts[event.type], event);
  return state_.push_event(event, static_cast<std::uint32_t>(size));
}

void BusyKey::add_to_series(PlacesPart& part, std::uint32_t loop, const EventView& event,
                            EvalScope scope) {
  scope.values_missing = nullptr;  // they are counted where an alert asks
  for (std::size_t i = 0; i < part.loops[loop].series.size(); ++i) {
    LoopSeries& series = part.loops[loop].series[i];
    if (series.distinct != nullptr) {
      series.distinct->push(distinct_value(*rule_.places->totals[loop][i], event, scope));
      continue;
    }
    LoopTotal one;
    add_to_total(*rule_.places->totals[loop][i], event, scope, one);
    LoopSum sum = series.sums.empty() ? series.base : series.sums.back();
    sum.count += static_cast<std::uint64_t>(one.count);
    sum.odd += one.lost != 0 || is_odd(one.number()) ? 1 : 0;
    sum.sum += static_cast<unsigned __int128>(one.number());
    series.sums.push(sum);
    if (series.numbers != nullptr) {
      series.numbers->push(one.count > 0 ? std::optional(one.number()) : std::nullopt);
    }
    if (series.ranges != nullptr) {
      // What is too large for a sum is as large as can be summed.
      const Int128 number = std::clamp(one.number(), -kSummedMost, kSummedMost);
      series.ranges->push(rule_.places->sum->is_more() ? number : -number);
    }
  }
}

// ---- from partial matches

// The nodes of partial matches by what they are to places.
class BusyKey::RunNodes {
 public:
  RunNodes(const RuleProgram& rule, const std::byte* record) : rule_(rule), record_(record) {}

  const Node& at(Offset node) const { return *RecordStore::at<Node>(record_, node); }
  const KeptEvent& event(Offset node) const {
    return *RecordStore::at<KeptEvent>(record_, at(node).event);
  }
  // Where the node stands among the events; those of one arrival are one.
  std::uint64_t number(Offset node) const { return numbers_.at(position(node)); }
  std::uint32_t place(Offset node) const { return rule_.places->first_place[at(node).step]; }
  std::optional<std::uint32_t> loop(Offset node) const {
    return rule_.places->loop_of(at(node).step);
  }
  bool is_of_loop(Offset node) const { return loop(node).has_value(); }
  bool begins_loop(Offset node) const {
    return is_of_loop(node) && (at(node).parent == 0 || at(at(node).parent).step != at(node).step);
  }
  Offset loop_begin(Offset node) const {
    while (!begins_loop(node)) node = at(node).parent;
    return node;
  }
  Offset first(Offset node) const {
    while (at(node).parent != 0) node = at(node).parent;
    return node;
  }
  // Adds the nodes up to `last` to those of its group.
  void add(Offset last, std::set<Offset>& group) {
    for (Offset node = last; node != 0 && group.insert(node).second; node = at(node).parent) {
      numbers_.emplace(position(node), 0);
      events_.emplace(position(node), &event(node));
    }
  }
  // Gives the events, in their order.
  template <typename Push>
  void number_events(Push&& push) {
    for (auto& [position, number] : numbers_) number = push(*events_.at(position));
  }

 private:
  using Position = std::pair<std::int64_t, ArrivalNumber>;
  Position position(Offset node) const {
    return {event(node).engine_time_us, event(node).arrival()};
  }

  const RuleProgram& rule_;
  const std::byte* record_;
  std::map<Position, std::uint64_t> numbers_;
  std::map<Position, const KeptEvent*> events_;
};

// Partial matches that become one part.
struct BusyKey::RunGroup {
  std::vector<Run> runs;
  std::set<Offset> nodes;
};

namespace {
// An entry as partial matches show it.
struct Seen {
  std::uint64_t least_before = ~std::uint64_t{0};  // the number of the earliest event it follows
  std::uint32_t subset = 0;
};
}  // namespace

bool BusyKey::fill(const std::byte* record, const Run* runs, std::uint32_t count) {
  return fill(record, {runs, count}, Pruned::kNone);
}

bool BusyKey::fill(const std::byte* record, std::span<const Run> runs, Pruned pruned) {
  RunNodes nodes(rule_, record);
  std::map<std::string, RunGroup> groups;  // by the value that they have in common
  for (const Run& run : runs) {
    std::string value;
    if (rule_.places->value) {
      const EventView first{nullptr, &nodes.event(nodes.first(run.node))};
      std::optional<std::string> of_first =
          part_value(*rule_.places->value->of_steps[0], first, scope());
      if (!of_first) continue;  // no event will ever be equal to it
      value = std::move(*of_first);
    }
    RunGroup& group = groups[value];
    group.runs.push_back(run);
    nodes.add(run.node, group.nodes);
  }
  nodes.number_events([&](const KeptEvent& event) { return push_event(event); });
  for (const auto& [value, group] : groups) {
    PlacesPart& part = rule_.places->value ? part_with(state_, rule_, value) : state_.whole;
    fill_part(nodes, group, part);
    if (!knows_loops(nodes, group, pruned, part)) return false;
  }
  return finish();
}

// A partial match of the general matcher collects or waits for the next step, by its transition.
bool BusyKey::fill(const PatternState& from, const PatternProgram& pattern) {
  const auto* const record = reinterpret_cast<const std::byte*>(from.words.data());
  std::vector<Run> runs;
  for (const PatternRun& of : from.runs) {
    const PatternTransition& transition = pattern.transitions[of.transition];
    if (transition.target >= PatternTransition::kFan) return false;
    const Node* at = RecordStore::at<Node>(record, of.node);
    const std::uint32_t step = at->step;
    std::uint32_t count = 1;
    while (at->parent != 0) {
      at = RecordStore::at<Node>(record, at->parent);
      if (at->step != step) break;
      ++count;
    }
    Run run;
    run.node = of.node;
    run.packed = Run::pack(std::min(count, kUnbounded), step,
                           transition.further ? Run::kCollects : Run::kWaits);
    runs.push_back(run);
  }
  return fill(record, runs, Pruned::kSome);
}

// Fills an empty part with what partial matches hold.
void BusyKey::fill_part(const RunNodes& nodes, const RunGroup& group, PlacesPart& part) const {
  const PlacesProgram& places = *rule_.places;
  std::vector<std::map<std::uint64_t, Seen>> seen(places.place_count);
  std::vector<std::map<std::uint64_t, std::uint32_t>> taken(places.loops.size());  // subsets
  // What stands behind a place; a loop's last events follow its first ones by counting, or where
  // `until` may end it those that it is seen to follow.
  const auto see = [&](std::uint32_t place, Offset node, Offset before) {
    Seen& entry = seen[place][nodes.number(node)];
    entry.subset = static_cast<std::uint32_t>(nodes.at(node).subset());
    if (before != 0) entry.least_before = std::min(entry.least_before, nodes.number(before));
  };
  const auto see_last = [&](Offset node) {
    const bool has_until = rule_.steps[nodes.at(node).step].has_until;
    see(nodes.place(node) + 1, node, has_until ? nodes.loop_begin(node) : 0);
  };
  for (const Offset node : group.nodes) {
    const Offset parent = nodes.at(node).parent;
    const bool is_of_loop = nodes.is_of_loop(node);
    if (is_of_loop) {
      taken[*nodes.loop(node)][nodes.number(node)] =
          static_cast<std::uint32_t>(nodes.at(node).subset());
    }
    if (!is_of_loop || nodes.begins_loop(node)) {
      see(nodes.place(node), node, parent);
      if (parent != 0 && nodes.is_of_loop(parent)) see_last(parent);
    }
  }
  // What waits for the next step, or collects, is what stands there from the first that does.
  std::vector<std::uint64_t> first_waiting(places.place_count, ~std::uint64_t{0});
  for (const Run& run : group.runs) {
    if (rule_.steps[run.step()].has_until && (run.flags() & Run::kCollects) != 0) {
      std::uint64_t& first = first_waiting[nodes.place(run.node)];
      first = std::min(first, nodes.number(nodes.loop_begin(run.node)));
    }
    if ((run.flags() & Run::kWaits) == 0) continue;
    const std::uint32_t place = nodes.place(run.node) + (nodes.is_of_loop(run.node) ? 1 : 0);
    if (nodes.is_of_loop(run.node)) see_last(run.node);
    first_waiting[place] = std::min(first_waiting[place], nodes.number(run.node));
  }
  for (std::size_t loop = 0; loop < taken.size(); ++loop) {
    for (const auto& [event, subset] : taken[loop]) {
      part.loops[loop].push(event, subset, is_late(state_.log[event]));
    }
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
      part.places[place].ring.push(*entry);
    }
    if (place > 0) part.places[place].low = place_of(place - 1, first_waiting[place - 1]);
  }
}

// Whether partial matches say of each first event of a loop whether the loop goes on from there; of
// the part all but that is filled.
bool BusyKey::knows_loops(const RunNodes& nodes, const RunGroup& group, Pruned pruned,
                          PlacesPart& part) const {
  const PlacesProgram& places = *rule_.places;
  for (std::uint32_t loop = 0; loop < places.loops.size(); ++loop) {
    const StepProgram& step = rule_.steps[places.loops[loop]];
    const std::uint32_t place = places.first_place[places.loops[loop]];
    if (!step.has_until) part.places[place + 1].low = 0;
    std::set<std::uint64_t> collecting;  // numbers of the first events of loops that go on
    for (const Run& run : group.runs) {
      if (nodes.loop(run.node) != loop || (run.flags() & Run::kCollects) == 0) continue;
      const std::uint64_t first = nodes.number(nodes.loop_begin(run.node));
      const std::uint64_t taken =
          places.reach ? reached_from(first) : taken_since(part, loop, first);
      if (taken != run.count()) return false;
      collecting.insert(first);
    }
    // Of several loops, and in the general matcher, one that goes on may have been pruned: another
    // is selected before it.
    const bool are_all_there = places.loops.size() == 1 && pruned == Pruned::kNone;
    const Ring<PlaceEntry>& firsts = part.places[place].ring;
    for (std::uint64_t i = firsts.begin(); i < firsts.end() && !step.has_until; ++i) {
      const bool goes_on =
          step.max == kUnbounded || taken_since(part, loop, firsts[i].event) < step.max;
      if (collecting.contains(firsts[i].event) ? !goes_on : goes_on && are_all_there) return false;
    }
  }
  return true;
}

// How many events the loop took from this one on.
std::uint64_t BusyKey::taken_since(const PlacesPart& part, std::uint32_t loop,
                                   std::uint64_t event) {
  const Ring<LoopEvent>& taken = part.loops[loop].taken;
  return taken.end() - taken.first([&](const LoopEvent& one) { return one.event >= event; });
}

// The same of a loop that reaches for a time.
std::uint64_t BusyKey::reached_from(std::uint64_t event) const {
  const Ring<LoopEvent>& taken = state_.whole.loops.front().taken;
  PlaceEntry first;
  first.event = event;
  first.taken = taken.first([&](const LoopEvent& one) { return one.event >= event; });
  return ReachedLoop(rule_, state_).count_from(first);
}

EvalScope BusyKey::scope() const {
  EvalScope scope{program_};
  scope.table = &table_;
  scope.rule = &rule_;
  return scope;
}

// ---- for alerts, budgets and people

Offset BusyKey::write_nodes(const PlacesPart& of, const PlacesMatch& match,
                            std::vector<std::uint64_t>& words) const {
  const bool ends_with_loop = rule_.places->loop_of(rule_.steps.size() - 1).has_value();
  // The current event is not among those that have a node.
  std::uint64_t count = ends_with_loop ? 0 : 1;
  for (const PlacesMatch::Part& part : match.parts) count += part.count();
  const ShownEvents shown(count, program_.limits.events_per_alert_max);
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
    node.set_length(static_cast<std::uint32_t>(i + 1));
    node.step = static_cast<std::uint16_t>(step);
    node.subset_and_values = static_cast<std::uint16_t>(subset);
    last = static_cast<Offset>(at + event.words);
    std::memcpy(&words[last], &node, sizeof(node));
  };
  std::uint64_t begin = 0;  // of the part
  for (const PlacesMatch::Part& part : match.parts) {
    if (!part.loop) write(begin, part.number, part.step, part.subset);
    const std::uint64_t end = begin + part.count();
    const std::uint64_t kept_end = std::min(end, count - 1);
    for (std::uint64_t i = begin; part.loop && i < kept_end;) {
      if (!shown.contains(i) && i != begin && i + 1 != kept_end) {
        i = std::min(kept_end - 1, shown.next(i));
        continue;
      }
      const LoopEvent& event = of.loops[*part.loop].taken[part.event(i - begin)];
      write(i++, event.event, part.step, event.subset);
    }
    begin = end;
  }
  return last;
}

void BusyKey::live_runs(std::int64_t now_us, std::vector<LiveRun>& runs) const {
  std::vector<std::uint64_t> bytes(state_.log.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = state_.sizes[state_.log.begin() + i];
  const auto add_entries = [&](const PlacesPart& part) {
    for (const PatternPlace& place : part.places) {
      for (std::uint64_t i = place.ring.begin(); i < place.ring.end(); ++i) {
        bytes[place.ring[i].event - state_.log.begin()] += kPlaceBytes;
      }
    }
  };
  add_entries(state_.whole);
  for (const auto& [value, part] : state_.by_value) add_entries(part);
  std::vector<std::uint64_t> starts;
  state_.for_each_start([&](const PlacesPart& part, std::uint64_t entry) {
    starts.push_back(part.places.front().ring[entry].event);
  });
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const KeptEvent& event = state_.log[starts[i]];
    if (rule_.within && event.engine_time_us + rule_.within->us <= now_us) continue;
    LiveRun run{event.engine_time_us, event.arrival(), 0};
    const std::uint64_t end = i + 1 < starts.size() ? starts[i + 1] : state_.log.end();
    for (std::uint64_t e = starts[i]; e < end; ++e) run.bytes += bytes[e - state_.log.begin()];
    runs.push_back(run);
  }
}

std::uint64_t BusyKey::budget_bytes() const {
  return state_.event_bytes + state_.entry_count * kPlaceBytes;
}

void BusyLoop::for_each(std::uint32_t step,
                        const std::function<bool(const KeptEvent&)>& visit) const {
  const PlacesMatch::Part* const part = match_.of_step(step);
  if (part == nullptr) return;
  const Ring<LoopEvent>& taken = part_.loops[*part->loop].taken;
  for (std::uint64_t i = 0; i < kept_count(*part); ++i) {
    if (!visit(state_.log[taken[part->event(i)].event])) return;
  }
}

std::optional<Value> BusyLoop::total(std::uint32_t step, const Expr& aggregate) const {
  const PlacesMatch::Part* const part = match_.of_step(step);
  if (part == nullptr || !part->picked.empty()) return std::nullopt;
  const std::optional<std::uint32_t> kept = rule_.places->total_of(*part->loop, &aggregate);
  if (!kept) return std::nullopt;
  const LoopSeries& series = part_.loops[*part->loop].series[*kept];
  if (series.distinct != nullptr) {
    return Value::integer(static_cast<Int128>(series.distinct->between(part->begin, part->end)));
  }
  const LoopSum& last = series.sums[part->end - 1];
  const LoopSum& before =
      part->begin == series.sums.begin() ? series.base : series.sums[part->begin - 1];
  if (last.odd != before.odd) return std::nullopt;
  LoopTotal total;
  total.count = static_cast<std::int64_t>(last.count - before.count);
  total.put(static_cast<Int128>(last.sum - before.sum));
  if (series.numbers != nullptr && total.count > 0) {
    total.put(*series.numbers->of(part->begin, part->end));
  }
  return value_of(aggregate, total);
}

std::uint64_t BusyLoop::lateness_us() const {
  std::uint64_t latest = 0;
  for (const PlacesMatch::Part& part : match_.parts) {
    if (!part.loop || kept_count(part) == 0) continue;
    const LoopRecord& loop = part_.loops[*part.loop];
    const std::uint64_t before =
        part.begin == loop.taken.begin() ? loop.late_base : loop.taken[part.begin - 1].late;
    if (loop.taken[part.event(kept_count(part) - 1)].late == before) continue;
    for_each(part.step, [&](const KeptEvent& event) {
      latest = std::max(latest, cep::lateness_us(EventView{nullptr, &event}));
      return true;
    });
  }
  return latest;
}
}  // namespace tocsin::cep
