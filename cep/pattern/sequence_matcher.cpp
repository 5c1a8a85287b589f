#include "cep/pattern/sequence_matcher.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "cep/alert/alert_builder.h"
#include "cep/alert/current_row.h"
#include "cep/places/busy_key.h"
#include "cep/places/busy_row.h"
#include "cep/places/places.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// A partial match that has taken so many events makes its key a busy one too.
constexpr std::uint32_t kEventsOfStage = 256;

// The oldest first events beyond `kept` go. Gives how many went.
std::uint64_t drop_starts(Places& places, PlacesState& state, std::int64_t now_us,
                          std::uint64_t kept) {
  const std::uint64_t before = state.starts();
  while (state.starts() > kept) places.drop_before(state.log.begin() + 1, now_us);
  return before - state.starts();
}
}  // namespace

class SequenceMatcher::SequenceRow : public BusyRow {
 public:
  SequenceRow(SequenceMatcher& matcher, BusyKey& key)
      : BusyRow(matcher.sequence(), key, matcher.current_.steps, matcher.current_.stats,
                matcher.conditions_.memo()),
        matcher_(matcher) {}
  bool ends_loop(std::uint32_t step) override {
    return matcher_.conditions_.fits_until(matcher_.current_.pattern->steps[step], 0);
  }
  bool ends_all() override {
    const std::optional<ElementProgram>& without = matcher_.current_.pattern->without;
    return without && fits_row(*without, -1);
  }
  bool is_considered() override { return true; }

 private:
  const CurrentRow& current() const override { return *matcher_.current_.row; }
  EvalScope scope_at(int taken_step) override {
    EvalScope scope = matcher_.current_.scope_at(0, taken_step);
    scope.rule = &rule();
    scope.pattern = nullptr;
    return scope;
  }
  const KeptEvent& captured() override {
    matcher_.current_.capture_row();
    return matcher_.current_.capture.captured();
  }
  bool fits_row(const ElementProgram& element, int taken_step) override {
    return matcher_.conditions_.fits_row(element, taken_step);
  }

  SequenceMatcher& matcher_;
};

bool SequenceMatcher::on_event() {
  PlacesState& state = *current_.state->places;
  const std::int64_t now = current_.row->row->engine_time.us;
  BusyKey key(current_.program, *current_.scope.table, sequence(), state);
  Places places(sequence(), state);
  const std::uint64_t began = state.starts();
  places.expire(now);
  if (state.is_empty()) {
    current_.stats.runs -= began;
    current_.state->places.reset();
    current_.context->patterns.count(*current_.state);
    return false;
  }
  SequenceRow row(*this, key);
  const GroupShare before{state.starts(), key.budget_bytes()};
  if (places.take(row)) {
    bool is_given = true;
    if (!selection_.is_suppressed()) {
      const std::optional<PlacesMatch> match = places.match(row);
      is_given = match && give(*match, places.end_part());
    }
    places.done();
    if (is_given && current_.rule->rule->selection.kind == SelectionKind::kSkipPastLast)
      places.clear();
  }
  if (row.ends_all()) places.drop_before(state.log.end() - (row.is_captured() ? 1 : 0), now);
  if ((row.gave_up() || lost_.gave_up()) && !state.is_empty()) {
    lost_.lose(drop_starts(places, state, now, state.starts() / 2), BudgetCause::kStepsPerEvent);
  }
  groups_.spend_growth(*current_.rule, before, {state.starts(), key.budget_bytes()});
  if (row.is_captured() && !state.is_empty()) keep_to_budget();
  current_.stats.runs += state.starts();
  current_.stats.runs -= began;
  if (state.is_empty()) current_.state->places.reset();
  current_.context->patterns.count(*current_.state);
  return true;
}

// Whether it was selected. The alert is made as of a rule of the simple methods: its nodes have no
// slots, and not all events of its loops.
bool SequenceMatcher::give(const PlacesMatch& match, const PlacesPart& part) {
  PlacesState& state = *current_.state->places;
  const BusyKey key(current_.program, *current_.scope.table, sequence(), state);
  const Offset last = key.write_nodes(part, match, match_words_);
  const BusyLoop loop(sequence(), state, part, match);
  EvalScope& scope = current_.scope;
  scope.rule = &sequence();
  scope.pattern = nullptr;
  scope.loop = &loop;
  scope.record = reinterpret_cast<const std::byte*>(match_words_.data());
  const bool is_given =
      selection_.give_last(last, static_cast<std::uint32_t>(sequence().steps.size() - 1));
  scope.rule = current_.rule;
  scope.pattern = current_.pattern;
  scope.loop = nullptr;
  scope.record = current_.state->base();
  return is_given;
}

