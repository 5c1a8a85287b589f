// The general matcher: from drafts to partial matches, and what deadlines do with them.
#include <algorithm>

#include "cep/alert/current_row.h"
#include "cep/pattern/pattern_matcher.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
// Makes the drafts the rule's partial matches of this key, and gives or keeps complete ones where
// that may drop others.
void PatternMatcher::commit() {
  if (current_.state == nullptr && drafts_.runs.empty() && matches_.candidates.empty()) return;
  current_.make_state();
  PatternState& state = *current_.state;
  const std::size_t runs_before = state.run_count();
  const bool starts =
      std::any_of(drafts_.runs.begin(), drafts_.runs.end(),
                  [&](const RunDraft& draft) { return draft.run.start == state.next_start; }) ||
      std::any_of(matches_.candidates.begin(), matches_.candidates.end(),
                  [&](const MatchCandidate& match) { return match.start == state.next_start; });
  if (starts) ++state.next_start;
  const std::size_t words_before = state.words.size();
  matches_.given.clear();
  if (!matches_.candidates.empty()) {
    selection_.sort_candidates(current_.order_here());
    for (const MatchCandidate& match : matches_.candidates) {
      CompleteMatch complete{match.start, match.node, match.values};
      if (match.takes) {
        complete.node = nodes_.write_node(match.node, match.step);
        complete.values = nodes_.write_values();
      }
      matches_.given.push_back(complete);
    }
  }
  if (state.order != nullptr) {
    concerned_.write();
  } else {
    write_runs();
  }
  current_.stats.runs += state.run_count();
  current_.stats.runs -= runs_before;
  budget_.write_held();
  const auto taken = static_cast<std::uint64_t>(
      std::ranges::count_if(drafts_.runs, [](const RunDraft& draft) { return draft.takes; }));
  const std::uint64_t waiting = current_.rule->rule->selection.in_order ? matches_.given.size() : 0;
  groups_.spend(*current_.rule, taken,
                8 * (state.words.size() - words_before) + (taken + waiting) * kPartialMatchBytes);
  if (current_.is_stepwise()) {
    current_.steps.allow(StepMeter::kMatchesThen);
    if (current_.rule->rule->selection.in_order) {
      selection_.wait_in_order(current_.order_here());
    } else if (!matches_.given.empty()) {
      selection_.give_in_turn(current_.order_here());
    }
    if (lost_.gave_up()) selection_.drop_older_half(current_.order_here());
  }
  if (current_.rule->sets_deadlines) set_deadlines();
  if (state.words.size() > 256 && state.words.size() > 2 * state.words_kept) nodes_.collect_words();
  current_.context->patterns.count(state);
}

// All partial matches are those that are drafted.
void PatternMatcher::write_runs() {
  PatternState& state = *current_.state;
  state.runs.clear();
  new_counters_.clear();
  for (RunDraft& draft : drafts_.runs) {
    nodes_.write_run(draft);
    state.runs.push_back(draft.run);
    const auto counters = drafts_.counters.begin() + static_cast<std::ptrdiff_t>(draft.counters);
    new_counters_.insert(new_counters_.end(), counters,
                         counters + static_cast<std::ptrdiff_t>(current_.pattern->counter_count));
  }
  state.counters.swap(new_counters_);
}

// One timer for all matches of one deadline that the same event set: also for those of later
// events, where it is the first event that sets it.
void PatternMatcher::set_deadlines() {
  std::int64_t last_deadline = PatternRun::kNever;
  Offset last_cause = 0;
  for (const RunDraft& draft : drafts_.runs) {
    const PatternTransition& transition = current_.pattern->transitions[draft.run.transition];
    if (!draft.takes || transition.ending != Ending::kAtDeadline) continue;
    // Dropped by a match given at this very event, it finds nothing when it fires.
    std::byte* const base = current_.state->base();
    auto* const last = RecordStore::at<PatternNode>(base, draft.run.node);
    Node& setter = transition.waits_from_first
                       ? RecordStore::at<PatternNode>(base, last->first)->node
                       : last->node;
    if (draft.run.ends_us == last_deadline && setter.event == last_cause) continue;
    last_deadline = draft.run.ends_us;
    last_cause = setter.event;
    if (transition.waits_from_first && current_.pattern->wait_from_first &&
        last_deadline > current_.row->row->engine_time.us) {
      if (setter.has_timer != 0) continue;
      setter.has_timer = 1;
    }
    current_.push_timer(last_deadline, RecordStore::at<KeptEvent>(base, last_cause)->arrival());
  }
  selection_.set_release_timer();
}

