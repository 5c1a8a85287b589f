#include "cep/pattern/pattern_matcher.h"

#include <algorithm>
#include <iterator>

#include "cep/alert/current_row.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
PatternMatcher::PatternMatcher(const ProgramImpl& program, const TableProgram& table,
                               RecordStore& store, EventCapture& capture, EngineStats& stats,
                               GroupBudgets& groups, BudgetLog& budgets)
    : groups_(groups),
      current_(program, table, store, capture, stats),
      conditions_(current_),
      nodes_(current_),
      lost_(current_, budgets),
      pruning_(current_, drafts_),
      concerned_(current_, conditions_, nodes_, drafts_),
      budget_(current_, drafts_, lost_),
      suppression_(current_, matches_),
      deferred_(program, stats, budgets),
      alerts_(current_, matches_, lost_, suppression_, deferred_, groups),
      selection_(current_, nodes_, matches_, lost_, alerts_),
      windows_(current_, nodes_, matches_, lost_, alerts_, selection_, groups),
      members_(current_, conditions_, lost_, selection_, groups),
      paths_(current_, conditions_, nodes_, lost_, selection_, groups),
      sequence_(current_, conditions_, nodes_, lost_, selection_, groups) {}

void PatternMatcher::on_event(const RuleProgram& rule, const MatchContext& context,
                              CurrentRow& current, std::uint32_t queue) {
  if (!current.satisfies(rule.considered_predicate)) return;
  const PatternProgram& pattern = *rule.pattern;
  const bool may_start =
      pattern.opens ||
      std::any_of(pattern.starts.begin(), pattern.starts.end(), [&](std::uint32_t transition) {
        return current.satisfies(
            pattern.steps[pattern.transitions[transition].target].take.predicate);
      });
  const OperatorEntry* const entry =
      current.record != nullptr ? RecordStore::find(current.record, rule.op) : nullptr;
  PatternState* const state =
      entry != nullptr
          ? &context.patterns.at(*RecordStore::at<std::uint32_t>(current.record, entry->state))
          : nullptr;
  const bool asks_quiet = rule.rule->suppression.kind() == Once::kWhile;
  const bool has_members = state != nullptr && state->members != nullptr;
  const bool has_paths = state != nullptr && state->paths != nullptr;
  const bool has_places = state != nullptr && state->places != nullptr;
  const bool is_live =
      has_members || has_paths || has_places || (state != nullptr && state->run_count() > 0);
  if (!may_start && !asks_quiet && !is_live) return;
  current_.select_rule(rule, state, current.key);
  current_.context = &context;
  current_.row = &current;
  current_.scope.batch = &context.slice.batch();
  current_.scope.features = current.reader;
  current_.scope.roles = current.roles;
  current_.timers = &context.timers;
  current_.queue = queue;
  current_.hash = current.slot != nullptr ? current.slot->hash : 0;
  nodes_.begin();
  drafts_.runs.clear();
  drafts_.counters.clear();
  matches_.candidates.clear();
  conditions_.begin();
  lost_.begin();
  changed_ = false;
  current_.steps.begin(current_.program.limits.steps_per_event_max);
  any_live_ = state != nullptr && (!state->waiting.empty() || state->window.open);
  if (asks_quiet) alerts_.look_at_quiet();
  if (has_paths && paths_.on_event()) return;
  if (has_places && sequence_.on_event()) return;
  if (pattern.opens) {
    windows_.on_event();
    return;
  }
  if (has_members && members_.on_event()) return;

  if (!offer_concerned(may_start)) offer_all(may_start);
  if (!changed_ && matches_.candidates.empty()) return;
  if (!current_.is_stepwise()) {
    if (!matches_.candidates.empty()) selection_.decide(current_.order_here());
    matches_.candidates.clear();
  }
  if (!keep_concerned()) {
    if (drafts_.runs.size() > 1) {
      if (const std::size_t lost = pruning_.prune(); lost > 0)
        lost_.lose(lost, BudgetCause::kStepsPerEvent);
    }
    budget_.keep();
  }
  const std::size_t runs_before = current_.state != nullptr ? current_.state->run_count() : 0;
  commit();
  if (rule.members && current_.state != nullptr &&
      current_.state->run_count() > current_.program.limits.busy_key_runs) {
    members_.make();
  }
  if (pattern.is_by_paths && current_.state != nullptr) paths_.make(runs_before);
  if (pattern.sequence && pattern.sequence->method == Method::kRuns && current_.state != nullptr)
    sequence_.make(runs_before);
}

