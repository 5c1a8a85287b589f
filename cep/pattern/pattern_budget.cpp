// What the general matcher drops at the table's bidding where a budget of a key group is exceeded
// (cep/record/budget.h): the oldest partial matches of its keys.
#include <algorithm>

#include "cep/pattern/pattern_matcher.h"
#include "cep/plan/rule.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
std::uint64_t PatternMatcher::live_runs(const RuleProgram& rule, PatternPool& patterns,
                                        std::byte* record, Offset place, std::int64_t now_us,
                                        std::vector<LiveRun>& runs) {
  PatternState& state = patterns.at(*RecordStore::at<std::uint32_t>(record, place));
  state.settle();
  current_.select_rule(rule, &state, {});
  busy_events_ = state.members != nullptr ? members_.live_runs(now_us, runs) : 0;
  meter_.begin(*current_.program.plan, *rule.rule, current_.scope.table->layouts, state.base(),
               state.words.size());
  path_events_ = state.paths != nullptr ? paths_.live_runs(rule, state, now_us, runs) : 0;
  if (state.places != nullptr) path_events_ = sequence_.live_runs(rule, state, now_us, runs);
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
  state.settle();
  if (state.members != nullptr) {
    members_.drop_starts(now_us, count);
  } else if (state.window.open && state.window.end_us > now_us) {
    const std::uint64_t events = state.window.count;
    windows_.drop();
    state.lost_runs += events;
    current_.stats.runs_lost += events;
  } else if (state.paths != nullptr) {
    paths_.drop_runs(rule, state, now_us, count);
  } else if (state.places != nullptr) {
    sequence_.drop_runs(rule, state, now_us, count);
  } else {
    const std::size_t counters = current_.pattern->counter_count;
    std::size_t kept = 0;
    std::size_t dropped = 0;
    for (std::size_t i = 0; i < state.runs.size(); ++i) {
      const PatternRun run = state.runs[i];
      if (current_.lives_until(run) <= now_us) continue;
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