void PatternMatcher::set_timers(const RuleProgram& rule, PatternState& state, std::uint64_t hash,
                                ShardTimers& timers, std::uint32_t queue) {
  state.settle();
  current_.select_rule(rule, &state, {});
  current_.timers = &timers;
  current_.hash = hash;
  current_.queue = queue;
  std::int64_t last_deadline = PatternRun::kNever;
  ArrivalNumber last_cause;
  for (const PatternRun& run : state.runs) {
    const PatternTransition& transition = current_.pattern->transitions[run.transition];
    if (transition.target != PatternTransition::kEnd || transition.ending != Ending::kAtDeadline)
      continue;
    const ArrivalNumber cause = current_.end_setter(run).arrival();
    if (run.ends_us == last_deadline && cause == last_cause) continue;
    last_deadline = run.ends_us;
    last_cause = cause;
    current_.push_timer(last_deadline, cause);
  }
  selection_.set_release_timer();
  if (state.window.open && state.window.is_set) windows_.arm();
}

// Null where it has none.
PatternState* PatternMatcher::begin_without_row(const RuleProgram& rule,
                                                const MatchContext& context, KeySlot& slot,
                                                std::string_view key, std::uint32_t queue) {
  OperatorEntry* const entry = current_.store.find(slot, rule.op);
  if (entry == nullptr) return nullptr;
  PatternState& state =
      context.patterns.at(*RecordStore::at<std::uint32_t>(current_.store.base(slot), entry->state));
  current_.select_rule(rule, &state, key);
  current_.context = &context;
  current_.row = nullptr;
  current_.scope.batch = &context.slice.batch();
  current_.timers = &context.timers;
  current_.queue = queue;
  current_.hash = slot.hash;
  nodes_.begin();
  matches_.candidates.clear();
  matches_.given.clear();
  lost_.begin();
  current_.steps.begin(current_.program.limits.steps_per_event_max);
  return &state;
}

void PatternMatcher::give_waiting(const RuleProgram& rule, const MatchContext& context,
                                  KeySlot& slot, std::string_view key, const OrderKey& at,
                                  std::uint32_t queue) {
  PatternState* const state = begin_without_row(rule, context, slot, key, queue);
  if (state == nullptr || state->waiting.empty()) return;
  state->settle();
  OrderKey order = at;
  order.level = rule.level;
  order.rule = rule.index.value;
  order.key = key;
  selection_.wait_in_order(order);
  selection_.set_release_timer();
  context.patterns.count(*state);
}

void PatternMatcher::on_deadline(const RuleProgram& rule, const MatchContext& context,
                                 KeySlot& slot, std::string_view key, const Timer& timer,
                                 std::uint32_t queue) {
  PatternState* const found = begin_without_row(rule, context, slot, key, queue);
  if (found == nullptr) return;
  PatternState& state = *found;
  if (current_.pattern->opens) {
    windows_.on_deadline(timer);
    return;
  }
  const EventPosition at{timer.deadline_us, timer.arrival()};
  const bool in_order = rule.rule->selection.in_order;
  bool any = false;
  std::uint32_t role = 0;
  const auto take = [&](const PatternRun& run) {
    role = place_of_role(current_.end_setter(run).roles());
    matches_.candidates.push_back({run.node, run.values, run.start, false, 0});
  };
  const bool finds_due = state.order != nullptr && !current_.is_stepwise();
  if (finds_due) {
    for (const std::uint32_t place : concerned_.due(at)) {
      take(state.runs[place]);
      current_.end_run(place);
    }
  }
  const auto keeps = [&](const PatternRun& run) {
    if (current_.is_due(run)) {
      if (run.ends_us != at.time_us || current_.end_of(run) != at) return true;
      take(run);
      return false;
    }
    // What is given may look at all that are alive: no more, so that its steps are the same for any
    // cut.
    if (!in_order && current_.is_stepwise()) return current_.dies_at(run) > at.time_us;
    // Only what waits in order sees when a partial match ends.
    if (!in_order || current_.dies_at(run) > at.time_us || current_.end_of(run) > at) return true;
    if (current_.end_of(run) == at) role = place_of_role(current_.end_setter(run).roles());
    any = true;
    return false;
  };
  if (!finds_due) current_.keep_runs(keeps);
  if (matches_.candidates.empty() && !any) return;
  OrderKey order = order_at_deadline(EventTime{timer.deadline_us}, timer.arrival());
  order.role = role;
  order.level = rule.level;
  order.rule = rule.index.value;
  order.key = key;
  if (current_.is_stepwise()) {
    selection_.sort_candidates(order);
    for (const MatchCandidate& match : matches_.candidates) {
      matches_.given.push_back({match.start, match.node, match.values});
    }
    matches_.candidates.clear();
    if (in_order) {
      selection_.wait_in_order(order);
      selection_.set_release_timer();
    } else {
      selection_.give_in_turn(order);
    }
  } else {
    selection_.decide(order);
  }
  if (lost_.gave_up()) selection_.drop_older_half(order);
  current_.context->patterns.count(state);
}
}  // namespace tocsin::cep
