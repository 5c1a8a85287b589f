#include "cep/pattern/pattern_reader.h"

#include <algorithm>
#include <memory>

#include "cep/pattern/busy_members.h"
#include "cep/pattern/paths_key.h"
#include "cep/places/busy_key.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"
#include "cep/record/state_events.h"
#include "cep/record/state_layout.h"
#include "cep/record/state_values.h"

namespace tocsin::cep {
PatternReader::PatternReader(const ProgramImpl& program, const TableProgram& table,
                             RecordStore& store, EventCapture& capture, EngineStats& stats)
    : current_(program, table, store, capture, stats), writer_(current_) {
  // What was missing was counted when the events came.
  current_.scope.values_missing = nullptr;
}

bool PatternReader::read(const RuleProgram& rule, PatternState& state, std::string_view key,
                         ByteReader& from, const EventReader& events,
                         const std::vector<std::uint32_t>& value_places) {
  if (from.is_done()) return true;
  state.settle();
  current_.select_rule(rule, &state, key);
  bool is_well = read_matches(from, events, value_places);
  if (is_well && from.left() > 0 && current_.pattern->paths && state.runs.empty()) {
    is_well = read_paths(from, events);
  } else if (is_well && from.left() > 0 && current_.pattern->sequence && state.runs.empty()) {
    is_well = read_places(from, events);
  } else if (is_well && !from.is_done()) {
    is_well = read_busy(from, events);
  }
  if (!is_well || !from.is_done()) return false;
  current_.stats.runs += state.runs.size() + (state.window.open ? 1 : 0);
  state.words.shrink_to_fit();
  state.words_kept = state.words.size();
  return true;
}

bool PatternReader::read_matches(ByteReader& from, const EventReader& events,
                                 const std::vector<std::uint32_t>& value_places) {
  PatternState& state = *current_.state;
  state.next_start = from.varint();
  state.lost_runs = from.varint();
  if (state.lost_runs > 0) state.lost_until_us = from.signed_varint();
  const std::uint64_t nodes = from.varint_up_to(from.left());
  const std::uint64_t values = from.varint_up_to(from.left());
  const std::uint64_t runs = from.varint_up_to(from.left());
  const std::uint64_t waiting = from.varint_up_to(from.left());
  const bool has_window = from.varint_up_to(1) != 0;
  if (!from.ok() || (waiting > 0 && !current_.rule->rule->selection.in_order) ||
      (has_window && !current_.pattern->opens) || (runs > 0 && current_.pattern->opens)) {
    return false;
  }
  if (!read_nodes(from, nodes, events) || !read_values(from, values, value_places)) {
    return false;
  }
  for (std::uint64_t i = 0; i < runs; ++i) {
    if (!read_run(from)) return false;
  }
  for (std::uint64_t i = 0; i < waiting; ++i) {
    CompleteMatch match;
    if (!read_place(from, true, match.node, match.values)) return false;
    match.start = from.varint();
    if (match.start >= state.next_start || (i > 0 && match.start < state.waiting.back().start)) {
      return false;
    }
    state.waiting.push_back(match);
  }
  return !has_window || read_window(from);
}

// Those of a busy key.
bool PatternReader::read_paths(ByteReader& from, const EventReader& events) {
  PatternState& state = *current_.state;
  const RuleProgram& rule = *current_.rule;
  state.paths = std::make_unique<PathsState>(*current_.pattern->paths);
  if (!PathsKey(current_.program, *current_.scope.table, rule, *state.paths).read(from, events))
    return false;
  const std::uint64_t starts = state.paths->starts.size();
  if (current_.pattern->is_by_paths) {
    current_.stats.runs += starts;
  } else if (starts > 0) {
    lose(starts, state.paths->log[state.paths->starts.back()], rule.within);
    state.paths.reset();
  }
  return true;
}

// Partial matches cannot be made of them: the next alert says that they are missing.
void PatternReader::lose(std::uint64_t starts, const KeptEvent& newest,
                         const std::optional<Duration>& within) {
  PatternState& state = *current_.state;
  const std::int64_t end_us = within ? newest.engine_time_us + within->us : PatternRun::kNever;
  state.lost_runs += starts;
  state.lost_until_us = std::max(state.lost_until_us, end_us);
  current_.stats.runs_lost += starts;
}

bool PatternReader::read_places(ByteReader& from, const EventReader& events) {
  const RuleProgram& sequence = *current_.pattern->sequence;
  PatternState& state = *current_.state;
  state.places = BusyKey::make(sequence);
  if (!BusyKey(current_.program, *current_.scope.table, sequence, *state.places)
           .read(from, events)) {
    return false;
  }
  if (sequence.method == Method::kRuns) {
    current_.stats.runs += state.places->starts();
    return true;
  }
  lose(state.places->starts(), state.places->log[state.places->newest_start()], sequence.within);
  state.places.reset();
  return true;
}

// What a busy key has follows where it would have partial matches.
bool PatternReader::read_busy(ByteReader& from, const EventReader& events) {
  PatternState& state = *current_.state;
  if (!current_.rule->members || !state.runs.empty()) return false;
  state.members = BusyMembers::make(*current_.rule);
  if (!BusyMembers(current_.program, *current_.scope.table, *current_.rule, *state.members)
           .read(from, events))
    return false;
  current_.stats.runs += state.members->starts.size();
  return from.is_done();
}

bool PatternReader::read_nodes(ByteReader& from, std::uint64_t count, const EventReader& events) {
  nodes_.assign(1, 0);
  events_.assign(events.count(), 0);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t parent = from.varint_up_to(i);
    const std::uint64_t event = from.varint();
    const std::uint64_t step = from.varint();
    const std::uint64_t subset = from.varint();
    if (!from.ok() || event >= events.count() || step >= current_.pattern->steps.size())
      return false;
    const KeptEvent* const kept = events.at(event);
    const std::vector<Subset>& subsets = current_.pattern->steps[step].element->events();
    if (kept == nullptr || subset >= subsets.size() || subsets[subset].type.value != kept->type) {
      return false;
    }
    Offset& place = events_[event];
    if (place == 0) {
      place = current_.state->cut(kept->words);
      std::copy_n(reinterpret_cast<const std::uint64_t*>(kept), kept->words,
                  current_.state->words.begin() + static_cast<std::ptrdiff_t>(place));
    }
    nodes_.push_back(writer_.make_node(nodes_[parent], place, static_cast<std::uint32_t>(step),
                                       static_cast<std::uint16_t>(subset),
                                       EventView{nullptr, kept}));
  }
  return true;
}

