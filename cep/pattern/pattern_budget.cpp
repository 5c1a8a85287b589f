// What the general matcher drops where a budget is exceeded (cep/record/budget.h): the oldest
// partial matches of the current key, and, at the table's bidding, the oldest of a key group.
#include <algorithm>
#include <memory>
#include <utility>

#include "cep/alert/current_row.h"
#include "cep/pattern/pattern_matcher.h"
#include "cep/plan/rule.h"
#include "cep/record/budget_shares.h"

namespace tocsin::cep {
void PatternMatcher::lose(std::size_t count, BudgetCause cause) {
  lose(count, cause, current_.order_here());
}

void PatternMatcher::lose(std::size_t count, BudgetCause cause, const OrderKey& order) {
  current_.make_state();
  current_.state->lost_runs += count;
  current_.state->lost_until_us =
      std::max(current_.state->lost_until_us, missed_until(*current_.rule, order.time.us));
  current_.stats.runs_lost += count;
  OrderKey at = order;
  at.level = at.ordinal = 0;
  budgets_.note(current_.rule->index, cause, std::move(at));
}

void PatternMatcher::forget_lost_runs() {
  if (!any_live_ && current_.row->row->engine_time.us >= current_.state->lost_until_us)
    current_.state->lost_runs = 0;
}

void PatternMatcher::keep_to_budget() {
  const Limits& limits = current_.program.limits;
  const auto lose_drafts = [&](std::size_t count, BudgetCause cause) {
    if (count == 0) return;
    drafts_.runs.erase(drafts_.runs.begin(),
                       drafts_.runs.begin() + static_cast<std::ptrdiff_t>(count));
    lose(count, cause);
  };
  if (gave_up_ && !current_.is_stepwise()) {
    lose_drafts((drafts_.runs.size() + 1) / 2, BudgetCause::kStepsPerEvent);
  }
  if (drafts_.runs.size() > limits.runs_per_key_max) {
    lose_drafts(drafts_.runs.size() - limits.runs_per_key_max, BudgetCause::kRunsPerKey);
  }
  const std::size_t words = current_.state == nullptr ? 0 : current_.state->words.size();
  const std::size_t waiting = current_.state == nullptr ? 0 : current_.state->waiting.size();
  const std::size_t runs = drafts_.runs.size() + waiting;
  is_near_budget_ = false;
  if (drafts_.runs.empty() || !may_exceed_key_budget(limits, words, runs)) return;
  BudgetShare beside;
  const bool is_known = waiting == 0 && find_shares();
  if (!is_known) {
    if (current_.state != nullptr && current_.state->budget_words != 0 &&
        !may_exceed_key_budget_since(limits, current_.state->budget_events,
                                     current_.state->budget_bytes,
                                     words - current_.state->budget_words, runs)) {
      return;
    }
    meter_.begin(*current_.program.plan, *current_.rule->rule, current_.scope.table->layouts,
                 current_.scope.record, words);
    // What is complete, and waits for older ones, stays.
    for (std::size_t i = 0; i < waiting; ++i) meter_.add(current_.state->waiting[i].node);
    beside = {meter_.bytes(), meter_.events()};
    count_shares(limits, meter_, drafts_.runs, shares_);
  }
  is_near_budget_ = waiting == 0;
  const Plan& plan = *current_.program.plan;
  const auto [count, cause] = beyond_budget(
      limits, beside, drafts_.runs, shares_,
      [&](std::size_t i) {
        const RunDraft& draft = drafts_.runs[i];
        const RunDraft& after = drafts_.runs[i + 1];
        return after.takes && after.run.node == draft.run.node && after.step == draft.step;
      },
      [&] {
        return budget_bytes(plan, *current_.rule->rule, *current_.scope.batch, *current_.row->row);
      });
  if (current_.state != nullptr) {
    // Where something is dropped not all was counted.
    current_.state->budget_words = !is_known && count == 0 ? words : 0;
    current_.state->budget_events = meter_.events();
    current_.state->budget_bytes = meter_.bytes();
  }
  shares_.erase(shares_.begin(), shares_.begin() + static_cast<std::ptrdiff_t>(count));
  lose_drafts(count, cause);
}

RunMark PatternMatcher::mark_of(const PatternRun& run) const {
  const KeptEvent& event = *current_.event_of(run.node);
  const Node& last = current_.node(run.node)->node;
  return {run.start, last.length, event.engine_time_us, event.arrival(), run.node, last.parent};
}

// The drafts' shares, by what was counted before.
bool PatternMatcher::find_shares() {
  if (current_.state == nullptr || current_.state->tally == nullptr) return false;
  marks_.clear();
  for (const PatternRun& run : current_.state->runs) marks_.push_back(mark_of(run));
  from_.clear();
  for (const RunDraft& draft : drafts_.runs) from_.push_back(draft.from);
  return current_.state->tally->shares_of(marks_, from_, shares_);
}

// The drafts are the key's partial matches now: what they take with the current event.
void PatternMatcher::keep_tally() {
  marks_.clear();
  made_.clear();
  bool has_event = false;
  for (std::size_t i = drafts_.runs.size(); i-- > 0;) {
    const RunDraft& draft = drafts_.runs[i];
    if (!draft.takes) continue;
    if (made_.insert(draft.run.node).second) shares_[i].bytes += kPlaceBytes;
    if (std::exchange(has_event, true)) continue;
    shares_[i].bytes += budget_bytes(*current_.program.plan, *current_.rule->rule,
                                     *current_.scope.batch, *current_.row->row);
    ++shares_[i].events;
  }
  for (const RunDraft& draft : drafts_.runs) marks_.push_back(mark_of(draft.run));
  if (current_.state->tally == nullptr) current_.state->tally = std::make_unique<BudgetTally>();
  current_.state->tally->set(shares_, marks_);
}

std::uint64_t PatternMatcher::live_runs(const RuleProgram& rule, PatternPool& patterns,
                                        std::byte* record, Offset place, std::int64_t now_us,
                                        std::vector<LiveRun>& runs) {
  PatternState& state = patterns.at(*RecordStore::at<std::uint32_t>(record, place));
  current_.select_rule(rule, &state, {});
  live_starts(now_us, runs);
  meter_.begin(*current_.program.plan, *rule.rule, current_.scope.table->layouts, state.base(),
               state.words.size());
  path_events_ = state.paths != nullptr ? live_path_runs(rule, state, now_us, runs) : 0;
  for (const CompleteMatch& match : state.waiting) meter_.add(match.node);
  const std::uint64_t beside = meter_.bytes();
  const std::size_t first = runs.size();
  const auto add = [&](Offset last) {
    const std::uint64_t before = meter_.bytes();
    meter_.add(last);
    const KeptEvent* const event = current_.event_of(current_.node(last)->first);
    runs.push_back({event->engine_time_us, event->arrival(), meter_.bytes() - before});
  };
  if (state.window.open && state.window.end_us > now_us) add(state.window.node);
  for (std::size_t i = state.runs.size(); i-- > 0;) {
    if (current_.lives_until(state.runs[i]) > now_us) add(state.runs[i].node);
  }
  std::reverse(runs.begin() + static_cast<std::ptrdiff_t>(first), runs.end());
  return beside;
}

void PatternMatcher::drop_live_runs(const RuleProgram& rule, PatternPool& patterns,
                                    std::byte* record, Offset place, std::int64_t now_us,
                                    std::size_t count) {
  PatternState& state = patterns.at(*RecordStore::at<std::uint32_t>(record, place));
  current_.select_rule(rule, &state, {});
  if (count == 0) return;
  if (state.members != nullptr) {
    drop_starts(now_us, count);
  } else if (state.window.open && state.window.end_us > now_us) {
    const std::uint64_t events = state.window.count;
    drop_window();
    state.lost_runs += events;
    current_.stats.runs_lost += events;
  } else if (state.paths != nullptr) {
    drop_path_runs(rule, state, now_us, count);
  } else {
    const std::size_t counters = current_.pattern->counter_count;
    std::size_t kept = 0;
    std::size_t dropped = 0;
    for (std::size_t i = 0; i < state.runs.size(); ++i) {
      const PatternRun run = state.runs[i];
      if (current_.lives_until(run) <= now_us) {
        if (kept > 0) state.tally.reset();
        continue;
      }
      if (dropped < count) {
        ++dropped;
        continue;
      }
      std::copy_n(state.counters.begin() + static_cast<std::ptrdiff_t>(i * counters), counters,
                  state.counters.begin() + static_cast<std::ptrdiff_t>(kept * counters));
      state.runs[kept++] = run;
    }
    current_.stats.runs -= state.runs.size() - kept;
    current_.stats.runs_lost += dropped;
    state.runs.resize(kept);
    state.counters.resize(kept * counters);
    state.lost_runs += dropped;
    if (state.words.size() > 2 * state.words_kept) nodes_.collect_words();
  }
  state.lost_until_us = std::max(state.lost_until_us, missed_until(rule, now_us));
  patterns.count(state);
}
}  // namespace tocsin::cep
