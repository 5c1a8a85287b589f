#include "cep/pattern/draft_budget.h"

#include <algorithm>
#include <utility>

#include "cep/alert/current_row.h"
#include "cep/record/held_drafts.h"

namespace tocsin::cep {
namespace {
// Whether a draft, which takes the current event, will have the place that the one after it gets.
bool shares_place(const RunDraft& draft, const RunDraft& after) {
  return after.takes && after.run.node == draft.run.node && after.step == draft.step;
}
}  // namespace

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
  note_count(words, matches);
}

void DraftBudget::note_count(std::size_t words, std::size_t matches) {
  const Limits& limits = current_.program.limits;
  const HeldPlaces& places = held_->places;
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

bool DraftBudget::keep_concerned(const std::vector<std::uint32_t>& places) {
  PatternState& state = *current_.state;
  const ClassedList& order = *state.order;
  const Limits& limits = current_.program.limits;
  std::size_t matches = order.size() - places.size() + drafts_.runs.size();
  const std::size_t too_many =
      matches > limits.runs_per_key_max ? matches - limits.runs_per_key_max : 0;
  std::uint32_t oldest = order.front();  // of those that stay
  const auto drop = [&] {
    const bool is_drafted = !places.empty() && oldest == places.front();
    if (oldest == ClassedList::kNone || is_drafted) return false;
    oldest = order.next(oldest);
    return true;
  };
  for (std::size_t i = 0; i < too_many; ++i) {
    if (!drop()) return false;
  }
  matches += state.waiting.size() - too_many;
  const std::size_t words = state.words.size();
  std::size_t dropped = 0;
  BudgetCause cause = BudgetCause::kBytesPerKey;
  if (may_exceed_key_budget(limits, words, matches) &&
      (state.held != nullptr || !stays_within(words, matches))) {
    if (!hold_concerned(places)) return false;
    HeldPlaces& held = held_->places;
    const std::uint64_t work_before = held.work();
    for (std::uint32_t at = order.front(); at != oldest; at = order.next(at)) {
      held.release(state.runs[at].node);
    }
    const BudgetShare event = share_of_event();
    const BudgetShare limit = key_limit(limits);
    while (const auto exceeded =
               exceeded_by({held.bytes() + event.bytes, held.events() + event.events},
                           matches - dropped, limit)) {
      const std::uint32_t at = oldest;
      if (!drop()) {
        give_back_held(places, oldest);
        return false;
      }
      held.release(state.runs[at].node);
      cause = *exceeded;
      ++dropped;
    }
    work_ += held.work() - work_before;
    note_count(words, matches);
  }
  while (order.front() != oldest) current_.end_run(order.front());
  if (too_many > 0) lost_.lose(too_many, BudgetCause::kRunsPerKey);
  if (dropped > 0) lost_.lose(dropped, cause);
  return true;
}

// Holds what is drafted, without the current event, instead of those that are drafted. False where
// a draft of another partial match may share the place that one gets: then nothing has changed.
bool DraftBudget::hold_concerned(const std::vector<std::uint32_t>& places) {
  PatternState& state = *current_.state;
  const std::vector<RunDraft>& drafts = drafts_.runs;
  for (std::size_t i = 1; i < drafts.size(); ++i) {
    if (drafts[i - 1].from != drafts[i].from && drafts[i - 1].run.node == drafts[i].run.node) {
      return false;
    }
  }
  held_ = std::move(state.held);
  const bool is_fresh = held_ == nullptr;
  if (is_fresh) held_ = std::make_unique<HeldMatches>();
  HeldPlaces& held = held_->places;
  const std::uint64_t work_before = held.work();
  current_.look_at_words(held);
  if (is_fresh) {
    for (const CompleteMatch& match : state.waiting) held.hold(match.node);
    state.for_each_run([&](const PatternRun& run) { held.hold(run.node); });
  }
  held_->partial.clear();
  held_->gone = 0;
  for (const RunDraft& draft : drafts) {
    held.hold(draft.run.node);
    held_->partial.push_back({draft.run.start, draft.run.node});
  }
  for (const std::uint32_t place : places) held.release(state.runs[place].node);
  work_ += held.work() - work_before;
  return true;
}

// The state holds again what it held before hold_concerned(), and those before `oldest` too.
void DraftBudget::give_back_held(const std::vector<std::uint32_t>& places, std::uint32_t oldest) {
  PatternState& state = *current_.state;
  HeldPlaces& held = held_->places;
  const std::uint64_t work_before = held.work();
  for (std::uint32_t at = state.order->front(); at != oldest; at = state.order->next(at)) {
    held.hold(state.runs[at].node);
  }
  for (const std::uint32_t place : places) held.hold(state.runs[place].node);
  for (const HeldEnd& end : held_->partial) held.release(end.node);
  work_ += held.work() - work_before;
  held_->partial.clear();
  state.held = std::move(held_);
}

// What the drafts that take the current event add.
BudgetShare DraftBudget::share_of_event() const {
  const std::vector<RunDraft>& drafts = drafts_.runs;
  BudgetShare share;
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    if (!drafts[i].takes) continue;
    share.events = 1;
    if (i + 1 == drafts.size() || !shares_place(drafts[i], drafts[i + 1])) {
      share.bytes += kPlaceBytes;
    }
  }
  if (share.events > 0) share.bytes += event_bytes();
  return share;
}

std::uint64_t DraftBudget::event_bytes() const {
  return budget_bytes(*current_.program.plan, *current_.rule->rule, *current_.scope.batch,
                      *current_.row->row);
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
  const DraftsCut cut = hold_within(
      *held_, drafts, waiting, key_limit(current_.program.limits),
      [&](std::size_t i) { return shares_place(drafts[i], drafts[i + 1]); },
      [&] { return event_bytes(); });
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
  if (state.order != nullptr) held_->partial.clear();
  state.held = std::move(held_);
}
}  // namespace tocsin::cep