// The oldest first events go.
void SequenceMatcher::keep_to_budget() {
  const Limits& limits = current_.program.limits;
  PlacesState& state = *current_.state->places;
  const BusyKey key(current_.program, *current_.scope.table, sequence(), state);
  Places places(sequence(), state);
  const std::int64_t now = current_.row->row->engine_time.us;
  const auto lose_oldest = [&](auto&& is_over, BudgetCause cause) {
    const std::uint64_t before = state.starts();
    while (!state.is_empty() && is_over()) places.drop_before(state.log.begin() + 1, now);
    const std::uint64_t lost = before - state.starts();
    if (lost > 0) lost_.lose(lost, cause);
  };
  lose_oldest([&] { return state.log.size() > limits.events_per_key_max; },
              BudgetCause::kEventsPerKey);
  lose_oldest([&] { return key.budget_bytes() > limits.bytes_per_key_max; },
              BudgetCause::kBytesPerKey);
  if (sequence().places->is_searched()) {
    lose_oldest([&] { return state.starts() > limits.runs_per_key_max; }, BudgetCause::kRunsPerKey);
  }
}

// Of such a length that it is looked at again when it is twice as long, not at each event.
bool SequenceMatcher::has_long_run() const {
  const auto is_long = [&](const PatternRun& run) {
    const std::uint32_t length = current_.node(run.node)->node.length;
    return length >= kEventsOfStage && std::has_single_bit(length) &&
           current_.event_of(run.node)->arrival() == current_.row->row->arrival;
  };
  return current_.state->order == nullptr && std::ranges::any_of(current_.state->runs, is_long);
}

void SequenceMatcher::make(std::size_t runs_before) {
  PatternState& state = *current_.state;
  const bool has_many =
      has_many_more_runs(runs_before, state.run_count(), current_.program.limits.busy_key_runs);
  if (!has_many && !has_long_run()) return;
  state.settle();
  auto places = BusyKey::make(sequence());
  BusyKey key(current_.program, *current_.scope.table, sequence(), *places);
  if (!key.fill(state, *current_.pattern)) {
    ++current_.stats.keys_left_as_runs;
    return;
  }
  ++current_.stats.keys_made_busy;
  current_.stats.runs += places->starts();
  current_.stats.runs -= state.runs.size();
  groups_.spend(*current_.rule, places->starts(), key.budget_bytes());
  state.places = std::move(places);
  state.drop_runs();
  current_.scope.record = state.base();
  nodes_.begin();
  current_.context->patterns.count(state);
}

std::int64_t SequenceMatcher::expiry(const RuleProgram& rule, PatternState& of,
                                     std::int64_t now_us) {
  PlacesState& state = *of.places;
  const std::uint64_t before = state.starts();
  Places(*rule.pattern->sequence, state).expire(now_us);
  current_.stats.runs -= before - state.starts();
  if (state.is_empty()) {
    of.places.reset();
    return CurrentPattern::kDead;
  }
  const KeptEvent& newest = state.log[state.newest_start()];
  return rule.within ? newest.engine_time_us + rule.within->us : CurrentPattern::kNeverDies;
}

std::uint64_t SequenceMatcher::live_runs(const RuleProgram& rule, PatternState& of,
                                         std::int64_t now_us, std::vector<LiveRun>& runs) const {
  const std::size_t before = runs.size();
  BusyKey(current_.program, *current_.scope.table, *rule.pattern->sequence, *of.places)
      .live_runs(now_us, runs);
  return runs.size() > before ? of.places->log.size() : 0;
}

void SequenceMatcher::drop_runs(const RuleProgram& rule, PatternState& of, std::int64_t now_us,
                                std::uint64_t count) {
  PlacesState& state = *of.places;
  Places places(*rule.pattern->sequence, state);
  const std::uint64_t before = state.starts();
  places.expire(now_us);
  count = std::min(count, state.starts());
  const std::uint64_t lost = drop_starts(places, state, now_us, state.starts() - count);
  current_.stats.runs -= before - state.starts();
  current_.stats.runs_lost += lost;
  of.lost_runs += lost;
  if (state.is_empty()) of.places.reset();
}
}  // namespace tocsin::cep