bool PatternMatcher::may_run_out() const {
  const std::uint64_t most = current_.state->runs.size() + current_.pattern->starts.size();
  return current_.rule->reads_matches ||
         most * (1 + current_.pattern->transitions.size() + current_.pattern->fan_targets.size()) >
             current_.steps.limit();
}

void PatternMatcher::offer_starts(bool may_start) {
  current_from_ = RunDraft::kFresh;
  if (!may_start) return;
  for (const std::uint32_t transition : current_.pattern->starts) offer_start(transition);
}

// Offers the event to the key's partial matches and to fresh ones.
void PatternMatcher::offer_all(bool may_start) {
  if (current_.state == nullptr) {
    offer_starts(may_start);
    return;
  }
  if (!current_.state->runs.empty() && may_run_out()) {
    const std::uint64_t lost = offer_newest_first(may_start);
    lost_.forget(any_live_);
    if (lost > 0) lost_.lose(lost, BudgetCause::kStepsPerEvent);
    return;
  }
  for (std::size_t i = 0; i < current_.state->runs.size(); ++i) {
    current_from_ = static_cast<std::uint32_t>(i);
    offer(current_.state->runs[i],
          current_.state->counters.data() + i * current_.pattern->counter_count);
  }
  lost_.forget(any_live_);
  offer_starts(may_start);
}

// Offers the event to those of many partial matches that it may concern, and to fresh ones; false
// where it has to be offered to all.
bool PatternMatcher::offer_concerned(bool may_start) {
  if (current_.state == nullptr || !concerned_.order()) return false;
  changed_ = concerned_.ended() > 0;
  if (!concerned_.find()) return false;
  PatternState& state = *current_.state;
  for (const std::uint32_t place : concerned_.places()) {
    current_from_ = place;
    offer(state.runs[place],
          state.counters.data() + std::size_t{place} * current_.pattern->counter_count);
  }
  const std::size_t passed_by = state.run_count() - concerned_.places().size();
  any_live_ = any_live_ || passed_by > 0;
  current_.steps.take(passed_by);
  offer_starts(may_start);
  if (current_.steps.is_over()) {
    // Which are lost is found from the newest on.
    drafts_.runs.clear();
    drafts_.counters.clear();
    matches_.candidates.clear();
    current_.steps.begin(current_.program.limits.steps_per_event_max);
    concerned_.give_up();
    return false;
  }
  lost_.forget(any_live_);
  return true;
}

// Prunes what is drafted of the partial matches that the event concerns, and keeps all to the
// budgets. False where all have to be looked at: then all are drafted.
bool PatternMatcher::keep_concerned() {
  if (current_.state == nullptr || current_.state->order == nullptr) return false;
  const StepMeter steps = current_.steps;
  kept_drafts_ = drafts_.runs;
  bool is_kept = !lost_.gave_up() || current_.is_stepwise();
  if (is_kept && drafts_.runs.size() > 1) {
    is_kept = pruning_.prune() == 0 && !current_.steps.is_over();
  }
  if (is_kept && budget_.keep_concerned(concerned_.places())) return true;
  current_.steps = steps;
  drafts_.runs.swap(kept_drafts_);
  concerned_.draft_all();
  return false;
}

