// Rules whose events follow each other directly (`then next`), a fixed number of them: all partial
// matches of a key end with its last event, so that one bit for each length says which are alive,
// and the key's last events are all that they have taken. Rules that count the same events share
// them. Equal to what runs would give; no node, no run.
#include <algorithm>
#include <bit>

#include "cep/match/matcher.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
void Matcher::on_strict_event(const StrictGroup& group, const MatchContext& context,
                              CurrentRow& current) {
  // What fits a step is considered, and what is not considered passes by.
  if (!current.satisfies(group.considered_predicate)) return;
  const std::uint32_t op = program_.rules[group.rules[0]].op;
  const OperatorEntry* entry =
      current.record != nullptr ? RecordStore::find(current.record, op) : nullptr;
  const auto rules = static_cast<std::uint32_t>(group.rules.size());
  std::array<std::uint16_t, kStrictGroupMax> alive;  // of the group's rules
  std::uint32_t any = 0;
  bool starts = false;
  for (std::uint32_t i = 0; i < rules; ++i) {
    const RuleProgram& rule = program_.rules[group.rules[i]];
    starts = starts || current.satisfies(rule.steps[0].take.predicate);
  }
  Offset place = 0;
  const Offset* events = nullptr;
  if (entry != nullptr) {
    place = entry->state;
    StrictState state(RecordStore::at<std::byte>(current.record, place), group);
    events = state.events();
    for (std::uint32_t i = 0; i < rules; ++i) {
      alive[i] = state.alive(i);
      any |= alive[i];
    }
  } else {
    std::fill_n(alive.begin(), rules, std::uint16_t{0});
  }
  if (any == 0 && !starts) return;
  begin_event(context, current);

  // Tests compare the current event, captured, with those before it.
  const std::uint32_t words = store_.event_words(*current.row);
  latest_[0] = &store_.captured();
  const std::uint32_t reached = StrictState::event_count(any);
  for (std::uint32_t i = 0; i < reached; ++i) {
    latest_[i + 1] = RecordStore::at<KeptEvent>(current.record, events[i]);
  }
  any = 0;
  for (std::uint32_t i = 0; i < rules; ++i) {
    const RuleProgram& rule = program_.rules[group.rules[i]];
    if (alive[i] == 0 && !current.satisfies(rule.steps[0].take.predicate)) continue;
    alive[i] = advance_strict(rule, alive[i], events);
    any |= alive[i];
  }
  if (any == 0) {
    if (place == 0) return;
    StrictState state(RecordStore::at<std::byte>(current.record, place), group);
    for (std::uint32_t i = 0; i < rules; ++i) state.alive(i) = 0;
    return;
  }
  if (place == 0) {
    const std::uint32_t state_words = StrictState::words(group);
    store_.ensure(*current.slot, state_words + words, op, current.event);
    current.record = store_.base(*current.slot);
    place = RecordStore::cut(current.record, state_words);
    std::fill_n(RecordStore::at<std::uint64_t>(current.record, place), state_words, 0);
    RecordStore::set_state(current.record, op, place);
  }
  keep_strict_event(group, place, alive);
}

// Makes the current event, which is captured, the group's latest. It takes the memory of the
// oldest, which no partial match reaches any more, where it fits there.
void Matcher::keep_strict_event(const StrictGroup& group, Offset state_place,
                                const std::array<std::uint16_t, kStrictGroupMax>& alive) {
  CurrentRow& current = *current_;
  const std::uint32_t words = store_.captured().words;
  const std::uint32_t oldest = group.depth - 1;
  StrictState state(RecordStore::at<std::byte>(current.record, state_place), group);
  Offset place = state.events()[oldest];
  std::uint32_t block = place == 0 ? 0 : RecordStore::at<KeptEvent>(current.record, place)->words;
  if (block < words) {
    if (!RecordStore::has_room(current.record, words)) {
      const std::uint32_t op = program_.rules[group.rules[0]].op;
      store_.ensure(*current.slot, words, op, current.event);
      current.record = store_.base(*current.slot);
      const OperatorEntry* entry = RecordStore::find(current.record, op);
      state = StrictState(RecordStore::at<std::byte>(current.record, entry->state), group);
    }
    place = RecordStore::cut(current.record, words);
    block = words;
  }
  for (std::uint32_t i = 0; i < group.rules.size(); ++i) state.alive(i) = alive[i];
  for (std::uint32_t i = oldest; i > 0; --i) state.events()[i] = state.events()[i - 1];
  state.events()[0] = place;
  store_.write_event(current.record, place);
  RecordStore::at<KeptEvent>(current.record, place)->words = block;
}

// The rule's partial matches after the current event; gives its matches. `events`: the key's last
// ones, the latest first.
std::uint16_t Matcher::advance_strict(const RuleProgram& rule, std::uint32_t before,
                                      const Offset* events) {
  CurrentRow& current = *current_;
  const std::vector<StepProgram>& steps = rule.steps;
  const auto last = static_cast<std::uint32_t>(steps.size() - 1);
  select_rule(rule, current.record);
  if (rule.row_places > 0) row_answers_.assign(rule.row_places, 0);
  std::uint32_t alive = 0;
  bool completes = false;
  for (std::uint32_t rest = before; rest != 0; rest &= rest - 1) {
    const auto length = static_cast<std::uint32_t>(std::countr_zero(rest)) + 1;
    const StepProgram& step = steps[length];
    if (!current.satisfies(step.take.predicate)) continue;
    if (rule.within &&
        current.row->engine_time.us >= latest_[length]->engine_time_us + rule.within->us) {
      continue;
    }
    if (!fits_strict(step.take, length, events)) continue;
    if (length == last) {
      completes = true;  // longer partial matches are not possible
    } else {
      alive |= 1U << length;
    }
  }
  if (current.satisfies(steps[0].take.predicate) && fits_strict(steps[0].take, 0, events))
    alive |= 1;
  if (completes) {
    state_ = {};
    once_ = {};
    candidates_.assign(1, Candidate{});
    set_window(last, events);
    const bool selected = select_at_event();
    scope_.window = nullptr;
    if (selected && rule.rule->selection.kind == SelectionKind::kSkipPastLast) alive = 0;
  }
  stats_.runs += static_cast<std::uint64_t>(std::popcount(alive)) -
                 static_cast<std::uint64_t>(std::popcount(before));
  return static_cast<std::uint16_t>(alive);
}

// Whether the current event, whose predicate holds, fits a step after the `step` events before it.
bool Matcher::fits_strict(const ElementProgram& element, std::uint32_t step, const Offset* events) {
  bool is_sure = element.by_row.empty();
  for (std::size_t i = 0; is_sure && i < element.by_run.size(); ++i) {
    const std::optional<WordTest>& words = element.by_run[i].words;
    const Tried tried = words ? try_kept_test(*words, latest_.data(), step) : Tried::kUnsure;
    if (tried == Tried::kFalse) return false;
    is_sure = tried == Tried::kTrue;
  }
  if (is_sure) return true;
  set_window(step, events);
  const bool fitting = fits(element, 0, static_cast<int>(step), true);
  scope_.window = nullptr;
  return fitting;
}

// Says which events the steps before `step` have.
void Matcher::set_window(std::uint32_t step, const Offset* events) {
  for (std::uint32_t s = 0; s < step; ++s) window_[s] = events[step - 1 - s];
  scope_.window = window_.data();
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
