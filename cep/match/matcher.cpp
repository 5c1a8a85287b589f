#include "cep/match/matcher.h"

#include <algorithm>
#include <span>

#include "cep/base/assert.h"
#include "cep/match/feature_store.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// So few partial matches are looked at one by one.
constexpr std::uint32_t kFewRuns = 8;

// How many of the partial matches began at or before the event.
std::uint32_t count_begun_by(const std::byte* record, const KeptEvent& event,
                             std::span<const Run> runs) {
  std::uint32_t begun = 0;
  for (; begun < runs.size(); ++begun) {
    const Run& run = runs[begun];
    if (run.first_time_us > event.engine_time_us) break;
    if (run.first_time_us == event.engine_time_us &&
        CurrentRuns::first_event(record, run.node)->arrival() > event.arrival()) {
      break;
    }
  }
  return begun;
}
}  // namespace

Matcher::Matcher(const ProgramImpl& program, const TableProgram& table, RecordStore& store,
                 EventCapture& capture, EngineStats& stats, GroupBudgets& groups,
                 BudgetLog& budgets)
    : current_(program, table, store, capture, stats),
      conditions_(current_),
      losses_(current_, budgets),
      offers_(current_, conditions_, losses_, drafted_),
      pruning_(current_, drafted_.runs),
      budget_(current_, losses_, drafted_.runs),
      room_(current_),
      starts_(current_, groups, budget_, room_),
      writer_(current_, groups, room_, drafted_.runs),
      selection_(current_, losses_, drafted_.completed),
      places_(current_, conditions_, losses_, selection_, groups),
      strict_(current_, conditions_, selection_),
      general_(program, table, store, capture, stats, groups, budgets) {}

void Matcher::on_event(const RuleProgram& rule, const MatchContext& context, CurrentRow& row,
                       std::uint32_t queue) {
  if (rule.method == Method::kGeneral) {
    general_.on_event(rule, context, row, queue);
    return;
  }
  const bool may_start = row.satisfies(rule.steps[0].take.predicate);
  if (rule.method == Method::kSingle) {
    if (!may_start || (rule.count_test && !passes(*rule.count_test, row))) return;
    current_.begin_event(context, row);
    current_.select_rule(rule, row.record);
    give_single_event();
    return;
  }
  OperatorEntry* const entry =
      row.record != nullptr ? RecordStore::find(row.record, rule.op) : nullptr;
  const RuleHeader* const header =
      entry == nullptr ? nullptr : RecordStore::at<RuleHeader>(row.record, entry->state);
  const bool is_busy = header != nullptr && header->is_busy();
  if (is_busy) {
    current_.begin_event(context, row);
    current_.select_rule(rule, row.record);
    if (places_.on_event(*entry)) return;
  }
  if (!may_start && (header == nullptr || header->run_count == 0)) return;
  if (header == nullptr && starts_.start(rule, row)) return;
  if (!may_start && stays(rule, row, *entry)) return;
  if (!is_busy) current_.begin_event(context, row);
  current_.select_rule(rule, row.record);
  current_.read_state(entry);
  current_.is_considered = rule.strict && row.satisfies(rule.considered_predicate);
  conditions_.begin();
  offers_.begin();

  const std::uint32_t runs_before = current_.state.run_count;
  if (runs_before > kFewRuns && passes_by(*entry, may_start, queue)) return;
  offers_.offer_all(entry != nullptr ? current_.runs_at(entry->state) : nullptr, may_start);
  bool changed = offers_.changed();
  bool state_changed = false;
  if (!drafted_.completed.empty()) {
    state_changed = true;
    if (selection_.give_completed() && rule.rule->selection.kind == SelectionKind::kSkipPastLast) {
      // All began at or before this event, the match's last.
      changed = changed || runs_before > 0;
      drafted_.runs.clear();
    }
  }
  if (!changed && !current_.gave_up && drafted_.runs.size() == runs_before) {
    if (state_changed && entry != nullptr) {
      current_.write_state(entry->state);
    } else if (state_changed && rule.once) {
      writer_.commit(nullptr);
    }
    return;
  }
  if (rule.prunes && drafted_.runs.size() > 1) {
    const std::size_t lost = pruning_.prune();
    if (lost > 0) losses_.lose(lost, BudgetCause::kStepsPerEvent);
  }
  budget_.keep();
  writer_.commit(entry);
  budget_.write_tally();
  if (rule.ends_absent) writer_.set_deadlines(queue);
  if (rule.places && places_.becomes_busy(runs_before, drafted_.runs) && places_.make_busy()) {
    budget_.tallies().forget(rule.index, row.slot->hash);
  }
}