// Gives how many were dropped.
std::uint64_t PatternMatcher::offer_newest_first(bool may_start) {
  const std::vector<PatternRun>& runs = current_.state->runs;
  offer_starts(may_start);
  std::uint64_t lost = 0;
  for (std::size_t i = runs.size(); i-- > 0 && lost == 0;) {
    const std::size_t drafts = drafts_.runs.size();
    const std::size_t candidates = matches_.candidates.size();
    current_from_ = static_cast<std::uint32_t>(i);
    offer(runs[i], current_.state->counters.data() + i * current_.pattern->counter_count);
    if (!current_.steps.is_over()) continue;
    drafts_.runs.resize(drafts);
    matches_.candidates.resize(candidates);
    const std::int64_t now = current_.row->row->engine_time.us;
    lost = static_cast<std::uint64_t>(
        std::count_if(runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                      [&](const PatternRun& run) { return now < current_.dies_at(run); }));
    changed_ = true;
  }
  reverse_drafts(drafts_.runs);
  std::ranges::reverse(matches_.candidates);
  return lost;
}

// One partial match at the current event: drafts what becomes of it.
void PatternMatcher::offer(const PatternRun& run, const std::uint32_t* counters) {
  if (current_.row->row->engine_time.us >= current_.dies_at(run)) {
    changed_ = true;
    return;
  }
  any_live_ = true;
  current_.steps.take();
  ++current_.stats.runs_visited;
  const PatternTransition& transition = current_.pattern->transitions[run.transition];
  const bool without =
      current_.pattern->without &&
      conditions_.fits(*current_.pattern->without, run.node, -1, PatternStep::kNoSlot);
  const auto is_forbidden = [&](std::uint32_t absence) {
    const PatternAbsence& program = current_.pattern->absences[absence];
    return (!program.element->is_next() || run.fresh) &&
           conditions_.fits(program.forbid, run.node, -1, PatternStep::kNoSlot);
  };
  // These have no transition out; a plain absence has one, which completes the match.
  bool forbidden = false;
  bool ends = false;
  for (const std::uint32_t absence : transition.absences) {
    if (!is_forbidden(absence)) continue;
    (current_.pattern->absences[absence].element->is_next() ? ends : forbidden) = true;
  }
  PatternRun next = run;
  next.fresh = false;
  for (std::uint32_t i = 0; i < transition.greedy.size(); ++i) {
    const std::uint32_t bit = 1U << i;
    if ((next.greedy_over & bit) != 0) continue;
    if (conditions_.fits_until(current_.pattern->steps[transition.greedy[i]], run.node)) {
      next.greedy_over |= bit;
    } else {
      ends = ends || conditions_.fits_step(transition.greedy[i], run.node);
    }
  }
  if (ends) {
    changed_ = true;
    return;
  }
  changed_ = changed_ || next.greedy_over != run.greedy_over || next.fresh != run.fresh;

  if (transition.target == PatternTransition::kFan) {
    offer_fan(run, counters, transition, without);
    return;
  }
  if (transition.target == PatternTransition::kEnd) {
    if (forbidden || (without && transition.ending != Ending::kAtNext)) {
      changed_ = true;
    } else if (transition.ending == Ending::kAtNext) {
      changed_ = true;
      matches_.candidates.push_back({run.node, run.values, run.start, false, 0});
    } else {
      keep(next, counters);
    }
    return;
  }

  const PatternStep& step = current_.pattern->steps[transition.target];
  bool stays = transition.contiguity != Contiguity::kNext;
  if (transition.further && conditions_.fits_until(step, run.node)) {
    stays = false;
  } else if (conditions_.fits_step(transition.target, run.node)) {
    stays = transition.contiguity == Contiguity::kAny;
    if (transition.further || !conditions_.fits_until(step, run.node)) {
      take(run, counters, transition.target, forbidden, without);
    }
  }
  if (!stays || forbidden || without) {
    changed_ = true;
    return;
  }
  keep(next, counters);
}

