// What a table remembers of one key, and of each rule (cep/engine/key_report.h). Looks only:
// nothing that is remembered changes, and no key is found changed by it.
#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "cep/compile/pattern_program.h"
#include "cep/engine/key_report.h"
#include "cep/engine/table_state.h"
#include "cep/match/current_runs.h"
#include "cep/places/members.h"
#include "cep/places/paths.h"
#include "cep/places/places.h"
#include "cep/plan/calendar.h"
#include "cep/plan/feature.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"
#include "cep/ring/feature_state.h"

namespace tocsin::cep {
namespace {
// One rule's state of one key, into words' data.
class RuleReporter {
 public:
  RuleReporter(const Plan& plan, const RuleProgram& rule, EventTime now, std::size_t matches_max)
      : plan_(plan), rule_(rule), now_(now), matches_max_(matches_max) {
    out_.rule = rule.index;
  }

  // Where anything is remembered.
  std::optional<ReportedRule> take() {
    const bool is_empty = out_.matches.empty() && out_.more_matches == 0 && !out_.window &&
                          !out_.suppression && out_.lost_runs == 0;
    if (is_empty) return std::nullopt;
    return std::move(out_);
  }

  void runs(const std::byte* record, Offset state, PatternPool& patterns) {
    const auto* const header = RecordStore::at<RuleHeader>(record, state);
    if (header->is_busy()) places(*patterns.at(header->handle()).places, rule_);
    const auto* const runs = RecordStore::at<Run>(record, state + rule_header_words(rule_));
    for (std::uint32_t i = 0; i < header->run_count; ++i) {
      const std::int64_t end = CurrentRuns::end_of(rule_, record, runs[i]);
      if (end > now_.us && has_room()) run(record, runs[i], end);
    }
    note_lost(header->lost_runs, header->lost_until_us);
    if (rule_.once) {
      const auto& once = *reinterpret_cast<const OnceState*>(header + 1);
      const bool is_quiet = !once.lets_pass(*rule_.once, now_.us);
      suppression(
          is_quiet,
          is_quiet ? std::optional(EventTime{once.last_alert_us} + *rule_.once) : std::nullopt,
          once.held_back);
    }
  }

  // Of a busy key: each event that began a match, and how far one came from there.
  void places(PlacesState& state, const RuleProgram& rule) {
    Places matching(rule, state);
    state.for_each_start([&](PlacesPart& part, std::uint64_t i) {
      const PlaceEntry& start = part.places.front().ring[i];
      const EventTime since = state.log[start.event].engine_time();
      if ((rule_.within && since + *rule_.within <= now_) || !has_room()) return;
      ReportedMatch match;
      const bool begins_with_loop = rule.places->loop_of(0).has_value();
      const std::uint32_t subset =
          begins_with_loop ? part.loops[0].taken[start.taken].subset : start.subset;
      add_event(match, name_of(0, subset), since);
      const std::uint32_t furthest = matching.furthest_step(part, i);
      match.step = furthest + 1;
      match.steps = static_cast<std::uint32_t>(rule.steps.size());
      match.waits_for = name_of(std::min(furthest + 1, match.steps - 1), 0);
      match.since = since;
      if (rule_.within) match.expires = since + *rule_.within;
      out_.matches.push_back(std::move(match));
    });
  }

  // Of a busy key of a rule with `all of`: the same.
  void members(MembersState& state) {
    const Members matching(rule_, state);
    for (std::uint64_t i = state.starts.begin(); i < state.starts.end(); ++i) {
      const EventTime since = state.log[state.starts[i]].engine_time();
      if ((rule_.within && since + *rule_.within <= now_) || !has_room()) continue;
      const MembersProgress progress = matching.progress_from(state.starts[i]);
      ReportedMatch match;
      for (const ChainEvent& taken : progress.events) {
        add_event(match, name_of(taken.step, taken.subset), state.log[taken.event].engine_time());
      }
      match.step = progress.events.back().step + 1;
      match.steps = static_cast<std::uint32_t>(rule_.pattern->steps.size());
      match.waits_for = names_of(progress.waits_for);
      match.since = since;
      if (rule_.within) match.expires = since + *rule_.within;
      out_.matches.push_back(std::move(match));
    }
  }

