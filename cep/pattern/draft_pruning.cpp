#include "cep/pattern/draft_pruning.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kDraftsMost = 4'096;  // of one first event, that wait for members

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  return hash ^ (hash >> 29);
}
}  // namespace

std::size_t DraftPruning::prune() {
  constexpr std::size_t kFew = 8;
  current_.steps.allow(current_.is_stepwise() ? StepMeter::kPruningFirst : StepMeter::kPruning);
  const std::size_t count = drafts_.runs.size();
  dropped_.assign(count, 0);
  anchors_.assign(count, kUnknown);
  bool few = !current_.rule->prunes || !current_.rule->prunes_over_starts;
  for (std::size_t begin = 0, end = 0; few && begin < count; begin = end) {
    for (end = begin + 1;
         end < count && drafts_.runs[end].run.start == drafts_.runs[begin].run.start;)
      ++end;
    few = end - begin <= kFew;
  }
  std::size_t lost = few ? 0 : prune_all();
  for (std::size_t end = few ? count : 0, begin = end; end > 0 && lost == 0; end = begin) {
    for (begin = end - 1;
         begin > 0 && drafts_.runs[begin - 1].run.start == drafts_.runs[begin].run.start;) {
      --begin;
    }
    if (end - begin > 1) prune_group(begin, end);
    if (current_.steps.is_over()) lost = end;
  }
  erase_dropped(lost);
  if (current_.rule->prunes && current_.pattern->has_members) prune_members();
  return lost;
}

// A few of one first event: each with each.
void DraftPruning::prune_group(std::size_t begin, std::size_t end) {
  for (std::size_t i = begin + 1; i < end && !current_.steps.is_over(); ++i) {
    for (std::size_t j = begin; j < i && dropped_[i] == 0; ++j) {
      if (dropped_[j] != 0 || !same_future(i, j)) continue;
      dropped_[comes_first(drafts_.runs[i], drafts_.runs[j]) ? j : i] = 1;
    }
  }
}

