// Rules whose events follow each other directly (`then next`), a fixed number of them: all partial
// matches of a key end with its last event, so that one bit for each length says which are alive,
// and the key's last events are all that they have taken. Equal to what runs would give; no node,
// no run.
#include <algorithm>
#include <bit>

#include "cep/base/assert.h"
#include "cep/matcher.h"

namespace tocsin::cep {
void Matcher::on_strict_event() {
  RowInHand& hand = *hand_;
  const std::vector<StepProgram>& steps = rule_->steps;
  const auto last = static_cast<std::uint32_t>(steps.size() - 1);
  OperatorEntry* const entry = record_ != nullptr ? RecordStore::find(record_, rule_->op) : nullptr;
  const StrictState* const state =
      entry != nullptr ? RecordStore::at<StrictState>(record_, entry->state) : nullptr;
  const std::uint32_t before = state != nullptr ? state->alive : 0;
  if (rule_->row_places > 0) row_answers_.assign(rule_->row_places, 0);

  // An event that is not considered and fits nothing passes by.
  bool passes_by = !hand.satisfies(rule_->considered_predicate);
  std::uint32_t alive = 0;
  bool completes = false;
  for (std::uint32_t rest = before; rest != 0; rest &= rest - 1) {
    const auto length = static_cast<std::uint32_t>(std::countr_zero(rest)) + 1;
    const StepProgram& step = steps[length];
    if (!hand.satisfies(step.take.predicate)) continue;
    // The event of step s is the one that is length - 1 - s before the last.
    for (std::uint32_t s = 0; s < length; ++s) window_[s] = state->events()[length - 1 - s];
    const auto* first = RecordStore::at<KeptEvent>(record_, window_[0]);
    if (rule_->within && hand.row->engine_time.us >= first->engine_time_us + rule_->within->us) {
      continue;
    }
    scope_.window = window_.data();
    const bool fitting = fits(step.take, 0, static_cast<int>(length), true);
    if (fitting) {
      passes_by = false;
      if (length == last) {
        // Its events stay in window_: longer partial matches are not possible.
        completes = true;
      } else {
        alive |= 1U << length;
      }
    }
    scope_.window = nullptr;
  }
  if (fits(steps[0].take, 0, 0, true)) {
    passes_by = false;
    alive |= 1;
  }
  if (passes_by) return;
  if (completes) {
    state_ = {};
    once_ = {};
    candidates_.assign(1, Candidate{});
    scope_.window = window_.data();
    const bool selected = select_at_event();
    scope_.window = nullptr;
    if (selected && rule_->rule->selection.kind == SelectionKind::kSkipPastLast) alive = 0;
  }
  keep_strict(entry, before, alive);
}

// Makes the event in hand the latest where something is alive with it.
void Matcher::keep_strict(OperatorEntry* entry, std::uint32_t alive_before, std::uint32_t alive) {
  stats_.runs += static_cast<std::uint64_t>(std::popcount(alive));
  stats_.runs -= static_cast<std::uint64_t>(std::popcount(alive_before));
  if (alive == 0) {
    if (entry != nullptr) RecordStore::at<StrictState>(record_, entry->state)->alive = 0;
    return;
  }
  KeySlot& slot = *hand_->slot;
  const std::uint32_t event_words = hand_->event == 0 ? store_.event_words(*hand_->row) : 0;
  const std::uint32_t state_words = entry == nullptr ? strict_words(*rule_) : 0;
  if (entry == nullptr || !RecordStore::has_room(record_, event_words)) {
    store_.ensure(slot, event_words + state_words, rule_->op, hand_->event);
    record_ = store_.base(slot);
    hand_->record = record_;
    scope_.record = record_;
    entry = RecordStore::find(record_, rule_->op);
  }
  if (event_words != 0) {
    hand_->event = RecordStore::cut(record_, event_words);
    store_.write_event(record_, hand_->event, *hand_->row, event_words);
  }
  Offset place = 0;
  if (entry == nullptr) {
    place = RecordStore::cut(record_, state_words);
    std::fill_n(RecordStore::at<std::uint64_t>(record_, place), state_words, 0);
    RecordStore::set_state(record_, rule_->op, place);
  } else {
    place = entry->state;
  }
  auto* state = RecordStore::at<StrictState>(record_, place);
  for (std::uint32_t i = StrictState::event_count(alive); i-- > 1;) {
    state->events()[i] = state->events()[i - 1];
  }
  state->events()[0] = hand_->event;
  state->alive = alive;
}

std::int64_t Matcher::strict_expiry(const RuleProgram& rule, std::byte* record, Offset place,
                                    std::int64_t now_us) {
  auto* state = RecordStore::at<StrictState>(record, place);
  if (!rule.within) return state->alive == 0 ? kDead : kNeverDies;
  std::int64_t latest = kDead;
  for (std::uint32_t rest = state->alive; rest != 0; rest &= rest - 1) {
    const auto bit = static_cast<std::uint32_t>(std::countr_zero(rest));
    const auto* first = RecordStore::at<KeptEvent>(record, state->events()[bit]);
    const std::int64_t end = first->engine_time_us + rule.within->us;
    if (end > now_us) {
      latest = std::max(latest, end);
    } else {
      state->alive &= ~(1U << bit);
      --stats_.runs;
    }
  }
  return latest;
}
}  // namespace tocsin::cep
