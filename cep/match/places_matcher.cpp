#include "cep/match/places_matcher.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "cep/places/busy_key.h"
#include "cep/places/busy_row.h"
#include "cep/places/places.h"
#include "cep/places/places_part.h"
#include "cep/plan/rule.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
namespace {
// A partial match that has taken so many events makes its key a busy one too.
constexpr std::uint32_t kEventsOfStage = 256;

class PlacesRow : public BusyRow {
 public:
  PlacesRow(CurrentRuns& current, RunConditions& conditions, BusyKey& key)
      : BusyRow(*current.rule, key, current.steps, current.stats, conditions.memo()),
        current_(current),
        conditions_(conditions) {}
  bool ends_loop(std::uint32_t /*step*/) override { return false; }
  bool ends_all() override { return false; }
  bool is_considered() override { return current_.is_considered; }

 private:
  const CurrentRow& current() const override { return *current_.row; }
  EvalScope scope_at(int taken_step) override { return current_.scope_at(0, taken_step); }
  const KeptEvent& captured() override {
    current_.capture.capture(row());
    return current_.capture.captured();
  }
  bool fits_row(const ElementProgram& element, int taken_step) override {
    return conditions_.fits_row(element, 0, taken_step);
  }

  CurrentRuns& current_;
  RunConditions& conditions_;
};
}  // namespace

bool PlacesMatcher::on_event(const OperatorEntry& entry) {
  current_.read_state(&entry);
  const std::int64_t now = current_.now_us();
  PatternState& host = current_.context->patterns.at(current_.state.handle());
  PlacesState& state = *host.places;
  conditions_.begin();
  current_.is_considered =
      current_.rule->strict && current_.row->satisfies(current_.rule->considered_predicate);
  BusyKey key(current_.program, *current_.scope.table, *current_.rule, state);
  Places places(*current_.rule, state);
  const std::uint64_t began = state.starts();
  places.expire(now);
  if (state.is_empty()) {
    current_.stats.runs -= began;
    current_.context->patterns.free(current_.state.handle());
    RecordStore::at<RuleHeader>(current_.record, entry.state)->set_idle();
    return false;
  }
  PlacesRow row(current_, conditions_, key);
  const GroupShare before{state.starts(), key.budget_bytes()};
  if (places.take(row)) {
    bool is_given = true;
    if (!current_.rule->rule->having && selection_.is_suppressed(now)) {
      selection_.suppress();
    } else {
      const std::optional<PlacesMatch> match = places.match(row);
      is_given = match && give_match(state, *match, places.end_part());
    }
    places.done();
    if (is_given && current_.rule->rule->selection.kind == SelectionKind::kSkipPastLast)
      places.clear();
  }
  current_.gave_up = current_.gave_up || row.gave_up();
  if (current_.gave_up && !state.is_empty()) drop_older_starts(state);
  groups_.spend_growth(*current_.rule, before, {state.starts(), key.budget_bytes()});
  if (row.is_captured() && !state.is_empty()) keep_to_budget(state);
  current_.stats.runs += state.starts();
  current_.stats.runs -= began;
  if (state.is_empty()) {
    current_.context->patterns.free(current_.state.handle());
    current_.state.set_idle();
  } else {
    current_.context->patterns.count(host);
  }
  current_.write_state(entry.state);
  return true;
}

// Whether `skip past last` selected it.
bool PlacesMatcher::give_match(PlacesState& state, const PlacesMatch& match,
                               const PlacesPart& part) {
  BusyKey key(current_.program, *current_.scope.table, *current_.rule, state);
  const CompletedRun completed{key.write_nodes(part, match, match_words_), 0};
  std::optional<BusyLoop> loop;
  if (!current_.rule->places->loops.empty())
    current_.scope.loop = &loop.emplace(*current_.rule, state, part, match);
  current_.scope.record = reinterpret_cast<const std::byte*>(match_words_.data());
  const bool is_selected = selection_.give(completed);
  current_.scope.record = current_.record;
  current_.scope.loop = nullptr;
  return is_selected;
}

// The oldest first events go.
void PlacesMatcher::keep_to_budget(PlacesState& state) {
  const Limits& limits = current_.program.limits;
  BusyKey key(current_.program, *current_.scope.table, *current_.rule, state);
  Places places(*current_.rule, state);
  const std::int64_t now = current_.now_us();
  const auto lose = [&](auto&& is_over, BudgetCause cause) {
    const std::uint64_t before = state.starts();
    while (!state.is_empty() && is_over()) {
      places.drop_before(state.log.begin() + 1, now);
    }
    const std::uint64_t lost = before - state.starts();
    if (lost > 0) losses_.lose(lost, cause);
  };
  lose([&] { return state.log.size() > limits.events_per_key_max; }, BudgetCause::kEventsPerKey);
  if (current_.rule->places->is_searched()) {
    lose([&] { return state.starts() > limits.runs_per_key_max; }, BudgetCause::kRunsPerKey);
  }
  lose([&] { return key.budget_bytes() > limits.bytes_per_key_max; }, BudgetCause::kBytesPerKey);
}

