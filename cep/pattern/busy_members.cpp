#include "cep/pattern/busy_members.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "cep/compile/pattern_program.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// Where an event is in the total order.
using Position = std::pair<std::int64_t, ArrivalNumber>;
Position position_of(const KeptEvent& event) { return {event.engine_time_us, event.arrival()}; }
}  // namespace

std::unique_ptr<MembersState> BusyMembers::make(const RuleProgram& rule) {
  auto state = std::make_unique<MembersState>();
  state->by_step.resize(rule.pattern->steps.size());
  return state;
}

std::uint64_t BusyMembers::push_event(const KeptEvent& event) {
  const std::uint64_t size =
      cep::budget_bytes(*program_.plan, *rule_.rule, table_.layouts[event.type], event);
  return state_.push_event(event, static_cast<std::uint32_t>(size));
}

void BusyMembers::fill(const PatternState& from) {
  const auto* const base = reinterpret_cast<const std::byte*>(from.words.data());
  const auto node_at = [&](Offset at) -> const Node& {
    return RecordStore::at<PatternNode>(base, at)->node;
  };
  // Partial matches share their past, and several nodes may be of one event and step.
  struct Taken {
    const KeptEvent* event = nullptr;
    std::map<std::uint32_t, std::uint32_t> steps;  // with subsets
  };
  std::map<Position, Taken> events;
  std::set<Offset> seen;
  for (const PatternRun& run : from.runs) {
    for (Offset at = run.node; at != 0 && seen.insert(at).second; at = node_at(at).parent) {
      const Node& node = node_at(at);
      const auto* const event = RecordStore::at<KeptEvent>(base, node.event);
      Taken& taken = events[position_of(*event)];
      taken.event = event;
      taken.steps[node.step] = static_cast<std::uint32_t>(node.subset());
    }
  }
  for (const auto& [position, taken] : events) {
    const std::uint64_t number = push_event(*taken.event);
    for (const auto& [step, subset] : taken.steps) state_.push_entry(step, {number, subset});
    const bool begins = taken.steps.begin()->first < rule_.members->groups.front().end;
    if (begins) state_.starts.push(number);
  }
}

void BusyMembers::live_runs(std::int64_t now_us, std::vector<LiveRun>& runs) const {
  const std::uint64_t first = state_.log.begin();
  std::vector<std::uint64_t> bytes(state_.log.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = state_.sizes[first + i];
  for (const Ring<MemberEntry>& ring : state_.by_step) {
    for (std::uint64_t i = ring.begin(); i < ring.end(); ++i) {
      bytes[ring[i].event - first] += kPlaceBytes;
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

std::uint64_t BusyMembers::budget_bytes() const {
  return state_.event_bytes + state_.entry_count * kPlaceBytes;
}

// ---- bytes: the events, then of each step the entries

void BusyMembers::write(const MembersState& state, EventWriter& events, ByteWriter& to) {
  const std::uint64_t first = state.log.begin();
  to.varint(state.log.size());
  for (std::uint64_t i = first; i < state.log.end(); ++i) {
    to.varint(events.number_of(state.log[i]));
  }
  for (const Ring<MemberEntry>& ring : state.by_step) {
    to.varint(ring.size());
    for (std::uint64_t i = ring.begin(); i < ring.end(); ++i) {
      to.varint(ring[i].event - first);
      to.varint(ring[i].subset);
    }
  }
}

bool BusyMembers::read(ByteReader& from, const EventReader& events) {
  const std::uint64_t count = from.varint();
  for (std::uint64_t i = 0; i < count; ++i) {
    const KeptEvent* const event = events.next(from);
    if (event == nullptr) return false;
    if (i > 0 && position_of(*event) <= position_of(state_.log[i - 1])) return false;
    push_event(*event);
  }
  for (std::uint32_t step = 0; step < state_.by_step.size(); ++step) {
    if (!read_step(from, step)) return false;
  }
  return from.ok() && finish();
}

bool BusyMembers::read_step(ByteReader& from, std::uint32_t step) {
  const std::vector<Subset>& subsets = rule_.pattern->steps[step].element->events();
  const std::uint64_t entries = from.varint();
  for (std::uint64_t i = 0; i < entries; ++i) {
    MemberEntry entry;
    entry.event = from.varint();
    entry.subset = static_cast<std::uint32_t>(from.varint_up_to(kKindsMax - 1));
    if (!from.ok() || entry.event >= state_.log.end() || entry.subset >= subsets.size() ||
        subsets[entry.subset].type.value != state_.log[entry.event].type ||
        (i > 0 && entry.event <= state_.by_step[step].back().event)) {
      return false;
    }
    state_.push_entry(step, entry);
  }
  return from.ok();
}

// Finds the events that begin a match. False where the oldest does not.
bool BusyMembers::finish() {
  std::set<std::uint64_t> starts;
  for (std::uint32_t step = 0; step < rule_.members->groups.front().end; ++step) {
    const Ring<MemberEntry>& ring = state_.by_step[step];
    for (std::uint64_t i = ring.begin(); i < ring.end(); ++i) starts.insert(ring[i].event);
  }
  for (const std::uint64_t start : starts) state_.starts.push(start);
  return !starts.empty() && *starts.begin() == state_.log.begin();
}
}  // namespace tocsin::cep
