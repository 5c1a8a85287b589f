#include "cep/pattern/draft_budget.h"

#include <algorithm>
#include <utility>

#include "cep/alert/current_row.h"

namespace tocsin::cep {
void DraftBudget::lose_drafts(std::size_t count, BudgetCause cause) {
  if (count == 0) return;
  drafts_.runs.erase(drafts_.runs.begin(),
                     drafts_.runs.begin() + static_cast<std::ptrdiff_t>(count));
  lost_.lose(count, cause);
}

void DraftBudget::keep() {
  const Limits& limits = current_.program.limits;
  if (lost_.gave_up() && !current_.is_stepwise()) {
    lose_drafts((drafts_.runs.size() + 1) / 2, BudgetCause::kStepsPerEvent);
  }
  if (drafts_.runs.size() > limits.runs_per_key_max) {
    lose_drafts(drafts_.runs.size() - limits.runs_per_key_max, BudgetCause::kRunsPerKey);
  }
  const std::size_t words = current_.state == nullptr ? 0 : current_.state->words.size();
  const std::size_t waiting = current_.state == nullptr ? 0 : current_.state->waiting.size();
  const std::size_t matches = drafts_.runs.size() + waiting;
  if (drafts_.runs.empty() || !may_exceed_key_budget(limits, words, matches)) return;
  if (current_.state != nullptr) held_ = std::move(current_.state->held);
  const bool is_fresh = held_ == nullptr;
  if (is_fresh) {
    if (stays_within(words, matches)) return;
    held_ = std::make_unique<HeldMatches>();
  }
  const HeldPlaces& places = held_->places;
  const std::uint64_t work_before = places.work();
  hold_drafts(is_fresh);
  drop_oldest(waiting);
  work_ += places.work() - work_before;
  if (current_.state != nullptr) {
    current_.state->budget_words = words;
    current_.state->budget_events = places.events();
    current_.state->budget_bytes = places.bytes();
  }
  // Far from a budget the bound is enough for a long time.
  const std::uint64_t more = limits.bytes_per_key_max / 8 / sizeof(std::uint64_t);  // words
  if (!may_exceed_key_budget_since(limits, places.events(), places.bytes(), more, matches)) {
    held_.reset();
  }
}

// By what was counted last and the words that came since.
bool DraftBudget::stays_within(std::size_t words, std::size_t matches) const {
  const PatternState* const state = current_.state;
  return state != nullptr && state->budget_words != 0 &&
         !may_exceed_key_budget_since(current_.program.limits, state->budget_events,
                                      state->budget_bytes, words - state->budget_words, matches);
}

// What the drafts have before they take the current event is held, and what partial matches had
// that are no more is not. `is_fresh`: nothing is held yet.
void DraftBudget::hold_drafts(bool is_fresh) {
  current_.look_at_words(held_->places);
  ends_.clear();
  for (const RunDraft& draft : drafts_.runs) ends_.push_back(draft.run.node);
  held_->places.replace(held_->partial, ends_);
  held_->partial.swap(ends_);
  if (!is_fresh || current_.state == nullptr) return;
  for (const CompleteMatch& match : current_.state->waiting) held_->places.hold(match.node);
}

// What the draft's new place adds; drafts side by side that take it for the same step share one.
std::uint64_t DraftBudget::place_bytes_of(std::size_t draft) const {
  const RunDraft& it = drafts_.runs[draft];
  if (!it.takes) return 0;
  if (draft + 1 == drafts_.runs.size()) return kPlaceBytes;
  const RunDraft& after = drafts_.runs[draft + 1];
  const bool is_shared = after.takes && after.run.node == it.run.node && after.step == it.step;
  return is_shared ? 0 : kPlaceBytes;
}

// Until the rest, with the current event, fit the budgets.
void DraftBudget::drop_oldest(std::size_t waiting) {
  const std::vector<RunDraft>& drafts = drafts_.runs;
  const Limits& limits = current_.program.limits;
  HeldPlaces& places = held_->places;
  std::uint64_t added = (drafts.size() + waiting) * kPartialMatchBytes;
  std::size_t taking = 0;  // drafts that take the event
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    added += place_bytes_of(i);
    taking += drafts[i].takes ? 1 : 0;
  }
  const std::uint64_t event = taking > 0 ? event_bytes() : 0;
  std::size_t count = 0;
  BudgetCause cause = BudgetCause::kRunsPerKey;
  for (; count < drafts.size(); ++count) {
    const std::uint64_t events = places.events() + (taking > 0 ? 1 : 0);
    const std::uint64_t bytes = places.bytes() + added + (taking > 0 ? event : 0);
    if (events > limits.events_per_key_max) {
      cause = BudgetCause::kEventsPerKey;
    } else if (bytes > limits.bytes_per_key_max) {
      cause = BudgetCause::kBytesPerKey;
    } else {
      break;
    }
    const RunDraft& oldest = drafts[count];
    places.release(oldest.run.node);
    added -= kPartialMatchBytes + place_bytes_of(count);
    taking -= oldest.takes ? 1 : 0;
  }
  held_->partial.erase(held_->partial.begin(),
                       held_->partial.begin() + static_cast<std::ptrdiff_t>(count));
  lose_drafts(count, cause);
}

// Of the current event.
std::uint64_t DraftBudget::event_bytes() const {
  return budget_bytes(*current_.program.plan, *current_.rule->rule, *current_.scope.batch,
                      *current_.row->row);
}

void DraftBudget::write_held() {
  PatternState& state = *current_.state;
  state.held.reset();
  if (held_ == nullptr) return;
  current_.look_at_words(held_->places);
  const std::uint64_t work_before = held_->places.work();
  for (std::size_t i = 0; i < drafts_.runs.size(); ++i) {
    const RunDraft& draft = drafts_.runs[i];
    if (!draft.takes) continue;
    held_->places.hold(draft.run.node);
    held_->places.release(held_->partial[i]);
    held_->partial[i] = draft.run.node;
  }
  work_ += held_->places.work() - work_before;
  state.held = std::move(held_);
}
}  // namespace tocsin::cep
