#include "cep/match/run_pruning.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "cep/plan/rule.h"

namespace tocsin::cep {
// Whether some draft may stand in for another: by their first events alone.
bool RunPruning::may_dominate() const {
  if (current_.rule->prunes_over_starts) return drafts_.size() > 1;
  const auto same_start = [](const Draft& a, const Draft& b) { return a.run.start == b.run.start; };
  return std::ranges::adjacent_find(drafts_, same_start) != drafts_.end();
}

// Whether `b` can never be the one that raises an alert because of `a`; both have their first event
// in common, or none counts.
bool RunPruning::dominates(const Draft& a, const Draft& b) {
  const RuleProgram& rule = *current_.rule;
  const std::uint32_t step = a.run.step();
  if (step != b.run.step()) return false;
  const std::uint32_t a_flags = a.run.flags();
  const std::uint32_t b_flags = b.run.flags();
  if ((a_flags & b_flags) != b_flags) return false;
  if ((b_flags & Run::kCollects) != 0) {
    const StepProgram& program = rule.steps[step];
    const auto stage = [&](std::uint32_t count) {
      return program.max == kUnbounded ? std::min(count, program.min) : count;
    };
    if (stage(a.run.count()) != stage(b.run.count())) return false;
  }
  // Of two that are complete, the last events may differ: in the deadline, or in what `having` sees
  // of them.
  const bool same_last = a.takes && b.takes;
  if ((b_flags & Run::kFinal) != 0 && !same_last && (!rule.waits_from_first || rule.rule->having)) {
    return false;
  }
  // The later the last event came, the longer the next step may wait.
  if ((b_flags & Run::kWaits) != 0 && rule.steps[step + 1].gap && !same_last) return false;
  const int live = rule.steps[step].live_step;
  const bool same_start = a.run.start == b.run.start;
  if (!same_start && (!rule.prunes_over_starts || live >= 0)) return false;
  if (live >= 0) {
    if (a.anchors_here != b.anchors_here) return false;
    const Offset a_anchor = a.anchors_here ? a.run.node : a.run.anchor;
    const Offset b_anchor = b.anchors_here ? b.run.node : b.run.anchor;
    if (a_anchor != b_anchor) return false;
  }
  if (!same_start) return a.run.start < b.run.start;
  return current_.compare({a.run.node, a.takes, step}, {b.run.node, b.takes, step}) < 0;
}

// Drafts that may dominate each other, by their places in `drafts_`. Those that nothing happened to
// were compared with each other before.
void RunPruning::prune_among(std::span<const std::uint32_t> drafts) {
  fresh_.clear();
  for (const std::uint32_t draft : drafts) {
    if (drafts_[draft].takes) fresh_.push_back(draft);
  }
  for (const std::uint32_t victim : drafts) {
    const std::span<const std::uint32_t> others =
        drafts_[victim].takes ? drafts : std::span<const std::uint32_t>(fresh_);
    for (const std::uint32_t other : others) {
      if (victim == other || dominated_[other] != 0) continue;
      if (!dominates(drafts_[other], drafts_[victim])) continue;
      dominated_[victim] = 1;
      break;
    }
  }
}

void RunPruning::prune_group(std::size_t begin, std::size_t end) {
  constexpr std::ptrdiff_t kFewFresh = 2;
  group_order_.resize(end - begin);
  std::iota(group_order_.begin(), group_order_.end(), static_cast<std::uint32_t>(begin));
  const auto fresh = std::count_if(drafts_.begin() + static_cast<std::ptrdiff_t>(begin),
                                   drafts_.begin() + static_cast<std::ptrdiff_t>(end),
                                   [](const Draft& draft) { return draft.takes; });
  if (fresh == 0) return;
  if (end - begin <= 16 || fresh <= kFewFresh) {
    prune_among(group_order_);
    return;
  }
  // Only runs at one step with one anchor can dominate each other: look at those together.
  const auto place_of = [&](std::uint32_t i) {
    const Draft& draft = drafts_[i];
    const bool reads = current_.rule->steps[draft.run.step()].live_step >= 0;
    const Offset anchor = !reads ? 0 : draft.anchors_here ? draft.run.node : draft.run.anchor;
    return std::pair{draft.run.step(), anchor};
  };
  std::ranges::stable_sort(group_order_, {}, place_of);
  for (std::size_t first = 0; first < group_order_.size();) {
    std::size_t last = first + 1;
    while (last < group_order_.size() &&
           place_of(group_order_[last]) == place_of(group_order_[first])) {
      ++last;
    }
    prune_among(std::span(group_order_).subspan(first, last - first));
    first = last;
  }
}

// From the newest on, so that where the steps do not suffice the oldest go.
std::size_t RunPruning::prune() {
  current_.steps.allow(StepMeter::kPruning);
  if (!may_dominate() && !current_.steps.is_over()) return 0;
  dominated_.assign(drafts_.size(), 0);
  std::size_t lost = 0;
  for (std::size_t end = drafts_.size(), begin = end; end > 0 && lost == 0; end = begin) {
    begin = current_.rule->prunes_over_starts ? 0 : end - 1;
    while (begin > 0 && drafts_[begin - 1].run.start == drafts_[end - 1].run.start) --begin;
    if (end - begin > 1) prune_group(begin, end);
    if (current_.steps.is_over()) lost = end;
  }
  std::size_t kept = 0;
  for (std::size_t i = lost; i < drafts_.size(); ++i) {
    if (dominated_[i] == 0) drafts_[kept++] = drafts_[i];
  }
  drafts_.resize(kept);
  return lost;
}
}  // namespace tocsin::cep