  // The same of paths; what it waits for is what may follow without an optional step.
  void paths(PathsState& state) {
    const PathsProgram& program = *rule_.pattern->paths;
    const Paths matching(program, rule_.within, state);
    for (std::uint64_t i = state.starts.begin(); i < state.starts.end(); ++i) {
      const std::uint64_t start = state.starts[i];
      const EventTime since = state.log[start].engine_time();
      if ((rule_.within && since + *rule_.within <= now_) || !has_room()) continue;
      ReportedMatch match;
      match.steps = static_cast<std::uint32_t>(rule_.pattern->steps.size());
      match.since = since;
      if (rule_.within) match.expires = since + *rule_.within;
      for (std::uint32_t place = 0; place < program.places.size() && match.events.empty();
           ++place) {
        const Ring<PathEntry>& ring = state.places[place].ring;
        const std::uint64_t at =
            ring.first([&](const PathEntry& entry) { return entry.event >= start; });
        if (program.places[place].parent != PathPlace::kNone || at == ring.end() ||
            ring[at].event != start) {
          continue;
        }
        add_event(match, name_of(ring[at].step, ring[at].subset), since);
      }
      const std::uint32_t furthest = matching.furthest_place(start);
      match.step = program.places[furthest].steps.front() + 1;
      for (const PathPlace& place : program.places) {
        if (place.parent == furthest) match.waits_for = name_of(place.steps.front(), 0);
      }
      out_.matches.push_back(std::move(match));
    }
  }

  void strict(const std::byte* record, const Offset* events, std::uint32_t alive) {
    const auto event_at = [&](std::uint32_t i) {
      return RecordStore::at<KeptEvent>(record, events[i]);
    };
    for (std::uint32_t length = kStrictStepsMax; length > 0; --length) {  // the oldest first
      if ((alive >> (length - 1) & 1) == 0) continue;
      const EventTime since = event_at(length - 1)->engine_time();
      if (rule_.within && since + *rule_.within <= now_) continue;
      if (!has_room()) continue;
      ReportedMatch match;
      for (std::uint32_t i = length; i > 0; --i) {
        add_event(match, name_of(length - i, 0), event_at(i - 1)->engine_time());
      }
      match.step = length;
      match.steps = static_cast<std::uint32_t>(rule_.steps.size());
      match.waits_for = name_of(length, 0);
      match.since = since;
      if (rule_.within) match.expires = since + *rule_.within;
      out_.matches.push_back(std::move(match));
    }
  }

  void pattern(PatternState& state, PatternMatcher& matcher) {
    if (state.paths != nullptr) paths(*state.paths);
    if (state.places != nullptr) places(*state.places, *rule_.pattern->sequence);
    state.settle();
    const auto* const base = reinterpret_cast<const std::byte*>(state.words.data());
    for (const PatternRun& run : state.runs) {
      const std::int64_t end = matcher.lives_until(rule_, run);
      if (end <= now_.us || !has_room()) continue;
      const PatternTransition& transition = rule_.pattern->transitions[run.transition];
      ReportedMatch match = chain(base, run.node);
      match.is_complete = transition.target == PatternTransition::kEnd;
      if (!match.is_complete) {
        const std::size_t number = static_cast<std::size_t>(&run - state.runs.data());
        match.waits_for = transition.target == PatternTransition::kFan
                              ? names_of_fan(transition, state, number)
                              : name_of(transition.target, 0);
      }
      if (end != PatternRun::kNever) {
        (transition.ending == Ending::kAtDeadline && match.is_complete ? match.deadline
                                                                       : match.expires) =
            EventTime{end};
      }
      out_.matches.push_back(std::move(match));
    }
    if (state.members != nullptr) members(*state.members);
    for (const CompleteMatch& waiting : state.waiting) {
      if (!has_room()) continue;
      ReportedMatch match = chain(base, waiting.node);
      match.is_complete = true;
      out_.matches.push_back(std::move(match));
    }
    if (state.window.open && state.window.end_us > now_.us) window(base, state.window);
    note_lost(state.lost_runs, state.lost_until_us);
    suppression_of(state.suppression);
  }