// Of one future only one stays, whichever comes first: so it does not matter where one begins. From
// the newest on; gives how many of the oldest the steps did not suffice for.
std::size_t DraftPruning::prune_all() {
  const std::size_t size = std::bit_ceil(drafts_.runs.size() * 2);
  prune_table_.assign(size, 0);
  for (std::size_t i = drafts_.runs.size(); i-- > 0;) {
    std::size_t at = hash_of(i) & (size - 1);
    for (; prune_table_[at] != 0; at = (at + 1) & (size - 1)) {
      ++current_.stats.runs_visited;
      std::uint32_t& other = prune_table_[at];
      if (!same_future(other - 1, i)) continue;
      if (comes_first(drafts_.runs[i], drafts_.runs[other - 1])) {
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

// The number of the last event that a condition on the draft's path reads; without pruning, the
// last event.
std::uint64_t DraftPruning::anchor_of(const RunDraft& draft) const {
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

// The same, found out once.
std::uint64_t DraftPruning::anchor_at(std::size_t draft) {
  if (anchors_[draft] == kUnknown) anchors_[draft] = anchor_of(drafts_.runs[draft]);
  return anchors_[draft];
}

bool DraftPruning::same_future(std::size_t one, std::size_t other) {
  const RunDraft& a = drafts_.runs[one];
  const RunDraft& b = drafts_.runs[other];
  if (a.run.transition != b.run.transition || a.run.ends_us != b.run.ends_us ||
      a.run.greedy_over != b.run.greedy_over || a.run.fresh != b.run.fresh) {
    return false;
  }
  const PatternTransition& transition = current_.pattern->transitions[a.run.transition];
  const bool ends = transition.target == PatternTransition::kEnd;
  if (anchor_at(one) != anchor_at(other)) return false;
  const bool over_starts =
      current_.rule->prunes && current_.rule->prunes_over_starts && transition.live == 0 && !ends;
  if (a.run.start != b.run.start && !over_starts) return false;
  if (last_event_of(a) != last_event_of(b)) return false;
  return std::equal(drafts_.counters.begin() + a.counters,
                    drafts_.counters.begin() + a.counters + current_.pattern->counter_count,
                    drafts_.counters.begin() + b.counters);
}

// Of two that are done, the last events may differ: in the deadline, or in what the end reads.
// Gives 0 where that makes no difference.
std::uint64_t DraftPruning::last_event_of(const RunDraft& draft) const {
  const PatternTransition& transition = current_.pattern->transitions[draft.run.transition];
  const bool counts = transition.target == PatternTransition::kEnd &&
                      (!transition.waits_from_first || current_.pattern->end_reads_last);
  if (!counts) return 0;
  constexpr std::uint64_t kCurrent = ~std::uint64_t{0};
  return draft.takes ? kCurrent : current_.node(draft.run.node)->node.event;
}

std::uint64_t DraftPruning::hash_of(std::size_t place) {
  const RunDraft& draft = drafts_.runs[place];
  const PatternTransition& transition = current_.pattern->transitions[draft.run.transition];
  std::uint64_t hash = mix(draft.run.transition, static_cast<std::uint64_t>(draft.run.ends_us));
  const bool over_starts = current_.rule->prunes && current_.rule->prunes_over_starts &&
                           transition.live == 0 && transition.target != PatternTransition::kEnd;
  if (!over_starts) hash = mix(hash, draft.run.start);
  hash = mix(hash, anchor_at(place));
  hash = mix(hash, last_event_of(draft));

  for (std::uint32_t i = 0; i < current_.pattern->counter_count; ++i) {
    hash = mix(hash, drafts_.counters[draft.counters + i]);
  }
  return hash;
}

bool DraftPruning::comes_first(const RunDraft& a, const RunDraft& b) {
  const Selection& selection = current_.rule->rule->selection;
  if (a.run.start != b.run.start) return (a.run.start < b.run.start) != selection.prefer_latest;
  return current_.compare(a.taken(), b.taken(), !selection.in_order) < 0;
}

// Those that are marked, and the first `lost`.
void DraftPruning::erase_dropped(std::size_t lost) {
  std::size_t kept = 0;
  for (std::size_t i = lost; i < drafts_.runs.size(); ++i) {
    if (dropped_[i] == 0) drafts_.runs[kept++] = drafts_.runs[i];
  }
  drafts_.runs.resize(kept);
}

// ---- members of `all of`: partial matches of one first event that wait for members of one, with
// different members done
//
// Each set of members done would be a partial match: 2^n. Those of them go that others stand in
// for. Let Q have the members S done. A match that Q becomes takes its last member m, not in S, at
// some event; P stands in for it if P has all of S and more done, but not m, and its events come
// first in the order: P takes the same events for what it lacks, has m as its last member at the
// same event, is as long or longer, and comes first; so it is the one that is selected. If Q has
// such a P for every member m that it lacks, it goes. Nothing that is asked later may tell them
// apart: they agree on the events that are read, and on all other counters.
//
// If every event fits one member at most, so many partial matches of a first event stay as there
// are members: the earliest event of each member that has come, and the same without one of them.

// What it takes is bounded by kDraftsMost, and not counted: comparing must not end halfway.
void DraftPruning::prune_members() {
  const StepMeter counted = current_.steps;
  current_.steps.begin(std::numeric_limits<std::uint32_t>::max());
  dropped_.assign(drafts_.runs.size(), 0);
  bool any = false;
  for (std::size_t begin = 0, end = 0; begin < drafts_.runs.size(); begin = end) {
    const std::uint64_t start = drafts_.runs[begin].run.start;
    for (end = begin + 1; end < drafts_.runs.size() && drafts_.runs[end].run.start == start;) ++end;
    if (end - begin > 2 && prune_members_of(begin, end)) any = true;
  }
  current_.steps = counted;
  if (any) erase_dropped(0);
}

bool DraftPruning::prune_members_of(std::size_t begin, std::size_t end) {
  const auto transition_of = [&](const MemberDraft& of) -> const PatternTransition& {
    return current_.pattern->transitions[drafts_.runs[of.draft].run.transition];
  };
  member_drafts_.clear();
  bool any_new = false;
  for (std::size_t i = begin; i < end; ++i) {
    const RunDraft& draft = drafts_.runs[i];
    const PatternTransition& fan = current_.pattern->transitions[draft.run.transition];
    if (!fan.members) continue;
    const std::uint32_t* const done = drafts_.counters.data() + draft.counters + *fan.members;
    std::uint64_t mask = done[0];
    if (fan.fan_end - fan.fan_begin > kMembersOfCounter) {
      mask |= std::uint64_t{done[1]} << kMembersOfCounter;
    }
    member_drafts_.push_back({static_cast<std::uint32_t>(i), mask, anchor_of(draft)});
    any_new = any_new || draft.takes;
  }
  // The rest stay, and change no alert.
  if (!any_new || member_drafts_.size() < 3 || member_drafts_.size() > kDraftsMost) return false;
  std::sort(member_drafts_.begin(), member_drafts_.end(),
            [&](const MemberDraft& a, const MemberDraft& b) {
              const RunDraft& x = drafts_.runs[a.draft];
              const RunDraft& y = drafts_.runs[b.draft];
              return current_.compare(x.taken(), y.taken(), false) < 0;
            });
  const auto agree = [&](const MemberDraft& a, const MemberDraft& b) {
    if (a.anchor != b.anchor) return false;
    if (drafts_.runs[a.draft].run.transition != drafts_.runs[b.draft].run.transition) return false;
    const std::uint32_t members = *transition_of(a).members;
    const std::uint32_t after =
        members +
        (transition_of(a).fan_end - transition_of(a).fan_begin > kMembersOfCounter ? 2U : 1U);
    const auto x = drafts_.counters.begin() + drafts_.runs[a.draft].counters;
    const auto y = drafts_.counters.begin() + drafts_.runs[b.draft].counters;
    return std::equal(x, x + members, y) &&
           std::equal(x + after, x + current_.pattern->counter_count, y + after);
  };
  bool any = false;
  for (std::size_t i = 0; i < member_drafts_.size(); ++i) {
    const MemberDraft& victim = member_drafts_[i];
    const PatternTransition& fan = transition_of(victim);
    const std::uint32_t count = fan.fan_end - fan.fan_begin;
    const std::uint64_t all =
        count == kAllOfMax ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
    std::uint64_t left = all & ~victim.done;  // last members that nothing stands in for
    for (std::size_t j = 0; j < i && left != 0; ++j) {
      const MemberDraft& other = member_drafts_[j];
      const bool has_more = (other.done & victim.done) == victim.done && other.done != victim.done;
      if (has_more && dropped_[other.draft] == 0 && (left & ~other.done) != 0 &&
          agree(other, victim)) {
        left &= other.done;
      }
    }
    if (left != 0) continue;
    dropped_[victim.draft] = 1;
    any = true;
  }
  return any;
}
}  // namespace tocsin::cep
