// Rules whose events follow each other directly (`then next`), a fixed number of them: all partial
// matches of a key end with its last event, so that a bit for each rule and length says which are
// alive, and the key's last events are all that they have taken. Rules that count the same events
// share them and are advanced together: a test of an event and one before it is made once for all
// rules and lengths that ask it. Equal to what runs would give; no node, no run.
#include <algorithm>
#include <bit>

#include "cep/match/matcher.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
using Masks = std::array<std::uint32_t, kStrictStepsMax>;

// By step: the rules of which the row satisfies the step's predicate.
Masks takes_of(const StrictGroup& group, const CurrentRow& current) {
  Masks takes{};
  for (const StrictGroup::Take& take : group.takes) {
    if (!current.satisfies(take.predicate)) continue;
    for (std::size_t s = 0; s < take.rules.size(); ++s) takes[s] |= take.rules[s];
  }
  return takes;
}

// Of the rules, those whose time is not over for a partial match that began so long ago.
std::uint32_t in_time(const StrictGroup& group, std::uint32_t rules, std::int64_t elapsed_us) {
  for (const StrictGroup::Within& within : group.withins) {
    if (elapsed_us >= within.us) rules &= ~within.rules;
  }
  return rules;
}

// What the tests of a group say of the current event. Each is made at most once.
class StrictTests {
 public:
  StrictTests(const StrictGroup& group, const KeptEvent* const* latest,
              std::vector<std::uint8_t>& tried)
      : group_(group), latest_(latest), tried_(tried) {
    tried_.assign(group.tests.size(), kUntried);
  }
  // Of the rules, those of which all conditions of the step hold; adds to `unsure` those of which
  // the tests do not say.
  std::uint32_t pass(std::uint32_t step, std::uint32_t rules, std::uint32_t& unsure) {
    for (const StrictStep::Ask& ask : group_.steps[step].asks) {
      const std::uint32_t asking = ask.rules & rules;
      if (asking == 0) continue;
      const Tried tried = answer(ask.test);
      if (tried == Tried::kTrue) continue;
      rules &= ~asking;
      if (tried == Tried::kUnsure) unsure |= asking;
    }
    unsure |= rules & group_.steps[step].asks_more;
    return rules & ~group_.steps[step].asks_more;
  }

 private:
  static constexpr std::uint8_t kUntried = 0xff;
  Tried answer(std::uint32_t test) {
    if (tried_[test] == kUntried) {
      const StrictGroup::Test& of = group_.tests[test];
      tried_[test] = static_cast<std::uint8_t>(try_kept_test(of.words, latest_, of.step));
    }
    return static_cast<Tried>(tried_[test]);
  }

  const StrictGroup& group_;
  const KeptEvent* const* latest_;
  std::vector<std::uint8_t>& tried_;
};

std::uint64_t count_of(const Masks& masks) {
  std::uint64_t count = 0;
  for (const std::uint32_t mask : masks) count += static_cast<std::uint64_t>(std::popcount(mask));
  return count;
}
}  // namespace

void Matcher::on_strict_event(const StrictGroup& group, const MatchContext& context,
                              CurrentRow& current) {
  // What fits a step is considered, and what is not considered passes by.
  if (!current.satisfies(group.considered_predicate)) return;
  const std::uint32_t op = program_.rules[group.rules[0]].op;
  const OperatorEntry* const entry =
      current.record != nullptr ? RecordStore::find(current.record, op) : nullptr;
  Offset place = entry != nullptr ? entry->state : 0;
  StrictMasks before{};
  const Offset* events = nullptr;
  std::uint32_t reached = 0;  // events of the longest partial match
  if (place != 0) {
    StrictState state(RecordStore::at<std::byte>(current.record, place), group);
    events = state.events();
    reached = state.event_count();
    std::copy_n(state.alive(), group.depth, before.begin());
  }
  StrictMasks takes = takes_of(group, current);
  std::uint32_t any = takes[0];
  for (std::uint32_t i = 0; i < reached; ++i) any |= takes[i + 1] &= before[i];
  StrictMasks after{};  // by events taken, less one
  std::uint32_t completed = 0;
  if (any != 0) {
    begin_event(context, current);
    // Tests compare the current event, captured, with those before it.
    store_.event_words(*current.row);
    latest_[0] = &store_.captured();
    for (std::uint32_t i = 0; i < reached; ++i) {
      latest_[i + 1] = RecordStore::at<KeptEvent>(current.record, events[i]);
    }
    StrictTests tests(group, latest_.data(), tried_);
    StrictMasks unsure{};
    any = 0;
    for (std::uint32_t s = 0; s <= reached; ++s) {
      std::uint32_t rules = takes[s];
      if (rules == 0) continue;
      if (s > 0) {
        const std::int64_t began_us = latest_[s]->engine_time_us;
        rules = in_time(group, rules, current.row->engine_time.us - began_us);
      }
      after[s] = tests.pass(s, rules, unsure[s]);
      any |= unsure[s];
    }
    if (any != 0) ask_strict(group, unsure, after, events);
    for (std::uint32_t s = 1; s <= reached; ++s) {
      const std::uint32_t completes = after[s] & group.steps[s].completes;
      completed |= completes;
      after[s] &= ~completes;
    }
  }
  for (; completed != 0; completed &= completed - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(completed));
    if (!give_strict(program_.rules[group.rules[i]], events)) continue;
    for (std::uint32_t& mask : after) mask &= ~(1U << i);
  }
  stats_.runs += count_of(after) - count_of(before);
  const bool is_alive = std::ranges::any_of(after, [](std::uint32_t mask) { return mask != 0; });
  if (is_alive) {
    keep_strict_event(group, place, after);
  } else if (place != 0) {
    StrictState state(RecordStore::at<std::byte>(current.record, place), group);
    std::fill_n(state.alive(), group.depth, 0);
  }
}