 private:
  bool has_room() {
    if (out_.matches.size() < matches_max_) return true;
    ++out_.more_matches;
    return false;
  }
  // What was lost is said by the next alert, as long as its time is not over.
  void note_lost(std::uint64_t lost, std::int64_t until_us) {
    const bool any_live = !out_.matches.empty() || out_.more_matches > 0 || out_.window;
    if (any_live || until_us > now_.us) out_.lost_runs = lost;
  }
  // What alerts call the events of a step.
  std::string name_of(std::uint32_t step, std::size_t subset) const {
    if (rule_.pattern) {
      const PatternStep& of = rule_.pattern->steps[step];
      return of.name.empty() ? of.element->events()[subset].name : of.name;
    }
    const Element& element = *rule_.steps[step].take.element;
    const std::string& name = rule_.rule->variables[element.var().value].name;
    return name.empty() ? element.events()[subset].name : name;
  }
  // "login or payment or …": what a partial match on a fan may take next.
  std::string names_of_fan(const PatternTransition& fan, const PatternState& state,
                           std::size_t run) const {
    const PatternProgram& pattern = *rule_.pattern;
    const std::uint32_t* const counters = state.counters.data() + run * pattern.counter_count;
    std::vector<std::uint32_t> steps;
    for (std::uint32_t i = fan.fan_begin; i < fan.fan_end; ++i) {
      const FanTarget& target = pattern.fan_targets[i];
      const bool is_done = std::ranges::any_of(target.tests, [&](const CounterTest& test) {
        return (counters[test.counter] & test.value) != 0;
      });
      if (!is_done) steps.push_back(target.step);
    }
    return names_of(steps);
  }
  std::string names_of(const std::vector<std::uint32_t>& steps) const {
    constexpr std::size_t kNamesMax = 3;
    std::vector<std::string> names;
    for (const std::uint32_t step : steps) {
      std::string name = name_of(step, 0);
      if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
      if (names.size() > kNamesMax) break;
    }
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (i > 0) text += " or ";
      text += i == kNamesMax ? "…" : names[i];
    }
    return text;
  }
  static void add_event(ReportedMatch& match, std::string name, EventTime time) {
    const auto known = std::ranges::find(match.events, name, &ReportedEvents::name);
    if (known == match.events.end()) {
      match.events.push_back({std::move(name), 1, time, time});
    } else {
      ++known->count;
      known->last = time;
    }
  }
  // The events up to a node.
  ReportedMatch chain(const std::byte* base, Offset last) const {
    std::vector<const Node*> nodes;
    for (Offset at = last; at != 0; at = nodes.back()->parent) {
      nodes.push_back(RecordStore::at<Node>(base, at));
    }
    ReportedMatch match;
    match.steps = static_cast<std::uint32_t>(rule_.pattern ? rule_.pattern->steps.size()
                                                           : rule_.steps.size());
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      const auto* const event = RecordStore::at<KeptEvent>(base, (*node)->event);
      add_event(match, name_of((*node)->step, (*node)->subset()), event->engine_time());
    }
    match.step = nodes.front()->step + std::uint32_t{1};
    match.since = match.events.front().first;
    return match;
  }
  void run(const std::byte* record, const Run& run, std::int64_t end) {
    ReportedMatch match = chain(record, run.node);
    match.is_complete = (run.flags() & Run::kFinal) != 0;
    if (match.is_complete) {
      match.deadline = EventTime{end};
    } else {
      const bool goes_on = (run.flags() & Run::kWaits) != 0;
      match.waits_for = name_of(run.step() + (goes_on ? 1 : 0), 0);
      if (rule_.within) match.expires = EventTime{end};
    }
    out_.matches.push_back(std::move(match));
  }
  void window(const std::byte* base, const OpenWindow& open) {
    const ReportedMatch match = chain(base, open.node);
    ReportedWindow window;
    window.begin = EventTime{open.begin_us};
    if (open.is_set || !rule_.rule->window->is_session()) window.end = EventTime{open.end_us};
    window.events.name = match.events.front().name;
    window.events.first = match.events.front().first;
    for (const ReportedEvents& events : match.events) {
      window.events.count += events.count;
      window.events.last = std::max(window.events.last, events.last);
    }
    out_.window = std::move(window);
  }
  void suppression(bool is_quiet, std::optional<EventTime> until, std::uint64_t held_back) {
    if (!is_quiet && held_back == 0) return;
    out_.suppression = ReportedSuppression{is_quiet, until, held_back};
  }
  void suppression_of(const SuppressionState& state) {
    const Suppression& clause = rule_.rule->suppression;
    bool is_quiet = false;
    bool by_time = true;
    std::optional<EventTime> until;
    const auto quiet_until = [&](EventTime end) {
      if (end <= now_) return;
      is_quiet = true;
      until = until ? std::max(*until, end) : end;
    };
    if (clause.kind() == Once::kPerDuration && state.last_alert_us != OnceState::kNever) {
      quiet_until(EventTime{state.last_alert_us} + clause.duration());
    }
    // Where an event names the zone, the next one decides.
    const Zone* const zone = clause.kind() == Once::kPerUnit && clause.zone()->op == Op::kLiteral
                                 ? find_zone(plan_.zones, literal_of(*clause.zone()).text)
                                 : nullptr;
    if (zone != nullptr &&
        std::ranges::binary_search(state.units, local_unit(*zone, clause.unit(), now_))) {
      quiet_until(calendar_window(*zone, clause.unit(), now_).end);
    }
    if (clause.kind() == Once::kWhile && state.quiet) {
      is_quiet = true;
      by_time = false;
    }
    if (clause.at_most && state.recent.size() >= clause.at_most->count) {
      const std::size_t first = state.recent.size() - clause.at_most->count;
      quiet_until(EventTime{state.recent[first]} + clause.at_most->duration);
    }
    suppression(is_quiet, by_time ? until : std::nullopt, state.held_back);
  }