// To a fan only `then` leads, without an absence, a gap or a greedy loop before it: the partial
// match stays, whatever it takes.
void PatternMatcher::offer_fan(const PatternRun& run, const std::uint32_t* counters,
                               const PatternTransition& fan, bool without) {
  const std::vector<FanTarget>& targets = current_.pattern->fan_targets;
  const auto is_open = [&](const FanTarget& target) {
    return std::all_of(target.tests.begin(), target.tests.end(),
                       [&](const CounterTest& test) { return is_passed(test, counters); });
  };
  const std::uint32_t first = targets[fan.fan_begin].step;
  const std::uint32_t count = fan.fan_end - fan.fan_begin;
  const std::vector<std::uint32_t>& here = conditions_.steps_here();
  for (auto at = std::lower_bound(here.begin(), here.end(), first);
       at != here.end() && *at - first < count; ++at) {
    current_.steps.take();
    const FanTarget& target = targets[fan.fan_begin + (*at - first)];
    const PatternStep& step = current_.pattern->steps[*at];
    if (!is_open(target) || !conditions_.fits_step(*at, run.node) ||
        conditions_.fits_until(step, run.node))
      continue;
    if (step.twin && is_open(targets[fan.fan_begin + (*step.twin - first)])) continue;
    fan_counters_.assign(counters, counters + current_.pattern->counter_count);
    for (const CounterUpdate& update : target.updates) apply(update, fan_counters_.data());
    take(run, fan_counters_.data(), *at, false, without);
  }
  if (without) {
    changed_ = true;
    return;
  }
  keep(run, counters);
}

// A fresh match that begins with the current event.
void PatternMatcher::offer_start(std::uint32_t transition_index) {
  const PatternTransition& transition = current_.pattern->transitions[transition_index];
  const PatternStep& step = current_.pattern->steps[transition.target];
  if (step.twin || !conditions_.fits_step(transition.target, 0) || conditions_.fits_until(step, 0))
    return;
  for (const std::uint32_t loop : transition.greedy) {
    if (conditions_.fits_step(loop, 0) && !conditions_.fits_until(current_.pattern->steps[loop], 0))
      return;
  }
  PatternRun fresh;
  fresh.first_time_us = current_.row->row->engine_time.us;
  fresh.start = current_.state != nullptr ? current_.state->next_start : 0;
  new_counters_.assign(current_.pattern->counter_count, 0);
  for (const CounterUpdate& update : transition.updates)
    new_counters_[update.counter] = update.value;
  const std::vector<std::uint32_t> counters = new_counters_;
  take(fresh, counters.data(), transition.target, false, false);
}

// `parent` takes the current event for `step`; where an absence or `without` forbids the event,
// only a match that it completes counts.
void PatternMatcher::take(const PatternRun& parent, const std::uint32_t* counters,
                          std::uint32_t step_index, bool forbidden, bool without) {
  const PatternStep& step = current_.pattern->steps[step_index];
  const std::int64_t now = current_.row->row->engine_time.us;
  const std::uint32_t count = current_.pattern->counter_count;
  changed_ = true;
  current_.steps.take(step.transitions.size());
  for (const std::uint32_t transition_index : step.transitions) {
    const PatternTransition& transition = current_.pattern->transitions[transition_index];
    if (!std::all_of(transition.tests.begin(), transition.tests.end(),
                     [&](const CounterTest& test) { return is_passed(test, counters); })) {
      continue;
    }
    const bool ends = transition.target == PatternTransition::kEnd;
    if (ends && transition.ending == Ending::kAtOnce) {
      matches_.candidates.push_back({parent.node, 0, parent.start, true, step_index});
      continue;
    }
    if (forbidden || without) continue;
    RunDraft draft;
    draft.takes = true;
    draft.step = step_index;
    draft.from = current_from_;
    draft.run = parent;
    draft.run.transition = transition_index;
    draft.run.values = 0;
    draft.run.greedy_over = 0;
    draft.run.fresh = transition.absent_next;
    draft.run.ends_us = PatternRun::kNever;
    if (ends && transition.ending == Ending::kAtDeadline) {
      draft.run.ends_us =
          (transition.waits_from_first ? parent.first_time_us : now) + transition.wait.us;
    } else if (!ends && transition.gap) {
      draft.run.ends_us = now + transition.gap->us;
    }
    draft.counters = static_cast<std::uint32_t>(drafts_.counters.size());
    drafts_.counters.insert(drafts_.counters.end(), counters, counters + count);
    for (const CounterUpdate& update : transition.updates) {
      apply(update, drafts_.counters.data() + draft.counters);
    }
    drafts_.runs.push_back(draft);
  }
}

