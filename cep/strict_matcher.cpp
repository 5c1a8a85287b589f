// Rules whose events follow each other directly (`then next`), a fixed number of them: all partial
// matches of a key end with its last event, so that one bit for each length says which are alive,
// and the key's last events are all that they have taken. Rules that count the same events share
// them. Equal to what runs would give; no node, no run.
#include <algorithm>
#include <bit>

#include "cep/base/assert.h"
#include "cep/matcher.h"

namespace tocsin::cep {
void Matcher::on_strict_event(const StrictGroup& group) {
  RowInHand& hand = *hand_;
  // What fits a step is considered, and what is not considered passes by.
  if (!hand.satisfies(group.considered_predicate)) return;
  const std::uint32_t op = program_.rules[group.rules[0]].op;
  OperatorEntry* entry = hand.record != nullptr ? RecordStore::find(hand.record, op) : nullptr;
  std::array<std::uint16_t, kStrictGroupMax> alive{};
  std::uint32_t any = 0;
  if (entry == nullptr) {
    for (std::size_t i = 0; i < group.rules.size(); ++i) {
      const RuleProgram& rule = program_.rules[group.rules[i]];
      if (!hand.satisfies(rule.steps[0].take.predicate)) continue;
      alive[i] = advance_strict(rule, 0, nullptr);
      any |= alive[i];
    }
    if (any == 0) return;
  } else {
    StrictState state(RecordStore::at<std::byte>(hand.record, entry->state), group);
    for (std::size_t i = 0; i < group.rules.size(); ++i) {
      const RuleProgram& rule = program_.rules[group.rules[i]];
      const std::uint32_t before = state.alive(i);
      if (before == 0 && !hand.satisfies(rule.steps[0].take.predicate)) continue;
      alive[i] = advance_strict(rule, before, state.events());
      any |= alive[i];
    }
    if (any == 0) {
      for (std::size_t i = 0; i < group.rules.size(); ++i) state.alive(i) = 0;
      return;
    }
  }
  const std::uint32_t words = store_.event_words(*hand.row);
  if (entry == nullptr) {
    const std::uint32_t state_words = StrictState::words(group);
    store_.ensure(*hand.slot, state_words + words, op, hand.event);
    hand.record = store_.base(*hand.slot);
    const Offset place = RecordStore::cut(hand.record, state_words);
    std::fill_n(RecordStore::at<std::uint64_t>(hand.record, place), state_words, 0);
    RecordStore::set_state(hand.record, op, place);
  }
  keep_strict_event(group, words, alive);
}

// Makes the event in hand the group's latest. It takes the memory of the oldest, which no partial
// match reaches any more, where it fits there.
void Matcher::keep_strict_event(const StrictGroup& group, std::uint32_t words,
                                const std::array<std::uint16_t, kStrictGroupMax>& alive) {
  RowInHand& hand = *hand_;
  const std::uint32_t op = program_.rules[group.rules[0]].op;
  const auto state_of_record = [&] {
    const OperatorEntry* entry = RecordStore::find(hand.record, op);
    return StrictState(RecordStore::at<std::byte>(hand.record, entry->state), group);
  };
  const std::uint32_t oldest = group.depth - 1;
  StrictState state = state_of_record();
  Offset place = state.events()[oldest];
  std::uint32_t block = place == 0 ? 0 : RecordStore::at<KeptEvent>(hand.record, place)->words;
  if (block < words) {
    if (!RecordStore::has_room(hand.record, words)) {
      store_.ensure(*hand.slot, words, op, hand.event);
      hand.record = store_.base(*hand.slot);
      state = state_of_record();
    }
    place = RecordStore::cut(hand.record, words);
    block = words;
  }
  for (std::size_t i = 0; i < group.rules.size(); ++i) state.alive(i) = alive[i];
  std::copy_backward(state.events(), state.events() + oldest, state.events() + oldest + 1);
  state.events()[0] = place;
  store_.write_event(hand.record, place, *hand.row, words);
  RecordStore::at<KeptEvent>(hand.record, place)->words = block;
}

// The rule's partial matches after the event in hand; gives its matches.
std::uint16_t Matcher::advance_strict(const RuleProgram& rule, std::uint32_t before,
                                      const Offset* events) {
  RowInHand& hand = *hand_;
  const std::vector<StepProgram>& steps = rule.steps;
  const auto last = static_cast<std::uint32_t>(steps.size() - 1);
  take_up(rule, hand.record);
  if (rule.row_places > 0) row_answers_.assign(rule.row_places, 0);
  stats_.runs -= static_cast<std::uint64_t>(std::popcount(before));
  std::uint32_t alive = 0;
  bool completes = false;
  for (std::uint32_t rest = before; rest != 0; rest &= rest - 1) {
    const auto length = static_cast<std::uint32_t>(std::countr_zero(rest)) + 1;
    const StepProgram& step = steps[length];
    if (!hand.satisfies(step.take.predicate)) continue;
    // The event of step s is the one that is length - 1 - s before the last.
    for (std::uint32_t s = 0; s < length; ++s) window_[s] = events[length - 1 - s];
    const auto* first = RecordStore::at<KeptEvent>(record_, window_[0]);
    if (rule.within && hand.row->engine_time.us >= first->engine_time_us + rule.within->us) {
      continue;
    }
    scope_.window = window_.data();
    const bool fitting = fits(step.take, 0, static_cast<int>(length), true);
    scope_.window = nullptr;
    if (!fitting) continue;
    if (length == last) {
      completes = true;  // its events stay in window_: longer partial matches are not possible
    } else {
      alive |= 1U << length;
    }
  }
  if (fits(steps[0].take, 0, 0, true)) alive |= 1;
  if (completes) {
    state_ = {};
    once_ = {};
    candidates_.assign(1, Candidate{});
    scope_.window = window_.data();
    const bool selected = select_at_event();
    scope_.window = nullptr;
    if (selected && rule.rule->selection.kind == SelectionKind::kSkipPastLast) alive = 0;
  }
  stats_.runs += static_cast<std::uint64_t>(std::popcount(alive));
  return static_cast<std::uint16_t>(alive);
}

std::int64_t Matcher::strict_expiry(const StrictGroup& group, std::byte* record, Offset place,
                                    std::int64_t now_us) {
  StrictState state(RecordStore::at<std::byte>(record, place), group);
  std::int64_t latest = kDead;
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const RuleProgram& rule = program_.rules[group.rules[i]];
    if (!rule.within) {
      if (state.alive(i) != 0) latest = kNeverDies;
      continue;
    }
    for (std::uint32_t rest = state.alive(i); rest != 0; rest &= rest - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(rest));
      const auto* first = RecordStore::at<KeptEvent>(record, state.events()[bit]);
      const std::int64_t end = first->engine_time_us + rule.within->us;
      if (end > now_us) {
        latest = std::max(latest, end);
      } else {
        state.alive(i) = static_cast<std::uint16_t>(state.alive(i) & ~(1U << bit));
        --stats_.runs;
      }
    }
  }
  return latest;
}
}  // namespace tocsin::cep
