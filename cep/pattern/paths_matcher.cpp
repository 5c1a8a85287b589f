#include "cep/pattern/paths_matcher.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "cep/alert/alert_builder.h"
#include "cep/alert/current_row.h"
#include "cep/pattern/paths_key.h"
#include "cep/places/paths.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
// The current row as places see it.
class PathsMatcher::PathsRow : public PathsEvent {
 public:
  PathsRow(PathsMatcher& matcher, PathsKey& key) : matcher_(matcher), key_(key) {}
  bool fits(std::uint32_t step) override { return matcher_.conditions_.fits_step(step, 0); }
  bool is_forbidden(std::uint32_t absence) override {
    return matcher_.conditions_.fits(matcher_.current_.pattern->absences[absence].forbid, 0, -1,
                                     PatternStep::kNoSlot);
  }
  std::uint32_t subset(std::uint32_t step) override {
    const Element& element = *matcher_.current_.pattern->steps[step].element;
    if (element.events().size() < 2) return 0;
    return static_cast<std::uint32_t>(
        subset_of_event(element, EventView{matcher_.current_.row->row, nullptr},
                        matcher_.current_.scope_at(0, -1)));
  }
  std::uint64_t capture() override {
    if (!number_) {
      matcher_.current_.capture_row();
      number_ = key_.push_event(matcher_.current_.capture.captured());
    }
    return *number_;
  }
  bool is_captured() const { return number_.has_value(); }

 private:
  PathsMatcher& matcher_;
  PathsKey& key_;
  std::optional<std::uint64_t> number_;
};

bool PathsMatcher::on_event() {
  PathsState& state = *current_.state->paths;
  const std::int64_t now = current_.row->row->engine_time.us;
  PathsKey key(current_.program, *current_.scope.table, *current_.rule, state);
  Paths paths(*current_.pattern->paths, current_.rule->within, state);
  const std::uint64_t began = state.starts.size();
  paths.expire(now);
  if (state.is_empty()) {
    current_.stats.runs -= began;
    current_.state->paths.reset();
    current_.context->patterns.count(*current_.state);
    return false;
  }
  PathsRow row(*this, key);
  const GroupShare before{state.starts.size(), key.budget_bytes()};
  if (paths.take(row)) {
    const bool is_given = selection_.give_chain(state.log, paths.match());
    if (is_given && current_.rule->rule->selection.kind == SelectionKind::kSkipPastLast)
      paths.clear();
    if (lost_.gave_up() && !state.is_empty()) {
      lost_.lose(drop_starts(*current_.rule, *current_.state, now, (state.starts.size() + 1) / 2),
                 BudgetCause::kStepsPerEvent);
    }
  }
  groups_.spend_growth(*current_.rule, before, {state.starts.size(), key.budget_bytes()});
  if (row.is_captured() && !state.is_empty()) keep_to_budget();
  current_.stats.runs += state.starts.size();
  current_.stats.runs -= began;
  if (state.is_empty()) current_.state->paths.reset();
  current_.context->patterns.count(*current_.state);
  return true;
}

// The oldest first events go.
void PathsMatcher::keep_to_budget() {
  const Limits& limits = current_.program.limits;
  PathsState& state = *current_.state->paths;
  const PathsKey key(current_.program, *current_.scope.table, *current_.rule, state);
  Paths paths(*current_.pattern->paths, current_.rule->within, state);
  const std::int64_t now = current_.row->row->engine_time.us;
  const auto lose_oldest = [&](auto&& is_over, BudgetCause cause) {
    const std::uint64_t before = state.starts.size();
    while (!state.is_empty() && is_over()) paths.drop_before(state.starts.front() + 1, now);
    const std::uint64_t lost = before - state.starts.size();
    if (lost > 0) lost_.lose(lost, cause);
  };
  lose_oldest([&] { return state.log.size() > limits.events_per_key_max; },
              BudgetCause::kEventsPerKey);
  lose_oldest([&] { return key.budget_bytes() > limits.bytes_per_key_max; },
              BudgetCause::kBytesPerKey);
}

// Of a busy key, the oldest `count`, and those that are over. Gives how many of them were not.
std::uint64_t PathsMatcher::drop_starts(const RuleProgram& rule, PatternState& of,
                                        std::int64_t now_us, std::uint64_t count) {
  PathsState& state = *of.paths;
  Paths paths(*rule.pattern->paths, rule.within, state);
  paths.expire(now_us);
  const std::uint64_t before = state.starts.size();
  const std::uint64_t kept = before - std::min(count, before);
  while (state.starts.size() > kept) paths.drop_before(state.starts.front() + 1, now_us);
  return before - state.starts.size();
}

void PathsMatcher::drop_runs(const RuleProgram& rule, PatternState& of, std::int64_t now_us,
                             std::uint64_t count) {
  const std::uint64_t before = of.paths->starts.size();
  const std::uint64_t lost = drop_starts(rule, of, now_us, count);
  current_.stats.runs -= before - of.paths->starts.size();
  current_.stats.runs_lost += lost;
  of.lost_runs += lost;
  if (of.paths->is_empty()) of.paths.reset();
}

void PathsMatcher::make(std::size_t runs_before) {
  PatternState& state = *current_.state;
  if (!has_many_more_runs(runs_before, state.run_count(), current_.program.limits.busy_key_runs))
    return;
  state.settle();
  auto places = std::make_unique<PathsState>(*current_.pattern->paths);
  PathsKey key(current_.program, *current_.scope.table, *current_.rule, *places);
  if (!key.fill(state)) {
    ++current_.stats.keys_left_as_runs;
    return;
  }
  ++current_.stats.keys_made_busy;
  current_.stats.runs += places->starts.size();
  current_.stats.runs -= state.runs.size();
  groups_.spend(*current_.rule, places->starts.size(), key.budget_bytes());
  state.paths = std::move(places);
  state.drop_runs();
  current_.scope.record = state.base();
  nodes_.begin();
  current_.context->patterns.count(state);
}

std::int64_t PathsMatcher::expiry(const RuleProgram& rule, PatternState& of, std::int64_t now_us) {
  PathsState& state = *of.paths;
  const std::uint64_t before = state.starts.size();
  Paths(*rule.pattern->paths, rule.within, state).expire(now_us);
  current_.stats.runs -= before - state.starts.size();
  if (state.is_empty()) {
    of.paths.reset();
    return CurrentPattern::kDead;
  }
  const KeptEvent& newest = state.log[state.starts.back()];
  return rule.within ? newest.engine_time_us + rule.within->us : CurrentPattern::kNeverDies;
}

std::uint64_t PathsMatcher::live_runs(const RuleProgram& rule, PatternState& of,
                                      std::int64_t now_us, std::vector<LiveRun>& runs) const {
  const std::size_t before = runs.size();
  PathsKey(current_.program, *current_.scope.table, rule, *of.paths).live_runs(now_us, runs);
  return runs.size() > before ? of.paths->log.size() : 0;
}
}  // namespace tocsin::cep
