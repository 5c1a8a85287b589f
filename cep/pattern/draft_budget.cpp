#include "cep/pattern/draft_budget.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cep/alert/current_row.h"
#include "cep/record/budget_shares.h"

namespace tocsin::cep {
void DraftBudget::keep() {
  const Limits& limits = current_.program.limits;
  const auto lose_drafts = [&](std::size_t count, BudgetCause cause) {
    if (count == 0) return;
    drafts_.runs.erase(drafts_.runs.begin(),
                       drafts_.runs.begin() + static_cast<std::ptrdiff_t>(count));
    lost_.lose(count, cause);
  };
  if (lost_.gave_up() && !current_.is_stepwise()) {
    lose_drafts((drafts_.runs.size() + 1) / 2, BudgetCause::kStepsPerEvent);
  }
  if (drafts_.runs.size() > limits.runs_per_key_max) {
    lose_drafts(drafts_.runs.size() - limits.runs_per_key_max, BudgetCause::kRunsPerKey);
  }
  const std::size_t words = current_.state == nullptr ? 0 : current_.state->words.size();
  const std::size_t waiting = current_.state == nullptr ? 0 : current_.state->waiting.size();
  const std::size_t runs = drafts_.runs.size() + waiting;
  is_near_budget_ = false;
  if (drafts_.runs.empty() || !may_exceed_key_budget(limits, words, runs)) return;
  const bool is_known = waiting == 0 && find_shares();
  if (!is_known && current_.state != nullptr && current_.state->budget_words != 0 &&
      !may_exceed_key_budget_since(limits, current_.state->budget_events,
                                   current_.state->budget_bytes,
                                   words - current_.state->budget_words, runs)) {
    return;
  }
  is_near_budget_ = waiting == 0;
  const BudgetShare limit = key_limit(limits);
  BeyondBudget beyond;
  bool is_counted = !is_known;
  if (is_known) {
    const auto beyond_under = [&](const BudgetShare& most) { return beyond_shares(most, {}); };
    beyond = beyond_shares(limit, {});
    is_counted = !is_certain(beyond, limit, slack_, beyond_under);
  }
  if (is_counted) beyond = beyond_shares(limit, count_all());
  const auto [count, cause] = beyond;
  if (current_.state != nullptr) {
    // Where something is dropped not all was counted.
    current_.state->budget_words = is_counted && count == 0 ? words : 0;
    current_.state->budget_events = meter_.events();
    current_.state->budget_bytes = meter_.bytes();
  }
  shares_.erase(shares_.begin(), shares_.begin() + static_cast<std::ptrdiff_t>(count));
  lose_drafts(count, cause);
}

BeyondBudget DraftBudget::beyond_shares(const BudgetShare& limit, const BudgetShare& beside) const {
  const auto shares_place = [&](std::size_t i) {
    const RunDraft& draft = drafts_.runs[i];
    const RunDraft& after = drafts_.runs[i + 1];
    return after.takes && after.run.node == draft.run.node && after.step == draft.step;
  };
  return beyond_budget(limit, beside, drafts_.runs, shares_, shares_place,
                       [&] { return event_bytes(); });
}

// Of the current event.
std::uint64_t DraftBudget::event_bytes() const {
  return budget_bytes(*current_.program.plan, *current_.rule->rule, *current_.scope.batch,
                      *current_.row->row);
}

// The drafts' shares, afresh. Gives what is complete, and waits for older ones: it stays.
BudgetShare DraftBudget::count_all() {
  slack_ = {};
  const PatternState* const state = current_.state;
  meter_.begin(*current_.program.plan, *current_.rule->rule, current_.scope.table->layouts,
               current_.scope.record, state == nullptr ? 0 : state->words.size());
  if (state != nullptr) {
    for (const CompleteMatch& match : state->waiting) meter_.add(match.node);
  }
  const BudgetShare beside = meter_.counted();
  count_shares(current_.program.limits, meter_, drafts_.runs, shares_);
  return beside;
}

void DraftBudget::write_tally() {
  if (std::exchange(is_near_budget_, false)) {
    keep_tally();
  } else {
    current_.state->tally.reset();
  }
}

RunMark DraftBudget::mark_of(const PatternRun& run) const {
  const KeptEvent& event = *current_.event_of(run.node);
  const Node& last = current_.node(run.node)->node;
  return {run.start, last.length, event.engine_time_us, event.arrival(), run.node, last.parent};
}

// The drafts' shares, by what was counted before.
bool DraftBudget::find_shares() {
  if (current_.state == nullptr || current_.state->tally == nullptr) return false;
  marks_.clear();
  for (const PatternRun& run : current_.state->runs) marks_.push_back(mark_of(run));
  from_.clear();
  for (const RunDraft& draft : drafts_.runs) from_.push_back(draft.from);
  return current_.state->tally->shares_of(marks_, from_, shares_, slack_);
}

// The drafts are the key's partial matches now: what they take with the current event.
void DraftBudget::keep_tally() {
  marks_.clear();
  made_.clear();
  bool has_event = false;
  for (std::size_t i = drafts_.runs.size(); i-- > 0;) {
    const RunDraft& draft = drafts_.runs[i];
    if (!draft.takes) continue;
    if (made_.insert(draft.run.node).second) shares_[i].bytes += kPlaceBytes;
    if (std::exchange(has_event, true)) continue;
    const std::uint64_t bytes = event_bytes();
    shares_[i] += {bytes, 1, bytes};
  }
  for (const RunDraft& draft : drafts_.runs) marks_.push_back(mark_of(draft.run));
  if (current_.state->tally == nullptr) current_.state->tally = std::make_unique<BudgetTally>();
  current_.state->tally->set(shares_, marks_, slack_);
}
}  // namespace tocsin::cep