// Whether the row, which begins nothing, changes nothing of the rule at its key. A few runs never
// take more steps than any event may.
bool Matcher::stays(const RuleProgram& rule, const CurrentRow& row,
                    const OperatorEntry& entry) const {
  const auto* const header = RecordStore::at<RuleHeader>(row.record, entry.state);
  if (header->run_count > kFewRuns ||
      current_.program.limits.steps_per_event_max < 16 * std::uint64_t{kFewRuns}) {
    return false;
  }
  const auto* const runs = RecordStore::at<Run>(row.record, entry.state + rule_header_words(rule));
  return RunOffers::leaves_all(rule, row, {runs, header->run_count});
}

bool Matcher::passes(const CountTest& test, const CurrentRow& row) const {
  const FeatureProgram& feature = current_.program.features[test.feature];
  return feature.has_key[row.row->type.value] &&
         words_compare(test.op, FeatureStore::count_in_ring(feature, row), test.number);
}

// A rule of one event and no memory: the event is the match.
void Matcher::give_single_event() {
  conditions_.begin();
  if (!conditions_.fits(current_.rule->steps[0].take, 0, 0, true)) return;
  current_.state = {};
  current_.once = {};
  selection_.give({});
}

// An event that concerns none of the key's partial matches: no step that they wait for takes it,
// and no absence forbids it. Such an event costs what it begins and what is over by it, not a look
// at each partial match. So a rule such as `A then no B for 1h` does not cost a key more the more A
// it has. False where it may concern one, or where more than that may follow from it.
bool Matcher::passes_by(OperatorEntry& entry, bool may_start, std::uint32_t queue) {
  const Limits& limits = current_.program.limits;
  const std::uint32_t runs_after = std::min(current_.state.run_count + 2, limits.runs_per_key_max);
  const std::uint64_t words = reinterpret_cast<const RecordHeader*>(current_.record)->used;
  // A fresh one that waits for a deadline of its own is compared with no other.
  const bool stands_alone = current_.rule->ends_absent && current_.rule->steps.size() == 1 &&
                            !current_.rule->waits_from_first;
  if (current_.rule->places || (may_start && current_.rule->prunes_over_starts && !stands_alone) ||
      limits.runs_per_key_max <= kFewRuns || offers_.concerns_runs()) {
    return false;
  }
  const bool is_near = may_exceed_key_budget(limits, words, runs_after);
  if (is_near && !budget_.is_known()) return false;
  const std::uint32_t expired = drop_expired(entry);
  current_.stats.runs -= expired;
  if (is_near && !budget_.follow(current_.all_runs(entry))) return false;
  offers_.pass_by(may_start);
  TOCSIN_ASSERT(drafted_.completed.empty(), "a rule of one event has no partial matches");
  if (!drafted_.runs.empty()) {
    const std::size_t begun = drafted_.runs.size();
    keep_to_runs(entry);
    if (is_near) {
      drop_oldest(entry, budget_.keep_begun(current_.all_runs(entry)));
    } else {
      budget_.tallies().forget(current_.rule->index, current_.row->slot->hash);
    }
    writer_.commit(&entry, current_.state.run_count);
    if (is_near) budget_.write_begun(begun);
    if (current_.rule->ends_absent) writer_.set_deadlines(queue);
  } else if (expired > 0) {
    current_.write_state(entry.state);
  }
  return true;
}

// Partial matches are sorted by their first event. Gives how many are over by the current event,
// which go.
std::uint32_t Matcher::drop_expired(OperatorEntry& entry) {
  Run* const runs = current_.runs_at(entry.state);
  const std::int64_t began_by = current_.over_by_us();
  std::uint32_t late = 0;
  std::uint32_t kept = 0;
  for (; late < current_.state.run_count && runs[late].first_time_us <= began_by; ++late) {
    if ((runs[late].flags() & Run::kFinal) != 0) runs[kept++] = runs[late];
  }
  const std::uint32_t expired = late - kept;
  if (expired == 0) return 0;
  std::move_backward(runs, runs + kept, runs + late);
  current_.drop_oldest(entry, expired);
  return expired;
}

// Drops the oldest of the key's partial matches where they are too many with those drafted, which
// are few.
void Matcher::keep_to_runs(OperatorEntry& entry) {
  const std::size_t runs = current_.state.run_count + drafted_.runs.size();
  const std::uint32_t most = current_.program.limits.runs_per_key_max;
  if (runs <= most) return;
  const auto lost = static_cast<std::uint32_t>(runs - most);
  losses_.lose(lost, BudgetCause::kRunsPerKey);
  drop_oldest(entry, lost);
}

