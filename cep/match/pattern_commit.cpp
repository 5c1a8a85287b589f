// The general matcher: from drafts to partial matches. Merging those with one future, nodes and
// captured events, deadlines, and collecting what nothing reaches any more.
#include <algorithm>
#include <bit>

#include "cep/base/assert.h"
#include "cep/eval/loop_totals.h"
#include "cep/match/alert_builder.h"
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
template <typename T>
int sign(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}
}  // namespace

// ---- order

// Of two lists of events, each its nodes up to `a` and perhaps the current event: below 0 when the
// first comes first. `longer_first`: the longer one does; else the lists are compared, and the
// longer one comes first where it begins like the other.
int PatternMatcher::compare(Offset a, bool a_takes, std::uint32_t a_step, Offset b, bool b_takes,
                            std::uint32_t b_step, bool longer_first) {
  const auto length = [&](Offset at) { return at == 0 ? 0U : node(at)->node.length; };
  std::uint32_t a_length = length(a) + (a_takes ? 1 : 0);
  std::uint32_t b_length = length(b) + (b_takes ? 1 : 0);
  if (longer_first && a_length != b_length) return a_length > b_length ? -1 : 1;
  // Backwards from equal lengths: what differs earliest is seen last and decides.
  int by_position = 0;
  int by_step = 0;
  const int by_length = a_length > b_length ? -1 : a_length < b_length ? 1 : 0;
  const auto drop = [&](Offset& at, bool& takes, std::uint32_t& size) {
    if (takes) {
      takes = false;
    } else {
      at = node(at)->node.parent;
    }
    --size;
  };
  while (a_length > b_length && steps_.take()) drop(a, a_takes, a_length);
  while (b_length > a_length && steps_.take()) drop(b, b_takes, b_length);
  if (a_length != b_length) return 0;  // the steps did not suffice
  while (a_length > 0 && steps_.take() &&
         (a != b || a_takes != b_takes || (a_takes && a_step != b_step))) {
    const std::uint32_t step_a = a_takes ? a_step : node(a)->node.step;
    const std::uint32_t step_b = b_takes ? b_step : node(b)->node.step;
    int difference = 0;
    if (a_takes != b_takes) {
      difference = a_takes ? 1 : -1;  // the current event comes after all that were captured
    } else if (!a_takes) {
      difference = sign(position_of(*event_of(a)), position_of(*event_of(b)));
    }
    if (difference != 0) by_position = difference;
    if (step_a != step_b) by_step = sign(step_a, step_b);
    drop(a, a_takes, a_length);
    drop(b, b_takes, b_length);
  }
  if (by_position != 0) return by_position;
  return by_length != 0 ? by_length : by_step;
}

// ---- pruning

// The number of the last event that a condition on the draft's path reads; without pruning, the
// last event.
std::uint64_t PatternMatcher::anchor_of(const Draft& draft) const {
  const std::uint64_t offered_event = std::uint64_t{1} << 63 | std::uint64_t{draft.run.node} << 16;
  if (!rule_->prunes || pattern_->slot_count > kSlotsMax) {
    return draft.takes ? offered_event | draft.step : draft.run.node;
  }
  const std::uint64_t live = pattern_->transitions[draft.run.transition].live;
  if (draft.takes && (pattern_->steps[draft.step].slots & live) != 0)
    return offered_event | draft.step;
  if (draft.run.node == 0) return 0;
  const SlotEvents* const slots = node(draft.run.node)->slots();
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
  const PatternTransition& transition = pattern_->transitions[a.run.transition];
  const bool ends = transition.target == PatternTransition::kEnd;
  const std::uint64_t anchor = anchor_of(a);
  if (anchor != anchor_of(b)) return false;
  const bool over_starts =
      rule_->prunes && rule_->prunes_over_starts && transition.live == 0 && !ends;
  if (a.run.start != b.run.start && !over_starts) return false;
  // Of two that are done, the last events may differ: in the deadline, or in what the end reads.
  if (ends && (!transition.waits_from_first || pattern_->end_reads_last)) {
    if (a.takes != b.takes) return false;
    if (!a.takes && node(a.run.node)->node.event != node(b.run.node)->node.event) return false;
  }
  return std::equal(draft_counters_.begin() + a.counters,
                    draft_counters_.begin() + a.counters + pattern_->counter_count,
                    draft_counters_.begin() + b.counters);
}

