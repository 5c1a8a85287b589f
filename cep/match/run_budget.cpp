#include "cep/match/run_budget.h"

#include <algorithm>
#include <utility>

#include "cep/record/budget_shares.h"

namespace tocsin::cep {
void RunBudget::lose_drafts(std::size_t count, BudgetCause cause) {
  if (count == 0) return;
  drafts_.erase(drafts_.begin(), drafts_.begin() + static_cast<std::ptrdiff_t>(count));
  losses_.lose(count, cause);
}

void RunBudget::keep() {
  if (current_.gave_up) lose_drafts((drafts_.size() + 1) / 2, BudgetCause::kStepsPerEvent);
  const Limits& limits = current_.program.limits;
  if (drafts_.size() > limits.runs_per_key_max) {
    lose_drafts(drafts_.size() - limits.runs_per_key_max, BudgetCause::kRunsPerKey);
  }
  const std::uint64_t words =
      current_.record == nullptr ? 0 : reinterpret_cast<const RecordHeader*>(current_.record)->used;
  tally_ = nullptr;
  if (drafts_.empty() || !may_exceed_key_budget(limits, words, drafts_.size())) {
    // What becomes of the partial matches now is not followed.
    tallies_->forget(current_.rule->index, current_.row->slot->hash);
    return;
  }
  const Plan& plan = *current_.program.plan;
  BudgetTally& tally = tallies_->at(current_.rule->index, current_.row->slot->hash);
  const auto taken = static_cast<std::uint64_t>(
      std::ranges::count_if(drafts_, [](const Draft& draft) { return draft.takes; }));
  BudgetShare more;
  if (taken > 0) {
    more.events = 1;
    more.bytes = taken * kPlaceBytes + budget_bytes(plan, *current_.rule->rule,
                                                    *current_.scope.batch, *current_.row->row);
  }
  const BudgetShare most{limits.bytes_per_key_max, limits.events_per_key_max};
  if (tally.stays_within(current_.scope.key, more, drafts_.size(), most)) return;
  find_shares(words);
  const auto [count, cause] = beyond_budget(
      limits, {}, drafts_, shares_,
      [&](std::size_t i) {
        const Draft& draft = drafts_[i];
        const Draft& after = drafts_[i + 1];
        return after.takes && after.run.node == draft.run.node &&
               after.run.step() == draft.run.step();
      },
      [&] {
        return budget_bytes(plan, *current_.rule->rule, *current_.scope.batch, *current_.row->row);
      });
  shares_.erase(shares_.begin(), shares_.begin() + static_cast<std::ptrdiff_t>(count));
  lose_drafts(count, cause);
}

void RunBudget::write_tally() {
  if (tally_ != nullptr) keep_tally(*tally_);
}

RunMark RunBudget::mark_of(const Run& run) const {
  const Node* const last = RecordStore::at<Node>(current_.record, run.node);
  const KeptEvent* const event = RecordStore::at<KeptEvent>(current_.record, last->event);
  return {run.start, last->length, event->engine_time_us, event->arrival(), run.node, last->parent};
}

// The drafts' shares: by what was counted before, or afresh.
void RunBudget::find_shares(std::uint64_t words) {
  tally_ = &tallies_->at(current_.rule->index, current_.row->slot->hash);
  const OperatorEntry* const entry =
      current_.record == nullptr ? nullptr : RecordStore::find(current_.record, current_.rule->op);
  marks_.clear();
  if (entry != nullptr) {
    const auto* const header = RecordStore::at<RuleHeader>(current_.record, entry->state);
    const Run* const runs =
        RecordStore::at<Run>(current_.record, entry->state + current_.header_words);
    for (std::uint32_t i = 0; i < header->run_count; ++i) marks_.push_back(mark_of(runs[i]));
  }
  from_.clear();
  for (const Draft& draft : drafts_) from_.push_back(draft.from);
  if (tally_->shares_of(marks_, from_, shares_)) return;
  meter_.begin(*current_.program.plan, *current_.rule->rule, current_.scope.table->layouts,
               current_.record, words);
  count_shares(current_.program.limits, meter_, drafts_, shares_);
}

// The drafts are the key's runs now: what they take with the current event.
void RunBudget::keep_tally(BudgetTally& tally) {
  marks_.clear();
  bool has_event = false;
  for (std::size_t i = drafts_.size(); i-- > 0;) {
    if (!drafts_[i].takes) continue;
    const bool shares =
        i + 1 < drafts_.size() && drafts_[i + 1].takes && drafts_[i + 1].shares_node;
    if (!shares) shares_[i].bytes += kPlaceBytes;
    if (std::exchange(has_event, true)) continue;
    shares_[i].bytes += budget_bytes(*current_.program.plan, *current_.rule->rule,
                                     *current_.scope.batch, *current_.row->row);
    ++shares_[i].events;
  }
  for (const Draft& draft : drafts_) marks_.push_back(mark_of(draft.run));
  BudgetShare most;
  for (const BudgetShare& share : shares_) {
    most.bytes += share.bytes - kPartialMatchBytes;
    most.events += share.events;
  }
  tally.set_most(current_.scope.key, most);
  tally.set(shares_, marks_);
}
}  // namespace tocsin::cep
