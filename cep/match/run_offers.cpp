#include "cep/match/run_offers.h"

#include <algorithm>

#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// What a partial match takes at most where no condition reads it: one for the offer, two for what
// may take the event.
constexpr std::uint64_t kStepsOfRun = 3;
}  // namespace

bool RunOffers::leaves_all(const RuleProgram& rule, const CurrentRow& row,
                           std::span<const Run> runs) {
  if (rule.strict) return false;
  const auto fits = [&](const ElementProgram& element) { return row.satisfies(element.predicate); };
  for (const Run& run : runs) {
    const std::uint32_t flags = run.flags();
    const StepProgram& step = rule.steps[run.step()];
    if ((flags & Run::kFinal) == 0 && rule.within &&
        row.row->engine_time.us >= run.first_time_us + rule.within->us) {
      return false;
    }
    if ((flags & Run::kCollects) != 0 && fits(step.take)) return false;
    if ((flags & Run::kWaits) != 0) {
      const StepProgram& next = rule.steps[run.step() + 1];
      if (next.gap || fits(next.take)) return false;
    }
    if (std::ranges::any_of(step.guards, fits)) return false;
  }
  return true;
}

bool RunOffers::may_run_out() const {
  return current_.rule->reads_matches || current_.rule->waits_from_first ||
         (std::uint64_t{current_.state.run_count} + 1) * kStepsOfRun > current_.steps.limit();
}

bool RunOffers::concerns_runs() {
  const RuleProgram& rule = *current_.rule;
  for (std::uint32_t i = 0; i < rule.steps.size(); ++i) {
    const StepProgram& step = rule.steps[i];
    const bool is_loop = step.max > 1;
    // Partial matches cease to wait.
    if (step.gap && !CurrentRuns::gap_counts_from_first(rule)) return true;
    if (current_.is_considered && ((i > 0 && step.contiguity == Contiguity::kNext) ||
                                   (is_loop && step.mode == LoopMode::kNext))) {
      return true;
    }
    if ((i > 0 || is_loop) && conditions_.fits_row(step.take, 0, static_cast<int>(i))) return true;
    for (const ElementProgram& guard : step.guards) {
      if (conditions_.fits_row(guard, 0, -1)) return true;
    }
  }
  return false;
}

void RunOffers::offer_start() {
  if (!conditions_.fits(current_.rule->steps[0].take, 0, 0, true)) return;
  Run fresh;
  fresh.first_time_us = current_.now_us();
  fresh.start = current_.state.next_start;
  take(fresh, Draft::kFresh, 0, 1, false);
}

void RunOffers::pass_by(bool may_start) {
  any_live_ = current_.state.run_count > 0;
  losses_.forget(any_live_);
  if (may_start) offer_start();
}

void RunOffers::offer_all(const Run* runs, bool may_start) {
  if (current_.state.run_count > 0 && may_run_out()) {
    const std::uint64_t lost = offer_newest_first(runs, may_start);
    losses_.forget(any_live_);
    if (lost > 0) losses_.lose(lost, BudgetCause::kStepsPerEvent);
    return;
  }
  for (std::uint32_t i = 0; i < current_.state.run_count; ++i) offer(runs[i], i);
  losses_.forget(any_live_);
  if (may_start) offer_start();
}

// Gives how many were dropped.
std::uint64_t RunOffers::offer_newest_first(const Run* runs, bool may_start) {
  const auto is_live = [&](const Run& run) { return !is_over(run); };
  if (may_start) offer_start();
  std::uint64_t lost = 0;
  for (std::uint32_t i = current_.state.run_count; i-- > 0 && lost == 0;) {
    const std::size_t drafts = drafted_.runs.size();
    const std::size_t candidates = drafted_.completed.size();
    offer(runs[i], i);
    if (!current_.steps.is_over()) continue;
    drafted_.runs.resize(drafts);
    drafted_.completed.resize(candidates);
    lost = static_cast<std::uint64_t>(std::count_if(runs, runs + i + 1, is_live));
    changed_ = true;
  }
  reverse_drafts(drafted_.runs);
  std::reverse(drafted_.completed.begin(), drafted_.completed.end());
  return lost;
}

