#include "cep/pattern/draft_budget.h"

#include <algorithm>
#include <utility>

#include "cep/alert/current_row.h"
#include "cep/record/held_drafts.h"

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
  current_.look_at_words(held_->places);
  if (is_fresh && current_.state != nullptr) {
    for (const CompleteMatch& match : current_.state->waiting) held_->places.hold(match.node);
  }
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

void DraftBudget::drop_oldest(std::size_t waiting) {
  const std::vector<RunDraft>& drafts = drafts_.runs;
  const auto shares_place = [&](std::size_t i) {
    const RunDraft& after = drafts[i + 1];
    return after.takes && after.run.node == drafts[i].run.node && after.step == drafts[i].step;
  };
  const DraftsCut cut =
      hold_within(*held_, drafts, waiting, key_limit(current_.program.limits), shares_place, [&] {
        return budget_bytes(*current_.program.plan, *current_.rule->rule, *current_.scope.batch,
                            *current_.row->row);
      });
  lose_drafts(cut.dropped, cut.cause);
}

void DraftBudget::write_held() {
  PatternState& state = *current_.state;
  state.held.reset();
  if (held_ == nullptr) return;
  current_.look_at_words(held_->places);
  const std::uint64_t work_before = held_->places.work();
  hold_taken(*held_, drafts_.runs);
  work_ += held_->places.work() - work_before;
  state.held = std::move(held_);
}
}  // namespace tocsin::cep