std::uint64_t PatternMatcher::hash_of(const Draft& draft) const {
  const PatternTransition& transition = pattern_->transitions[draft.run.transition];
  std::uint64_t hash = mix(draft.run.transition, static_cast<std::uint64_t>(draft.run.ends_us));
  const bool over_starts = rule_->prunes && rule_->prunes_over_starts && transition.live == 0 &&
                           transition.target != PatternTransition::kEnd;
  if (!over_starts) hash = mix(hash, draft.run.start);
  hash = mix(hash, anchor_of(draft));
  for (std::uint32_t i = 0; i < pattern_->counter_count; ++i) {
    hash = mix(hash, draft_counters_[draft.counters + i]);
  }
  return hash;
}

bool PatternMatcher::comes_first(const Draft& a, const Draft& b) {
  const Selection& selection = rule_->rule->selection;
  if (a.run.start != b.run.start) return (a.run.start < b.run.start) != selection.prefer_latest;
  return compare(a.run.node, a.takes, a.step, b.run.node, b.takes, b.step, !selection.in_order) < 0;
}

// A few of one first event: each with each.
void PatternMatcher::prune_group(std::size_t begin, std::size_t end) {
  for (std::size_t i = begin + 1; i < end && !steps_.is_over(); ++i) {
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
    if (steps_.is_over()) return i + 1;
  }
  return 0;
}

void PatternMatcher::prune() {
  constexpr std::size_t kFew = 8;
  steps_.allow(is_stepwise() ? StepMeter::kPruningFirst : StepMeter::kPruning);
  const std::size_t count = drafts_.size();
  dropped_.assign(count, 0);
  bool few = !rule_->prunes || !rule_->prunes_over_starts;
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
    if (steps_.is_over()) lost = end;
  }
  erase_dropped(lost);
  if (lost > 0) lose(lost, BudgetCause::kStepsPerEvent);
  if (rule_->prunes && pattern_->has_members) prune_members();
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

void PatternMatcher::make_state() {
  if (state_ != nullptr) return;
  CurrentRow& current = *current_;
  const std::uint32_t handle = context_->patterns.make();
  store_.ensure(*current.slot, 1, rule_->op, current.event);
  current.record = store_.base(*current.slot);
  const Offset place = RecordStore::cut(current.record, 1);
  *RecordStore::at<std::uint64_t>(current.record, place) = 0;
  *RecordStore::at<std::uint32_t>(current.record, place) = handle;
  RecordStore::set_state(current.record, rule_->op, place);
  state_ = &context_->patterns.at(handle);
  scope_.record = state_->base();
}

Offset PatternMatcher::write_event() {
  if (event_ != 0) return event_;
  store_.read_features_by(*current_->reader, rule_->pass);
  const std::uint32_t words = store_.event_words(*current_->row);
  event_ = state_->cut(words);
  store_.write_event(state_->base(), event_);
  scope_.record = state_->base();
  return event_;
}

// The node of the current event after `parent`; one for all that take it so.
Offset PatternMatcher::write_node(Offset parent, std::uint32_t step_index) {
  const Offset event = write_event();
  const Offset last_made = parent != 0 ? node(parent)->made : first_made_;
  const auto is_made = [&](Offset at) {
    return at != 0 && node(at)->node.parent == parent && node(at)->node.event == event;
  };
  for (Offset at = last_made; is_made(at); at = node(at)->made) {
    if (node(at)->node.step == step_index) return at;
  }
  const PatternStep& step = pattern_->steps[step_index];
  std::uint16_t subset = 0;
  if (step.element->events().size() > 1) {
    subset = static_cast<std::uint16_t>(
        subset_of_event(*step.element, EventView{current_->row, nullptr}, scope_at(0, -1)));
  }
  const Offset offset =
      make_node(parent, event, step_index, subset, EventView{current_->row, nullptr});
  RecordStore::at<PatternNode>(state_->base(), offset)->made = last_made;
  if (parent != 0) {
    RecordStore::at<PatternNode>(state_->base(), parent)->made = offset;
  } else {
    first_made_ = offset;
  }
  return offset;
}