  const Plan& plan_;
  const RuleProgram& rule_;
  EventTime now_;
  std::size_t matches_max_;
  ReportedRule out_;
};

// A feature's value over a copy of its state, so that nothing is dropped from it.
Value read_copy(const FeatureProgram& feature, const RingHeader& ring, EventTime now) {
  std::vector<std::uint64_t> words(ring_words(ring.capacity, ring.wide_times != 0, ring.value));
  std::memcpy(words.data(), &ring, words.size() * 8);
  auto* const copy = reinterpret_cast<RingHeader*>(words.data());
  trim_ring(copy, now.us, feature.window_us);
  return read_ring(copy, *feature.feature);
}
OwnedValue read_copy(const FeatureProgram& feature, const std::string& bytes, EventTime now) {
  WindowPool pool(0);
  WindowState& copy = pool.at(pool.make(feature.window));
  ByteReader from(bytes);
  if (!copy.restore(from)) return OwnedValue(Value::missing());
  return OwnedValue(copy.read(now, feature.zone));
}
}  // namespace

OwnedValue TableState::report_feature(const FeatureProgram& feature, const std::byte* record,
                                      EventTime now) const {
  const FeatureWindow& window = feature.feature->window;
  if (window.kind() == WindowKind::kCalendar && feature.zone == nullptr) {
    return OwnedValue(Value::missing());
  }
  const OperatorEntry* const entry =
      record == nullptr ? nullptr : RecordStore::find(const_cast<std::byte*>(record), feature.op);
  if (feature.is_shared) return OwnedValue(SharedFeatures::look_at(feature, record, now.us));
  if (feature.in_ring) {
    if (entry == nullptr) return OwnedValue(read_ring(nullptr, *feature.feature));
    return OwnedValue(read_copy(feature, *RecordStore::at<RingHeader>(record, entry->state), now));
  }
  if (entry == nullptr) return OwnedValue(value_without_window(feature.window));
  std::string bytes;
  ByteWriter to(bytes);
  feature_store_.save(feature, record, *entry, to);
  return read_copy(feature, bytes, now);
}

