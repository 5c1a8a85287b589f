#include "cep/match/run_budget.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "cep/base/assert.h"
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

// Far from a budget the bound is enough for a long time.
bool RunBudget::is_near(const RunTally& tally, std::size_t runs) const {
  const Limits& limits = current_.program.limits;
  return tally.most.bytes + runs * kPartialMatchBytes > limits.bytes_per_key_max / 4 * 3 ||
         tally.most.events > limits.events_per_key_max / 4 * 3;
}

// Calls `hold` with what the tally knows, where `runs` partial matches are near a budget. Else
// forgets it.
template <typename Hold>
void RunBudget::hold_written(RunTally& tally, std::size_t runs, Hold&& hold) {
  if (tally.held == nullptr) return;
  // What the current event added may have made the record be laid out anew.
  if (!is_near(tally, runs) || !current_.store.counted().contains(current_.row->slot->hash)) {
    tally.held.reset();
    return;
  }
  HeldPlaces& places = tally.held->places;
  look_at_record(places);
  const std::uint64_t work_before = places.work();
  hold(*tally.held);
  work_ += places.work() - work_before;
}

void RunBudget::write_tally() {
  if (tally_ == nullptr) return;
  hold_written(*std::exchange(tally_, nullptr), drafts_.size(),
               [&](HeldMatches& held) { hold_taken(held, drafts_); });
}

bool RunBudget::is_known() {
  constexpr std::uint64_t kBegunMax = 2;  // an event begins no more
  const std::uint64_t hash = current_.row->slot->hash;
  known_ = tallies_->find(current_.rule->index, hash);
  if (known_ == nullptr || known_->key != current_.scope.key) return false;
  const BudgetShare limit = key_limit(current_.program.limits);
  BudgetShare begun{event_bytes() + kBegunMax * (kPlaceBytes + kPartialMatchBytes), 1};
  if (known_->held == nullptr) {
    begun.bytes += known_->most.bytes + current_.state.run_count * kPartialMatchBytes;
    begun.events += known_->most.events;
  } else if (!current_.store.counted().contains(hash)) {
    return false;
  }
  return begun.bytes <= limit.bytes && begun.events <= limit.events;
}

bool RunBudget::follow(std::span<const Run> runs) {
  if (known_->held == nullptr) return true;
  HeldMatches& held = *known_->held;
  const std::span<const HeldEnd> ends = held.ends();
  if (runs.empty() || ends.size() < runs.size()) return false;
  // Runs only end, and keep their order. So if those of the first event that is left stand where
  // they would if the oldest alone had ended, that is so.
  const std::size_t ended = ends.size() - runs.size();
  const std::uint64_t first = runs.front().start;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const HeldEnd& end = ends[ended + i];
    if (runs[i].start != first && end.start != first) break;
    if (end != HeldEnd{runs[i].start, runs[i].node}) return false;
  }
  look_at_record(held.places);
  const std::uint64_t work_before = held.places.work();
  held.release_oldest(ended);
  work_ += held.places.work() - work_before;
  return true;
}

std::uint32_t RunBudget::keep_begun(std::span<const Run> runs) {
  BudgetShare begun{0, 1};  // by the drafts, which all take the event
  for (std::size_t i = 0; i < drafts_.size(); ++i) {
    const bool shares = i > 0 && drafts_[i - 1].run.step() == drafts_[i].run.step();
    begun.bytes += shares ? 0 : kPlaceBytes;
  }
  begun.bytes += event_bytes();
  if (known_->held == nullptr) {
    known_->most.bytes += begun.bytes;
    known_->most.events += begun.events;
    return 0;
  }
  const bool is_followed = follow(runs);
  TOCSIN_ASSERT(is_followed, "the oldest alone have gone since");
  HeldMatches& held = *known_->held;
  const BudgetShare limit = key_limit(current_.program.limits);
  const std::uint64_t work_before = held.places.work();
  std::uint32_t dropped = 0;
  BudgetCause cause = BudgetCause::kBytesPerKey;
  for (;; ++dropped) {
    known_->most = {held.places.bytes() + begun.bytes, held.places.events() + begun.events};
    const std::uint64_t matches = runs.size() - dropped + drafts_.size();
    const std::optional<BudgetCause> exceeded = exceeded_by(known_->most, matches, limit);
    if (!exceeded) break;
    cause = *exceeded;
    TOCSIN_ASSERT(dropped < runs.size(), "what begins fits by itself");
    held.release_oldest(1);
  }
  work_ += held.places.work() - work_before;
  if (dropped > 0) losses_.lose(dropped, cause);
  return dropped;
}

void RunBudget::write_begun(std::size_t begun) {
  hold_written(*std::exchange(known_, nullptr), current_.state.run_count, [&](HeldMatches& held) {
    for (const Draft& draft : std::span(drafts_).last(begun)) {
      held.places.hold(draft.run.node);
      held.partial.push_back({draft.run.start, draft.run.node});
    }
  });
}
}  // namespace tocsin::cep