// The node of `event`, which is captured and which `view` shows, after `parent`.
Offset PatternMatcher::make_node(Offset parent, Offset event, std::uint32_t step_index,
                                 std::uint16_t subset, const EventView& view) {
  const PatternStep& step = pattern_->steps[step_index];
  const Offset offset = state_->cut(node_words(*pattern_));
  scope_.record = state_->base();
  auto* const made = RecordStore::at<PatternNode>(state_->base(), offset);
  made->node.parent = parent;
  made->node.event = event;
  made->node.length = 1;
  made->node.step = static_cast<std::uint16_t>(step_index);
  made->node.subset_and_values = subset;
  made->first = offset;
  if (parent != 0) {
    const PatternNode* const before = node(parent);
    made->node.length += before->node.length;
    made->first = before->first;
    std::copy_n(before->slots(), pattern_->slot_count, made->slots());
  }
  for (std::uint32_t i = 0; i < pattern_->totals.size(); ++i) {
    LoopTotal total;
    if (parent != 0) {
      total = *RecordStore::at<LoopTotal>(scope_.record, total_place(*pattern_, parent, i));
    }
    const Expr& aggregate = *pattern_->totals[i];
    const VarIndex var = aggregate.as_validated<VariableAggregate>().var;
    if (pattern_->belongs(static_cast<int>(step_index), rule_->step_of_var[var.value])) {
      add_to_total(aggregate, view, scope_at(0, -1), total);
    }
    *RecordStore::at<LoopTotal>(state_->base(), total_place(*pattern_, offset, i)) = total;
  }
  for (std::uint64_t rest = step.slots; rest != 0; rest &= rest - 1) {
    SlotEvents& slot = made->slots()[std::countr_zero(rest)];
    slot.last = offset;
    if (slot.first == 0) slot.first = offset;
  }
  return offset;
}

// What alerts read of features, as of the current event.
Offset PatternMatcher::write_values() {
  if (rule_->deadline_features.empty() || values_ != 0) return values_;
  std::vector<std::uint64_t> block(1);
  for (const FeatureIndex feature : rule_->deadline_features) {
    append_kept_value(block, current_->reader->read(feature));
  }
  values_ = put_values(block);
  return values_;
}

Offset PatternMatcher::put_values(std::vector<std::uint64_t>& block) {
  block[0] = block.size();
  const Offset values = state_->cut(block.size());
  std::copy(block.begin(), block.end(),
            state_->words.begin() + static_cast<std::ptrdiff_t>(values));
  scope_.record = state_->base();
  return values;
}

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
  if (state_ == nullptr && drafts_.empty() && candidates_.empty()) return;
  make_state();
  PatternState& state = *state_;
  const bool starts =
      std::any_of(drafts_.begin(), drafts_.end(),
                  [&](const Draft& draft) { return draft.run.start == state.next_start; }) ||
      std::any_of(candidates_.begin(), candidates_.end(),
                  [&](const Candidate& match) { return match.start == state.next_start; });
  if (starts) ++state.next_start;
  stats_.runs += drafts_.size();
  stats_.runs -= state.runs.size();
  const std::size_t words_before = state.words.size();
  given_.clear();
  if (!candidates_.empty()) {
    sort_candidates(order_here());
    for (const Candidate& match : candidates_) {
      CompleteMatch complete{match.start, match.node, match.values};
      if (match.takes) {
        complete.node = write_node(match.node, match.step);
        complete.values = write_values();
      }
      given_.push_back(complete);
    }
  }
  state.runs.clear();
  new_counters_.clear();
  for (Draft& draft : drafts_) {
    if (draft.takes) {
      draft.run.node = write_node(draft.run.node, draft.step);
      if (pattern_->transitions[draft.run.transition].target == PatternTransition::kEnd) {
        draft.run.values = write_values();
      }
    }
    state.runs.push_back(draft.run);
    const auto counters = draft_counters_.begin() + static_cast<std::ptrdiff_t>(draft.counters);
    new_counters_.insert(new_counters_.end(), counters,
                         counters + static_cast<std::ptrdiff_t>(pattern_->counter_count));
  }
  state.counters.swap(new_counters_);
  if (std::exchange(is_near_budget_, false)) {
    keep_tally();
  } else {
    state.tally.reset();
  }
  const auto taken = static_cast<std::uint64_t>(
      std::ranges::count_if(drafts_, [](const Draft& draft) { return draft.takes; }));
  groups_.spend(*rule_, taken,
                8 * (state.words.size() - words_before) + taken * kPartialMatchBytes);
  if (is_stepwise()) {
    steps_.allow(StepMeter::kMatchesThen);
    if (rule_->rule->selection.in_order) {
      wait_in_order(order_here());
    } else if (!given_.empty()) {
      give_in_turn(order_here());
    }
    if (gave_up_) drop_older_half(order_here());
  }
  if (rule_->sets_deadlines) set_deadlines();
  if (state.words.size() > 256 && state.words.size() > 2 * state.words_kept) collect_words();
  context_->patterns.count(state);
}