// Asks the rules whose conditions the tests do not answer, one by one; adds those that fit.
void Matcher::ask_strict(const StrictGroup& group, const StrictMasks& unsure, StrictMasks& fitting,
                         const Offset* events) {
  std::uint32_t rest = 0;
  for (const std::uint32_t mask : unsure) rest |= mask;
  for (; rest != 0; rest &= rest - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(rest));
    const RuleProgram& rule = program_.rules[group.rules[i]];
    select_rule(rule, current_->record);
    if (rule.row_places > 0) row_answers_.assign(rule.row_places, 0);
    for (std::uint32_t s = 0; s < rule.steps.size(); ++s) {
      if ((unsure[s] >> i & 1) == 0) continue;
      set_window(s, events);
      if (fits(rule.steps[s].take, 0, static_cast<int>(s), true)) fitting[s] |= 1U << i;
      scope_.window = nullptr;
    }
  }
}

// Gives the match that the current event completes. Whether the selection then forgets all of the
// rule's partial matches.
bool Matcher::give_strict(const RuleProgram& rule, const Offset* events) {
  select_rule(rule, current_->record);
  state_ = {};
  once_ = {};
  candidates_.assign(1, Candidate{});
  set_window(static_cast<std::uint32_t>(rule.steps.size() - 1), events);
  const bool is_selected = select_at_event();
  scope_.window = nullptr;
  return is_selected && rule.rule->selection.kind == SelectionKind::kSkipPastLast;
}

// Makes the current event, which is captured, the group's latest. It takes the memory of the
// oldest, which no partial match reaches any more, where it fits there.
void Matcher::keep_strict_event(const StrictGroup& group, Offset state_place,
                                const StrictMasks& alive) {
  CurrentRow& current = *current_;
  const std::uint32_t op = program_.rules[group.rules[0]].op;
  const std::uint32_t words = store_.captured().words;
  if (state_place == 0) {
    const std::uint32_t state_words = StrictState::words(group);
    store_.ensure(*current.slot, state_words + words, op, current.event);
    current.record = store_.base(*current.slot);
    state_place = RecordStore::cut(current.record, state_words);
    std::fill_n(RecordStore::at<std::uint64_t>(current.record, state_place), state_words, 0);
    RecordStore::set_state(current.record, op, state_place);
  }
  const std::uint32_t oldest = group.depth - 1;
  StrictState state(RecordStore::at<std::byte>(current.record, state_place), group);
  Offset place = state.events()[oldest];
  std::uint32_t block = place == 0 ? 0 : RecordStore::at<KeptEvent>(current.record, place)->words;
  if (block < words) {
    if (!RecordStore::has_room(current.record, words)) {
      store_.ensure(*current.slot, words, op, current.event);
      current.record = store_.base(*current.slot);
      const OperatorEntry* entry = RecordStore::find(current.record, op);
      state = StrictState(RecordStore::at<std::byte>(current.record, entry->state), group);
    }
    place = RecordStore::cut(current.record, words);
    block = words;
  }
  std::copy_n(alive.begin(), group.depth, state.alive());
  for (std::uint32_t i = oldest; i > 0; --i) state.events()[i] = state.events()[i - 1];
  state.events()[0] = place;
  store_.write_event(current.record, place);
  RecordStore::at<KeptEvent>(current.record, place)->words = block;
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
  for (std::uint32_t length = 0; length < group.depth; ++length) {
    std::uint32_t& alive = state.alive()[length];
    if (alive == 0) continue;
    const auto* const first = RecordStore::at<KeptEvent>(record, state.events()[length]);
    std::uint32_t unbounded = alive;
    for (const StrictGroup::Within& within : group.withins) {
      const std::uint32_t rules = alive & within.rules;
      unbounded &= ~rules;
      if (rules == 0) continue;
      const std::int64_t end = first->engine_time_us + within.us;
      if (end > now_us) {
        latest = std::max(latest, end);
      } else {
        alive &= ~rules;
        stats_.runs -= static_cast<std::uint64_t>(std::popcount(rules));
      }
    }
    if (unbounded != 0) latest = kNeverDies;
  }
  return latest;
}
}  // namespace tocsin::cep
