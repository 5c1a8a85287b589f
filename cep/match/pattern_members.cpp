// The general matcher: partial matches of one first event that wait for members of one `all of`,
// with different members done.
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
#include <algorithm>
#include <limits>

#include "cep/match/pattern_matcher.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kDraftsMost = 4'096;  // of one first event
}  // namespace

// What it takes is bounded by kDraftsMost, and not counted: comparing must not end halfway.
void PatternMatcher::prune_members() {
  const StepMeter counted = current_.steps;
  current_.steps.begin(std::numeric_limits<std::uint32_t>::max());
  dropped_.assign(drafts_.size(), 0);
  bool any = false;
  for (std::size_t begin = 0, end = 0; begin < drafts_.size(); begin = end) {
    const std::uint64_t start = drafts_[begin].run.start;
    for (end = begin + 1; end < drafts_.size() && drafts_[end].run.start == start;) ++end;
    if (end - begin > 2 && prune_members_of(begin, end)) any = true;
  }
  current_.steps = counted;
  if (any) erase_dropped(0);
}

bool PatternMatcher::prune_members_of(std::size_t begin, std::size_t end) {
  const auto transition_of = [&](const MemberDraft& of) -> const PatternTransition& {
    return current_.pattern->transitions[drafts_[of.draft].run.transition];
  };
  member_drafts_.clear();
  bool any_new = false;
  for (std::size_t i = begin; i < end; ++i) {
    const Draft& draft = drafts_[i];
    const PatternTransition& fan = current_.pattern->transitions[draft.run.transition];
    if (!fan.members) continue;
    const std::uint32_t* const done = draft_counters_.data() + draft.counters + *fan.members;
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
              const Draft& x = drafts_[a.draft];
              const Draft& y = drafts_[b.draft];
              return current_.compare(x.taken(), y.taken(), false) < 0;
            });
  const auto agree = [&](const MemberDraft& a, const MemberDraft& b) {
    if (a.anchor != b.anchor) return false;
    if (drafts_[a.draft].run.transition != drafts_[b.draft].run.transition) return false;
    const std::uint32_t members = *transition_of(a).members;
    const std::uint32_t after =
        members +
        (transition_of(a).fan_end - transition_of(a).fan_begin > kMembersOfCounter ? 2U : 1U);
    const auto x = draft_counters_.begin() + drafts_[a.draft].counters;
    const auto y = draft_counters_.begin() + drafts_[b.draft].counters;
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