bool PatternReader::read_values(ByteReader& from, std::uint64_t count,
                                const std::vector<std::uint32_t>& places) {
  const std::size_t kept = current_.rule->deadline_features.size();
  values_.assign(1, 0);
  std::vector<Value> values;
  for (std::uint64_t i = 0; i < count; ++i) {
    values.assign(kept, Value::missing());
    for (const std::uint32_t place : places) {
      const bool is_here = place < kept;
      const Type* const type =
          is_here ? &type_of_value(current_.program, current_.rule->deadline_features[place])
                  : nullptr;
      Value value;
      if (!restore_value(from, type, value)) return false;
      if (is_here) values[place] = value;
    }
    if (kept == 0) {
      values_.push_back(0);
      continue;
    }
    std::vector<std::uint64_t> block(1);
    for (const Value& value : values) append_kept_value(block, value);
    values_.push_back(writer_.put_values(block));
  }
  return true;
}

// A match's last node, and its values: none, or where `is_done` all that the rule keeps.
bool PatternReader::read_place(ByteReader& from, bool is_done, Offset& node, Offset& values) {
  const std::uint64_t node_number = from.varint_up_to(nodes_.size() - 1);
  const std::uint64_t values_number = from.varint_up_to(values_.size() - 1);
  if (!from.ok() || node_number == 0) return false;
  node = nodes_[node_number];
  values = values_[values_number];
  return values != 0 || !is_done || current_.rule->deadline_features.empty();
}

bool PatternReader::read_run(ByteReader& from) {
  PatternState& state = *current_.state;
  PatternRun run;
  if (!read_place(from, false, run.node, run.values)) return false;
  run.start = from.varint();
  run.transition = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  run.greedy_over = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  run.fresh = from.varint_up_to(1) != 0;
  const bool has_end = from.varint_up_to(1) != 0;
  if (has_end && !restore_time(from, run.ends_us)) return false;
  const std::vector<std::uint32_t>& transitions =
      current_.pattern->steps[current_.node(run.node)->node.step].transitions;
  if (!from.ok() ||
      std::find(transitions.begin(), transitions.end(), run.transition) == transitions.end())
    return false;
  const PatternTransition& transition = current_.pattern->transitions[run.transition];
  const bool ends = transition.target == PatternTransition::kEnd;
  const bool needs_end =
      ends ? transition.ending == Ending::kAtDeadline : transition.gap.has_value();
  if (has_end != needs_end || (ends && transition.ending == Ending::kAtOnce) ||
      (ends && run.values == 0 && !current_.rule->deadline_features.empty()) ||
      (transition.greedy.size() < 32 && run.greedy_over >> transition.greedy.size() != 0) ||
      run.start >= state.next_start ||
      (!state.runs.empty() && run.start < state.runs.back().start)) {
    return false;
  }
  run.first_time_us = current_.event_of(current_.node(run.node)->first)->engine_time_us;
  state.runs.push_back(run);
  for (std::uint32_t c = 0; c < current_.pattern->counter_count; ++c) {
    state.counters.push_back(static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX)));
  }
  return from.ok();
}

bool PatternReader::read_window(ByteReader& from) {
  const ClosingWindow& rule = *current_.rule->rule->window;
  OpenWindow& window = current_.state->window;
  if (!read_place(from, true, window.node, window.values)) return false;
  window.open = true;
  window.count = current_.node(window.node)->node.length;
  if (!restore_time(from, window.begin_us)) return false;
  if (!rule.is_session()) {
    const CalendarWindow stretch = current_.window_at({window.begin_us});
    if (stretch.begin.us != window.begin_us) return false;
    window.end_us = stretch.end.us;
  }
  window.is_set = from.varint_up_to(1) != 0;
  if (rule.is_session() && !window.is_set) return false;
  if (!window.is_set) return from.ok();
  const std::int64_t end_us = window.end_us;
  if (!restore_time(from, window.end_us)) return false;
  window.setter = restore_arrival(from);
  window.setter_roles = static_cast<std::uint32_t>(from.varint_up_to((1U << kRolesMax) - 1));
  return from.ok() && (rule.is_session() || window.end_us == end_us);
}
}  // namespace tocsin::cep
