// The general matcher: from drafts to partial matches. Merging those with one future, and
// deadlines.
#include <algorithm>
#include <bit>

#include "cep/base/assert.h"
#include "cep/match/current_row.h"
#include "cep/match/pattern_matcher.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  return hash ^ (hash >> 29);
}
}  // namespace

// ---- pruning

// The number of the last event that a condition on the draft's path reads; without pruning, the
// last event.
std::uint64_t PatternMatcher::anchor_of(const Draft& draft) const {
  const std::uint64_t offered_event = std::uint64_t{1} << 63 | std::uint64_t{draft.run.node} << 16;
  if (!current_.rule->prunes || current_.pattern->slot_count > kSlotsMax) {
    return draft.takes ? offered_event | draft.step : draft.run.node;
  }
  const std::uint64_t live = current_.pattern->transitions[draft.run.transition].live;
  if (draft.takes && (current_.pattern->steps[draft.step].slots & live) != 0)
    return offered_event | draft.step;
  if (draft.run.node == 0) return 0;
  const SlotEvents* const slots = current_.node(draft.run.node)->slots();
  Offset last = 0;
  for (std::uint64_t rest = live; rest != 0; rest &= rest - 1) {
    last = std::max(last, slots[std::countr_zero(rest)].last);
  }
  return last;
}

bool PatternMatcher::same_future(const Draft& a, const Draft& b) const {
  if (a.run.transition != b.run.transition || a.run.ends_us != b.run.ends_us ||
      a.run.greedy_over != b.run.greedy_over || a.run.fresh != b.run.fresh) {
    return false;
  }
  const PatternTransition& transition = current_.pattern->transitions[a.run.transition];
  const bool ends = transition.target == PatternTransition::kEnd;
  const std::uint64_t anchor = anchor_of(a);
  if (anchor != anchor_of(b)) return false;
  const bool over_starts =
      current_.rule->prunes && current_.rule->prunes_over_starts && transition.live == 0 && !ends;
  if (a.run.start != b.run.start && !over_starts) return false;
  // Of two that are done, the last events may differ: in the deadline, or in what the end reads.
  if (ends && (!transition.waits_from_first || current_.pattern->end_reads_last)) {
    if (a.takes != b.takes) return false;
    if (!a.takes && current_.node(a.run.node)->node.event != current_.node(b.run.node)->node.event)
      return false;
  }
  return std::equal(draft_counters_.begin() + a.counters,
                    draft_counters_.begin() + a.counters + current_.pattern->counter_count,
                    draft_counters_.begin() + b.counters);
}

std::uint64_t PatternMatcher::hash_of(const Draft& draft) const {
  const PatternTransition& transition = current_.pattern->transitions[draft.run.transition];
  std::uint64_t hash = mix(draft.run.transition, static_cast<std::uint64_t>(draft.run.ends_us));
  const bool over_starts = current_.rule->prunes && current_.rule->prunes_over_starts &&
                           transition.live == 0 && transition.target != PatternTransition::kEnd;
  if (!over_starts) hash = mix(hash, draft.run.start);
  hash = mix(hash, anchor_of(draft));
  for (std::uint32_t i = 0; i < current_.pattern->counter_count; ++i) {
    hash = mix(hash, draft_counters_[draft.counters + i]);
  }
  return hash;
}

bool PatternMatcher::comes_first(const Draft& a, const Draft& b) {
  const Selection& selection = current_.rule->rule->selection;
  if (a.run.start != b.run.start) return (a.run.start < b.run.start) != selection.prefer_latest;
  return current_.compare(a.taken(), b.taken(), !selection.in_order) < 0;
}

// A few of one first event: each with each.
void PatternMatcher::prune_group(std::size_t begin, std::size_t end) {
  for (std::size_t i = begin + 1; i < end && !current_.steps.is_over(); ++i) {
    for (std::size_t j = begin; j < i && dropped_[i] == 0; ++j) {
      if (dropped_[j] != 0 || !same_future(drafts_[i], drafts_[j])) continue;
      dropped_[comes_first(drafts_[i], drafts_[j]) ? j : i] = 1;
    }
  }
}

// Of one future only one stays, whichever comes first: so it does not matter where one begins. From
// the newest on; gives how many of the oldest the steps did not suffice for.
std::size_t PatternMatcher::prune_all() {
  const std::size_t size = std::bit_ceil(drafts_.size() * 2);
  prune_table_.assign(size, 0);
  for (std::size_t i = drafts_.size(); i-- > 0;) {
    std::size_t at = hash_of(drafts_[i]) & (size - 1);
    for (; prune_table_[at] != 0; at = (at + 1) & (size - 1)) {
      std::uint32_t& other = prune_table_[at];
      if (!same_future(drafts_[other - 1], drafts_[i])) continue;
      if (comes_first(drafts_[i], drafts_[other - 1])) {
        dropped_[other - 1] = 1;
        other = static_cast<std::uint32_t>(i) + 1;
      } else {
        dropped_[i] = 1;
      }
      break;
    }
    if (prune_table_[at] == 0) prune_table_[at] = static_cast<std::uint32_t>(i) + 1;
    if (current_.steps.is_over()) return i + 1;
  }
  return 0;
}