void Matcher::drop_oldest(OperatorEntry& entry, std::uint32_t runs) {
  if (runs == 0) return;
  current_.stats.runs -= runs;
  current_.drop_oldest(entry, runs);
}

void Matcher::on_deadline(const RuleProgram& rule, const MatchContext& context, KeySlot& slot,
                          std::string_view key, const Timer& timer) {
  OperatorEntry* const entry = current_.store.find(slot, rule.op);
  if (entry == nullptr) return;
  current_.select_rule(rule, current_.store.base(slot));
  current_.begin_deadline(context, key);
  current_.read_state(entry);
  const std::uint32_t count = current_.state.run_count;
  take_due(timer, *entry);
  if (due_.empty()) return;
  OrderKey order = order_at_deadline(EventTime{timer.deadline_us}, timer.arrival());
  order.role = place_of_role(current_.end_setter(due_[0].node).roles());
  order.level = rule.level;
  order.rule = rule.index.value;
  order.key = key;
  const std::ptrdiff_t selected = selection_.give_due(due_, order);
  if (selected >= 0) {
    const KeptEvent& last =
        *CurrentRuns::last_event(current_.record, due_[static_cast<std::size_t>(selected)].node);
    const std::span<const Run> left(current_.runs_at(entry->state), current_.state.run_count);
    current_.drop_oldest(*entry, count_begun_by(current_.record, last, left));
  }
  if (current_.gave_up) {
    Run* const runs = current_.runs_at(entry->state);
    current_.state.run_count = drop_older_half(runs, current_.state.run_count, order);
  }
  current_.stats.runs -= count - current_.state.run_count;
  current_.write_state(entry->state);
}

// Moves the runs whose deadline this is from the key's runs to due_. Where the first event sets it,
// only those of that time are looked at.
void Matcher::take_due(const Timer& timer, OperatorEntry& entry) {
  const RuleProgram& rule = *current_.rule;
  const std::uint32_t count = current_.state.run_count;
  Run* const runs = current_.runs_at(entry.state);
  Run* begin = runs;
  Run* end = runs + count;
  if (rule.waits_from_first || rule.is_of_one_event()) {
    const std::int64_t first_us = timer.deadline_us - rule.wait.us;
    begin = std::partition_point(begin, end,
                                 [&](const Run& run) { return run.first_time_us < first_us; });
    end = std::find_if(begin, end, [&](const Run& run) { return run.first_time_us > first_us; });
  }
  current_.stats.runs_visited += static_cast<std::uint64_t>(end - begin);
  due_.clear();
  Run* kept = begin;
  for (const Run* run = begin; run != end; ++run) {
    bool is_due = false;
    if ((run->flags() & Run::kFinal) != 0) {
      const KeptEvent& cause = current_.end_setter(run->node);
      is_due = cause.engine_time_us + rule.wait.us == timer.deadline_us &&
               cause.arrival() == timer.arrival();
    }
    if (is_due) {
      due_.push_back(*run);
    } else {
      *kept++ = *run;
    }
  }
  const auto due = static_cast<std::uint32_t>(due_.size());
  if (due == 0) return;
  // The fewer move: those before, or those behind.
  if (kept - runs < runs + count - end) {
    std::move_backward(runs, kept, end);
    current_.drop_oldest(entry, due);
    return;
  }
  std::move(end, runs + count, kept);
  current_.state.run_count -= due;
}

// A match that cannot be decided on is given up, and costs the key the older half of its partial
// matches, so that later ones can be. Of `count`, gives how many are left.
std::uint32_t Matcher::drop_older_half(Run* runs, std::uint32_t count, const OrderKey& order) {
  const auto is_live = [&](const Run& run) {
    const std::int64_t end = CurrentRuns::end_of(*current_.rule, current_.record, run);
    return (run.flags() & Run::kFinal) != 0 ? end >= order.time.us : end > order.time.us;
  };
  const auto live = static_cast<std::uint64_t>(std::count_if(runs, runs + count, is_live));
  const std::uint64_t lost = (live + 1) / 2;
  std::uint64_t dropped = 0;
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (dropped < lost) {
      if (is_live(runs[i])) ++dropped;
      continue;
    }
    runs[kept++] = runs[i];
  }
  if (lost > 0) losses_.lose(lost, BudgetCause::kStepsPerEvent, order);
  return kept;
}
}  // namespace tocsin::cep
