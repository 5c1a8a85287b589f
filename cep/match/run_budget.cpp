#include "cep/match/run_budget.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cep/record/held_drafts.h"

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
  const std::uint64_t words = words_of_record();
  const std::uint64_t hash = current_.row->slot->hash;
  tally_ = nullptr;
  if (drafts_.empty() || !may_exceed_key_budget(limits, words, drafts_.size())) {
    // What becomes of the partial matches now is not followed.
    tallies_->forget(current_.rule->index, hash);
    return;
  }
  if (!current_.store.counted().contains(hash)) {
    tallies_->forget_held(hash);
    if (current_.record != nullptr) current_.store.counted().insert(hash);
  }
  RunTally& tally = tallies_->at(current_.rule->index, hash);
  const bool is_same = tally.key == current_.scope.key;
  if (tally.held == nullptr || !is_same) {
    tally.held.reset();
    if (is_same && stays_within(tally)) return;
    tally.held = std::make_unique<HeldMatches>();
    tally.key = std::string(current_.scope.key);
  }
  drop_oldest(tally);
  tally_ = &tally;
}

// By the bound alone.
bool RunBudget::stays_within(RunTally& tally) const {
  const auto taken = static_cast<std::uint64_t>(
      std::ranges::count_if(drafts_, [](const Draft& draft) { return draft.takes; }));
  BudgetShare most = tally.most;
  if (taken > 0) {
    most.events += 1;
    most.bytes += taken * kPlaceBytes + event_bytes();
  }
  const BudgetShare limit = key_limit(current_.program.limits);
  if (most.events > limit.events || most.bytes + drafts_.size() * kPartialMatchBytes > limit.bytes)
    return false;
  tally.most = most;
  return true;
}

std::uint32_t RunBudget::words_of_record() const {
  if (current_.record == nullptr) return 0;
  return reinterpret_cast<const RecordHeader*>(current_.record)->used;
}

void RunBudget::look_at_record(HeldPlaces& places) const {
  places.look_at(*current_.program.plan, *current_.rule->rule, current_.scope.table->layouts,
                 current_.record, words_of_record());
}

void RunBudget::drop_oldest(RunTally& tally) {
  const auto shares_place = [&](std::size_t i) {
    const Draft& draft = drafts_[i];
    const Draft& after = drafts_[i + 1];
    return after.takes && after.run.node == draft.run.node && after.run.step() == draft.run.step();
  };
  HeldPlaces& places = tally.held->places;
  look_at_record(places);
  const std::uint64_t work_before = places.work();
  const DraftsCut cut = hold_within(*tally.held, drafts_, 0, key_limit(current_.program.limits),
                                    shares_place, [&] { return event_bytes(); });
  work_ += places.work() - work_before;
  tally.most = cut.taken;
  lose_drafts(cut.dropped, cut.cause);
}

// Of the current event.
std::uint64_t RunBudget::event_bytes() const {
  return budget_bytes(*current_.program.plan, *current_.rule->rule, *current_.scope.batch,
                      *current_.row->row);
}

void RunBudget::write_tally() {
  if (tally_ == nullptr) return;
  RunTally& tally = *std::exchange(tally_, nullptr);
  // Far from a budget the bound is enough for a long time.
  const Limits& limits = current_.program.limits;
  const bool is_near =
      tally.most.bytes + drafts_.size() * kPartialMatchBytes > limits.bytes_per_key_max / 4 * 3 ||
      tally.most.events > limits.events_per_key_max / 4 * 3;
  // What the current event added may have made the record be laid out anew.
  if (!is_near || !current_.store.counted().contains(current_.row->slot->hash)) {
    tally.held.reset();
    return;
  }
  HeldPlaces& places = tally.held->places;
  look_at_record(places);
  const std::uint64_t work_before = places.work();
  hold_taken(*tally.held, drafts_);
  work_ += places.work() - work_before;
}
}  // namespace tocsin::cep