void PatternMatcher::push_timer(std::int64_t deadline_us, const ArrivalNumber& arrival) {
  Timer timer;
  timer.deadline_us = deadline_us;
  timer.set_arrival(arrival);
  timer.hash = hash_;
  timer.rule = rule_->index.value;
  timers_->push(queue_, timer);
}

// One timer for all matches of one deadline that the same event set.
void PatternMatcher::set_deadlines() {
  std::int64_t last_deadline = PatternRun::kNever;
  Offset last_cause = 0;
  for (const Draft& draft : drafts_) {
    const PatternTransition& transition = pattern_->transitions[draft.run.transition];
    if (!draft.takes || transition.ending != Ending::kAtDeadline) continue;
    // Dropped by a match given at this very event, it finds nothing when it fires.
    const Offset cause =
        node(transition.waits_from_first ? node(draft.run.node)->first : draft.run.node)
            ->node.event;
    if (draft.run.ends_us == last_deadline && cause == last_cause) continue;
    last_deadline = draft.run.ends_us;
    last_cause = cause;
    push_timer(last_deadline, RecordStore::at<KeptEvent>(state_->base(), cause)->arrival());
  }
  set_release_timer();
}

// Copies what runs and waiting matches reach, so that the rest is freed.
void PatternMatcher::collect_words() {
  PatternState& state = *state_;
  std::vector<Offset> moved(state.words.size());  // where each object went; 0: nowhere yet
  std::vector<std::uint64_t> fresh = {0};
  const auto copy = [&](Offset from, std::size_t words) {
    const auto to = static_cast<Offset>(fresh.size());
    const auto begin = state.words.begin() + static_cast<std::ptrdiff_t>(from);
    fresh.insert(fresh.end(), begin, begin + static_cast<std::ptrdiff_t>(words));
    moved[from] = to;
    return to;
  };
  const auto move_block = [&](Offset from, std::size_t words) {
    return moved[from] != 0 ? moved[from] : copy(from, words);
  };
  std::vector<Offset> path;
  const auto move_node = [&](Offset from) {
    path.clear();
    for (Offset at = from; at != 0 && moved[at] == 0;
         at = RecordStore::at<PatternNode>(state.base(), at)->node.parent) {
      path.push_back(at);
    }
    for (std::size_t i = path.size(); i-- > 0;) {
      const auto* old = RecordStore::at<PatternNode>(state.base(), path[i]);
      const Offset event = move_block(
          old->node.event, RecordStore::at<KeptEvent>(state.base(), old->node.event)->words);
      const Offset to = copy(path[i], node_words(*pattern_));
      auto* made = RecordStore::at<PatternNode>(reinterpret_cast<std::byte*>(fresh.data()), to);
      const auto follow = [&](Offset& offset) {
        if (offset != 0) offset = moved[offset];
      };
      made->node.event = event;
      made->made = 0;
      follow(made->node.parent);
      follow(made->first);
      for (std::uint32_t slot = 0; slot < pattern_->slot_count; ++slot) {
        follow(made->slots()[slot].first);
        follow(made->slots()[slot].last);
      }
    }
    return moved[from];
  };
  const auto move_match = [&](auto& match) {
    match.node = move_node(match.node);
    if (match.values != 0) {
      match.values = move_block(match.values, static_cast<std::size_t>(state.words[match.values]));
    }
  };
  for (PatternRun& run : state.runs) move_match(run);
  for (CompleteMatch& match : state.waiting) move_match(match);
  if (state.window.open) move_match(state.window);
  fresh.shrink_to_fit();
  state.words = std::move(fresh);
  state.budget_words = 0;
  state.words_kept = state.words.size();
  scope_.record = state.base();
}
}  // namespace tocsin::cep