void PatternMatcher::keep(const PatternRun& run, const std::uint32_t* counters) {
  RunDraft draft;
  draft.run = run;
  draft.from = current_from_;
  draft.counters = static_cast<std::uint32_t>(drafts_.counters.size());
  drafts_.counters.insert(drafts_.counters.end(), counters,
                          counters + current_.pattern->counter_count);
  drafts_.runs.push_back(draft);
}

// ---- time

void PatternMatcher::release(PatternPool& patterns, const std::byte* record, Offset state) {
  const std::uint32_t handle = *RecordStore::at<std::uint32_t>(record, state);
  const PatternState& at = patterns.at(handle);
  current_.stats.runs -= at.run_count() + (at.window.open ? 1 : 0);
  if (at.members != nullptr) current_.stats.runs -= at.members->starts.size();
  if (at.paths != nullptr) current_.stats.runs -= at.paths->starts.size();
  if (at.places != nullptr) current_.stats.runs -= at.places->starts();
  patterns.free(handle);
}

std::int64_t PatternMatcher::expiry(const RuleProgram& rule, PatternPool& patterns,
                                    std::byte* record, Offset state, std::int64_t now_us) {
  const std::uint32_t handle = *RecordStore::at<std::uint32_t>(record, state);
  PatternState& at = patterns.at(handle);
  current_.select_rule(rule, &at, {});
  std::int64_t latest = kDead;
  if (at.window.open && at.window.end_us <= now_us) windows_.drop();
  if (at.window.open) latest = std::max(latest, at.window.end_us);
  if (at.members != nullptr) latest = std::max(latest, members_.expiry(now_us));
  if (!at.waiting.empty()) latest = kNeverDies;
  if (at.paths != nullptr) latest = std::max(latest, paths_.expiry(rule, at, now_us));
  if (at.places != nullptr) latest = std::max(latest, sequence_.expiry(rule, at, now_us));
  if (at.lost_runs > 0 && at.lost_until_us > now_us) latest = std::max(latest, at.lost_until_us);
  at.settle();
  const std::uint32_t count = current_.pattern->counter_count;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < at.runs.size(); ++i) {
    const PatternRun run = at.runs[i];
    const std::int64_t end = current_.lives_until(run);
    if (end <= now_us) continue;
    latest = std::max(latest, end);
    std::copy_n(at.counters.begin() + static_cast<std::ptrdiff_t>(i * count), count,
                at.counters.begin() + static_cast<std::ptrdiff_t>(kept * count));
    at.runs[kept++] = run;
  }
  current_.stats.runs -= at.runs.size() - kept;
  at.runs.resize(kept);
  at.counters.resize(kept * count);
  if (rule.rule->suppression.kind() == Once::kPerVariable) {
    current_.row = nullptr;
    matches_.candidates.clear();
    matches_.given.clear();
    suppression_.keep_taken();
  }
  latest = std::max(latest, suppression_until(rule.rule->suppression, rule.suppression_life,
                                              at.suppression, now_us));
  if (latest == kDead) {
    patterns.free(handle);
  } else {
    patterns.count(at);
  }
  return latest;
}

// ---- a quiet time without an end, which budgets may end

std::optional<std::int64_t> PatternMatcher::quiet_since(const RuleProgram& rule,
                                                        PatternPool& patterns,
                                                        const std::byte* record, Offset place) {
  if (rule.method != Method::kGeneral || rule.suppression_life.quiet) return std::nullopt;
  const SuppressionState& state =
      patterns.at(*RecordStore::at<std::uint32_t>(record, place)).suppression;
  return state.quiet ? std::optional(state.last_alert_us) : std::nullopt;
}

void PatternMatcher::end_quiet(PatternPool& patterns, const std::byte* record, Offset place) {
  cep::end_quiet(patterns.at(*RecordStore::at<std::uint32_t>(record, place)).suppression);
}
}  // namespace tocsin::cep