void TableState::report(std::string_view key, EventTime now, std::size_t matches_max,
                        bool wants_features, KeyReport& out) {
  const std::uint64_t hash = hash_key(key, seed_);
  Shard& shard = shards_[shard_of_hash(hash)];
  lane_.work_on(shard);
  const KeySlot* const slot = shard.keys.find(hash, key);
  std::byte* const record = slot == nullptr || slot->record == 0 ? nullptr : store_.base(*slot);
  for (const RuleProgram& rule : program_.rules) {
    if (record == nullptr || &program_.tables[rule.table] != &table_ ||
        rule.method == Method::kSingle) {
      continue;
    }
    const OperatorEntry* const entry = RecordStore::find(record, rule.op);
    if (entry == nullptr) continue;
    RuleReporter reporter(*program_.plan, rule, now, matches_max);
    switch (rule.method) {
      case Method::kStrict: {
        const StrictGroup& group = program_.strict_groups[table_.operators[rule.op - 1].index];
        StrictState state(RecordStore::at<std::byte>(record, entry->state), group);
        const auto place = std::ranges::find(group.rules, rule.index.value);
        reporter.strict(record, state.events(),
                        state.alive_of(static_cast<std::size_t>(place - group.rules.begin())));
        break;
      }
      case Method::kRuns:
        reporter.runs(record, entry->state, shard.patterns);
        break;
      default: {
        const auto handle = *RecordStore::at<std::uint32_t>(record, entry->state);
        reporter.pattern(shard.patterns.at(handle), matcher_.general());
        break;
      }
    }
    if (auto reported = reporter.take()) out.rules.push_back(std::move(*reported));
  }
  for (const FeatureProgram& feature : program_.features) {
    if (!wants_features || &program_.tables[feature.table] != &table_) continue;
    out.features.push_back({feature.index, report_feature(feature, record, now)});
  }
  out.is_known = record != nullptr;
}

void TableState::add_totals(EventTime now, std::vector<RuleTotals>& totals) {
  std::vector<LiveRun> runs;
  for (const auto& shard : shards_) {
    lane_.work_on(*shard);
    shard->keys.for_each([&](KeySlot& slot) {
      if (slot.record == 0) return;
      std::byte* const record = store_.base(slot);
      for (const OperatorEntry& entry : RecordStore::operators_of(record)) {
        const OperatorProgram& op = table_.operators[entry.op - 1];
        if (op.kind == OperatorKind::kStrict) {
          add_strict_totals(program_.strict_groups[op.index], record, entry.state, now, totals);
        } else if (op.kind == OperatorKind::kRule) {
          const RuleProgram& rule = program_.rules[op.index];
          runs.clear();
          std::uint64_t bytes =
              matcher_.live_runs(rule, shard->patterns, record, entry.state, now.us, runs);
          for (const LiveRun& run : runs) bytes += run.bytes;
          RuleTotals& of_rule = totals[rule.index.value];
          if (!runs.empty()) ++of_rule.keys;
          of_rule.runs += runs.size();
          of_rule.bytes += bytes;
          of_rule.captured_events += matcher_.events_of_live_runs(rule);
        }
      }
    });
  }
}

void TableState::add_strict_totals(const StrictGroup& group, std::byte* record, Offset place,
                                   EventTime now, std::vector<RuleTotals>& totals) const {
  StrictState state(RecordStore::at<std::byte>(record, place), group);
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const RuleProgram& rule = program_.rules[group.rules[i]];
    const auto event_at = [&](std::uint32_t at) {
      return RecordStore::at<KeptEvent>(record, state.events()[at]);
    };
    RuleTotals& of_rule = totals[rule.index.value];
    std::uint32_t longest = 0;
    for (std::uint32_t rest = state.alive_of(i); rest != 0; rest &= rest - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(rest));
      if (rule.within && event_at(bit)->engine_time() + *rule.within <= now) continue;
      ++of_rule.runs;
      of_rule.bytes += kPartialMatchBytes;
      longest = std::max(longest, bit + 1);
    }
    if (longest > 0) ++of_rule.keys;
    of_rule.captured_events += longest;
    for (std::uint32_t at = 0; at < longest; ++at) {
      const KeptEvent& event = *event_at(at);
      of_rule.bytes += budget_bytes(*program_.plan, *rule.rule, table_.layouts[event.type], event);
    }
  }
}
}  // namespace tocsin::cep