void PatternMatcher::prune() {
  constexpr std::size_t kFew = 8;
  current_.steps.allow(current_.is_stepwise() ? StepMeter::kPruningFirst : StepMeter::kPruning);
  const std::size_t count = drafts_.size();
  dropped_.assign(count, 0);
  bool few = !current_.rule->prunes || !current_.rule->prunes_over_starts;
  for (std::size_t begin = 0, end = 0; few && begin < count; begin = end) {
    for (end = begin + 1; end < count && drafts_[end].run.start == drafts_[begin].run.start;) ++end;
    few = end - begin <= kFew;
  }
  std::size_t lost = few ? 0 : prune_all();
  for (std::size_t end = few ? count : 0, begin = end; end > 0 && lost == 0; end = begin) {
    for (begin = end - 1; begin > 0 && drafts_[begin - 1].run.start == drafts_[begin].run.start;) {
      --begin;
    }
    if (end - begin > 1) prune_group(begin, end);
    if (current_.steps.is_over()) lost = end;
  }
  erase_dropped(lost);
  if (lost > 0) lose(lost, BudgetCause::kStepsPerEvent);
  if (current_.rule->prunes && current_.pattern->has_members) prune_members();
}

// Those that are marked, and the first `lost`.
void PatternMatcher::erase_dropped(std::size_t lost) {
  std::size_t kept = 0;
  for (std::size_t i = lost; i < drafts_.size(); ++i) {
    if (dropped_[i] == 0) drafts_[kept++] = drafts_[i];
  }
  drafts_.resize(kept);
}

// ---- writing

void PatternMatcher::StoredFeatures::begin(const RuleProgram& rule, const std::byte* block) {
  rule_ = &rule;
  block_ = block;
}
const Value& PatternMatcher::StoredFeatures::read(FeatureIndex feature) {
  const auto* word = reinterpret_cast<const std::uint64_t*>(block_) + 1;
  for (const FeatureIndex kept : rule_->deadline_features) {
    value_ = next_kept_value(word);
    if (kept == feature) return value_;
  }
  TOCSIN_ASSERT(false, "compile lists what alerts read");
}

// Makes the drafts the rule's partial matches of this key, and gives or keeps complete ones where
// that may drop others.
void PatternMatcher::commit() {
  if (current_.state == nullptr && drafts_.empty() && candidates_.empty()) return;
  current_.make_state();
  PatternState& state = *current_.state;
  const bool starts =
      std::any_of(drafts_.begin(), drafts_.end(),
                  [&](const Draft& draft) { return draft.run.start == state.next_start; }) ||
      std::any_of(candidates_.begin(), candidates_.end(),
                  [&](const Candidate& match) { return match.start == state.next_start; });
  if (starts) ++state.next_start;
  current_.stats.runs += drafts_.size();
  current_.stats.runs -= state.runs.size();
  const std::size_t words_before = state.words.size();
  given_.clear();
  if (!candidates_.empty()) {
    sort_candidates(current_.order_here());
    for (const Candidate& match : candidates_) {
      CompleteMatch complete{match.start, match.node, match.values};
      if (match.takes) {
        complete.node = nodes_.write_node(match.node, match.step);
        complete.values = nodes_.write_values();
      }
      given_.push_back(complete);
    }
  }
  state.runs.clear();
  new_counters_.clear();
  for (Draft& draft : drafts_) {
    if (draft.takes) {
      draft.run.node = nodes_.write_node(draft.run.node, draft.step);
      if (current_.pattern->transitions[draft.run.transition].target == PatternTransition::kEnd) {
        draft.run.values = nodes_.write_values();
      }
    }
    state.runs.push_back(draft.run);
    const auto counters = draft_counters_.begin() + static_cast<std::ptrdiff_t>(draft.counters);
    new_counters_.insert(new_counters_.end(), counters,
                         counters + static_cast<std::ptrdiff_t>(current_.pattern->counter_count));
  }
  state.counters.swap(new_counters_);
  if (std::exchange(is_near_budget_, false)) {
    keep_tally();
  } else {
    state.tally.reset();
  }
  const auto taken = static_cast<std::uint64_t>(
      std::ranges::count_if(drafts_, [](const Draft& draft) { return draft.takes; }));
  groups_.spend(*current_.rule, taken,
                8 * (state.words.size() - words_before) + taken * kPartialMatchBytes);
  if (current_.is_stepwise()) {
    current_.steps.allow(StepMeter::kMatchesThen);
    if (current_.rule->rule->selection.in_order) {
      wait_in_order(current_.order_here());
    } else if (!given_.empty()) {
      give_in_turn(current_.order_here());
    }
    if (gave_up_) drop_older_half(current_.order_here());
  }
  if (current_.rule->sets_deadlines) set_deadlines();
  if (state.words.size() > 256 && state.words.size() > 2 * state.words_kept) nodes_.collect_words();
  current_.context->patterns.count(state);
}

// One timer for all matches of one deadline that the same event set.
void PatternMatcher::set_deadlines() {
  std::int64_t last_deadline = PatternRun::kNever;
  Offset last_cause = 0;
  for (const Draft& draft : drafts_) {
    const PatternTransition& transition = current_.pattern->transitions[draft.run.transition];
    if (!draft.takes || transition.ending != Ending::kAtDeadline) continue;
    // Dropped by a match given at this very event, it finds nothing when it fires.
    const Offset cause =
        current_
            .node(transition.waits_from_first ? current_.node(draft.run.node)->first
                                              : draft.run.node)
            ->node.event;
    if (draft.run.ends_us == last_deadline && cause == last_cause) continue;
    last_deadline = draft.run.ends_us;
    last_cause = cause;
    current_.push_timer(last_deadline,
                        RecordStore::at<KeptEvent>(current_.state->base(), cause)->arrival());
  }
  set_release_timer();
}

void PatternMatcher::set_timers(const RuleProgram& rule, PatternState& state, std::uint64_t hash,
                                ShardTimers& timers, std::uint32_t queue) {
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
  set_release_timer();
  if (state.window.open && state.window.is_set) arm_window();
}
}  // namespace tocsin::cep