// Of a busy key, whose partial matches are those that its first events began.
void PlacesMatcher::drop_older_starts(PlacesState& state) {
  const std::uint64_t before = state.starts();
  Places places(*current_.rule, state);
  while (state.starts() > before / 2) {
    places.drop_before(state.log.begin() + 1, current_.now_us());
  }
  losses_.lose(before - state.starts(), BudgetCause::kStepsPerEvent);
}

// Where partial matches cannot become places, they are looked at again when there are many more of
// them or they are twice as long, not at each event.
bool PlacesMatcher::becomes_busy(std::uint32_t runs_before,
                                 const std::vector<Draft>& drafts) const {
  if (drafts.empty()) return false;
  if (has_many_more_runs(runs_before, drafts.size(), current_.program.limits.busy_key_runs))
    return true;
  const Draft& oldest = drafts.front();
  if (!oldest.takes) return false;
  const std::uint32_t length = RecordStore::at<Node>(current_.record, oldest.run.node)->length;
  return length >= kEventsOfStage && std::has_single_bit(length);
}

bool PlacesMatcher::make_busy() {
  OperatorEntry* const entry = RecordStore::find(current_.record, current_.rule->op);
  auto* const header = RecordStore::at<RuleHeader>(current_.record, entry->state);
  const std::uint32_t handle = current_.context->patterns.make();
  PatternState& host = current_.context->patterns.at(handle);
  host.places = BusyKey::make(*current_.rule);
  BusyKey key(current_.program, *current_.scope.table, *current_.rule, *host.places);
  const Run* const runs = current_.runs_at(entry->state);
  if (!key.fill(current_.record, runs, header->run_count)) {
    ++current_.stats.keys_left_as_runs;
    current_.context->patterns.free(handle);
    return false;
  }
  ++current_.stats.keys_made_busy;
  current_.stats.runs += host.places->starts();
  current_.stats.runs -= header->run_count;
  groups_.spend(*current_.rule, host.places->starts(), key.budget_bytes());
  header->set_busy(handle);
  current_.context->patterns.count(host);
  return true;
}

std::int64_t PlacesMatcher::expiry(const RuleProgram& rule, PatternPool& patterns,
                                   RuleHeader& header, std::int64_t now_us) {
  PatternState& host = patterns.at(header.handle());
  PlacesState& state = *host.places;
  const std::uint64_t before = state.starts();
  Places(rule, state).expire(now_us);
  current_.stats.runs -= before - state.starts();
  if (state.is_empty()) {
    patterns.free(header.handle());
    header.set_idle();
    return CurrentRuns::kDead;
  }
  patterns.count(host);
  const KeptEvent& newest = state.log[state.newest_start()];
  return rule.within ? newest.engine_time_us + rule.within->us : CurrentRuns::kNeverDies;
}

std::uint64_t PlacesMatcher::live_runs(const RuleProgram& rule, PatternPool& patterns,
                                       const RuleHeader& header, std::int64_t now_us,
                                       std::vector<LiveRun>& runs) const {
  PlacesState& state = *patterns.at(header.handle()).places;
  BusyKey(current_.program, *current_.scope.table, rule, state).live_runs(now_us, runs);
  return runs.empty() ? 0 : state.log.size();
}

void PlacesMatcher::drop_live_runs(const RuleProgram& rule, PatternPool& patterns,
                                   RuleHeader& header, std::int64_t now_us, std::size_t count) {
  PlacesState& state = *patterns.at(header.handle()).places;
  Places places(rule, state);
  const std::uint64_t before = state.starts();
  places.expire(now_us);
  count = std::min<std::size_t>(count, state.starts());
  const std::uint64_t kept = state.starts() - count;
  while (state.starts() > kept) places.drop_before(state.log.begin() + 1, now_us);
  current_.stats.runs -= before - state.starts();
  current_.stats.runs_lost += count;
  header.lost_runs += static_cast<std::uint32_t>(count);
  header.lost_until_us = std::max(header.lost_until_us, missed_until(rule, now_us));
}

void PlacesMatcher::release(PatternPool& patterns, const RuleHeader& header) {
  current_.stats.runs -= patterns.at(header.handle()).places->starts();
  patterns.free(header.handle());
}
}  // namespace tocsin::cep