// One run at the current event: drafts what becomes of it.
void RunOffers::offer(const Run& run, std::uint32_t place) {
  const RuleProgram& rule = *current_.rule;
  const std::uint32_t flags_before = run.flags();
  if (is_over(run)) {
    changed_ = true;
    return;
  }
  any_live_ = true;
  ++current_.stats.runs_visited;
  current_.steps.take();
  const std::uint32_t at = run.step();
  const StepProgram& step = rule.steps[at];
  // An absence guards from the run's last event: it ends what has left the loop, not the loop.
  constexpr std::uint32_t kGuarded = std::uint32_t{Run::kWaits} | std::uint32_t{Run::kFinal};
  bool killed = false;
  if ((flags_before & kGuarded) != 0) {
    for (const ElementProgram& guard : step.guards) {
      killed = killed || conditions_.fits(guard, run.node, -1, false);
    }
  }
  std::uint32_t flags = flags_before;
  if (CurrentRuns::gap_end(rule, current_.record, run) <= current_.now_us()) {
    flags &= ~std::uint32_t{Run::kWaits};
  }
  if ((flags & Run::kWaits) != 0) {
    const StepProgram& next = rule.steps[at + 1];
    if (conditions_.fits(next.take, run.node, static_cast<int>(at + 1), true)) {
      take(run, place, at + 1, 1, killed);
      if (next.contiguity != Contiguity::kAny) flags &= ~std::uint32_t{Run::kWaits};
    } else if (next.contiguity == Contiguity::kNext && current_.is_considered) {
      flags &= ~std::uint32_t{Run::kWaits};
    }
  }
  if ((flags & Run::kCollects) != 0) {
    if (conditions_.fits(step.take, run.node, static_cast<int>(at), false)) {
      take(run, place, at, std::min(run.count() + 1, kUnbounded), false);
      flags &= ~std::uint32_t{Run::kCollects};
    } else if (step.mode == LoopMode::kNext && current_.is_considered) {
      flags &= ~std::uint32_t{Run::kCollects};
    }
  }
  if (killed) flags &= ~kGuarded;
  changed_ = changed_ || flags != flags_before;
  if (flags == 0) return;
  Draft& draft = drafted_.runs.emplace_back();
  draft.run = run;
  draft.from = place;
  draft.run.packed = Run::pack(run.count(), at, flags);
}

// `parent` takes the current event as event number `count` of `step`; where it was killed, only a
// match that this completes counts.
void RunOffers::take(const Run& parent, std::uint32_t from, std::uint32_t step_index,
                     std::uint32_t count, bool killed) {
  const RuleProgram& rule = *current_.rule;
  const StepProgram& step = rule.steps[step_index];
  const bool may_stop = count >= step.min;
  const bool may_go_on = count < step.max || step.max == kUnbounded;
  const bool is_last = step_index + 1 == rule.steps.size();
  if (is_last && may_stop && !rule.ends_absent) {
    drafted_.completed.push_back({parent.node, parent.start});
  }
  current_.steps.take();
  if (killed) return;
  // For the deadline its first event is looked for.
  if (rule.waits_from_first && parent.node != 0) {
    current_.steps.take(RecordStore::at<Node>(current_.record, parent.node)->length / 8);
  }
  Draft draft;
  draft.run = parent;
  draft.from = from;
  draft.takes = true;
  // The anchor is the last event that anything later may read; at the least the first event.
  const bool is_start = parent.node == 0;
  draft.anchors_here = is_start || static_cast<int>(step_index) <= step.live_step;
  const auto add = [&](std::uint32_t flags) {
    if (flags == 0) return;
    draft.run.packed = Run::pack(count, step_index, flags);
    drafted_.runs.push_back(draft);
    changed_ = true;
  };
  const std::uint32_t collects = may_go_on ? std::uint32_t{Run::kCollects} : 0;
  if (!is_last) {
    add((may_stop ? std::uint32_t{Run::kWaits} : 0) | collects);
  } else {
    if (rule.ends_absent && may_stop) add(Run::kFinal);
    add(collects);
  }
}
}  // namespace tocsin::cep
