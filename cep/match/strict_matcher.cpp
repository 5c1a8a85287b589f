#include "cep/match/strict_matcher.h"

#include <algorithm>
#include <bit>

#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// Of the rules, those whose time is not over for a partial match that began so long ago.
std::uint32_t in_time(const StrictGroup& group, std::uint32_t rules, std::int64_t elapsed_us) {
  for (const StrictGroup::Within& within : group.withins) {
    if (elapsed_us < within.us) break;
    rules &= ~within.rules;
  }
  return rules;
}

// What the tests of a group say of the current event. Two events are read at most once for a pair.
class StrictTests {
 public:
  // `words` has room for the group's pairs; what has another `event` number was not read yet.
  StrictTests(const StrictGroup& group, const KeptEvent* const* latest, StrictWords* words,
              std::uint64_t event)
      : group_(group), latest_(latest), words_(words), event_(event) {}
  // Of the rules, those of which all conditions of the step hold; adds to `unsure` those of which
  // the tests do not say.
  std::uint32_t pass(std::uint32_t step, std::uint32_t rules, std::uint32_t& unsure) {
    for (const StrictStep::Ladder& ladder : group_.steps[step].ladders) {
      if ((rules & ladder.rungs[0].higher) != 0) climb(ladder, rules, unsure);
    }
    for (const StrictStep::Ask& ask : group_.steps[step].asks) {
      this->ask(ask.test, ask.rules, rules, unsure);
    }
    unsure |= rules & group_.steps[step].asks_more;
    return rules & ~group_.steps[step].asks_more;
  }

 private:
  void ask(std::uint32_t test, std::uint32_t of, std::uint32_t& rules, std::uint32_t& unsure) {
    const std::uint32_t asking = of & rules;
    if (asking == 0) return;
    const Tried tried = answer(group_.tests[test]);
    if (tried == Tried::kTrue) return;
    rules &= ~asking;
    if (tried == Tried::kUnsure) unsure |= asking;
  }

  // The first rung that fails takes all behind it, where no product of theirs can overflow.
  void climb(const StrictStep::Ladder& ladder, std::uint32_t& rules, std::uint32_t& unsure) {
    const StrictWords& words = words_of(ladder.pair);
    if (words.state != StrictWords::kNumber || words.right < 0 || words.right > ladder.right_most ||
        words.left > ladder.left_most || words.left < -ladder.left_most) {
      for (const StrictStep::Ladder::Rung& rung : ladder.rungs) {
        ask(rung.test, rung.rules, rules, unsure);
      }
      return;
    }
    for (const StrictStep::Ladder::Rung& rung : ladder.rungs) {
      const StrictGroup::Test& test = group_.tests[rung.test];
      if (words_compare(test.op, words.left * test.left_factor, words.right * test.right_factor)) {
        continue;
      }
      rules &= ~rung.higher;
      return;
    }
  }

  Tried answer(const StrictGroup::Test& test) {
    const StrictWords& words = words_of(test.pair);
    std::int64_t left = words.left;
    std::int64_t right = words.right;
    // Where these fit, so do the products that the plan asks for, whose factors are no larger.
    if (words.state == StrictWords::kUnknown ||
        __builtin_mul_overflow(left, test.left_factor, &left) ||
        __builtin_mul_overflow(right, test.right_factor, &right)) {
      return Tried::kUnsure;
    }
    const bool is_equality = test.op == Op::kEqual || test.op == Op::kNotEqual;
    if (words.state == StrictWords::kText && !is_equality) return Tried::kUnsure;
    return words_compare(test.op, left, right) ? Tried::kTrue : Tried::kFalse;
  }

  const StrictWords& words_of(std::uint32_t pair) {
    StrictWords& words = words_[pair];
    if (words.event != event_) read(group_.pairs[pair], words);
    return words;
  }

  void read(const StrictGroup::Pair& pair, StrictWords& words) const {
    words.event = event_;
    words.state = StrictWords::kUnknown;
    if (!find(pair.left, pair.left_back, words.left) ||
        !find(pair.right, pair.right_back, words.right)) {
      return;
    }
    words.state = pair.is_text ? StrictWords::kText : StrictWords::kNumber;
    if (pair.is_text && (!KeptEvent::is_whole_text(static_cast<std::uint64_t>(words.left)) ||
                         !KeptEvent::is_whole_text(static_cast<std::uint64_t>(words.right)))) {
      words.state = StrictWords::kUnknown;
    }
  }

  // The word of a term; false where it has no plain word.
  [[gnu::always_inline]] bool find(const WordTerm& term, std::uint32_t back,
                                   std::int64_t& out) const {
    if (back == StrictGroup::Pair::kConstant) {
      out = 1;
      return true;
    }
    const KeptEvent& event = *latest_[back];
    const std::uint64_t* const words = event.plain_words();
    const std::uint16_t place = term.place_of_type[event.type];
    if (words == nullptr || place == CaptureLayout::kNotKept) return false;
    out = static_cast<std::int64_t>(words[place]);
    return true;
  }

  const StrictGroup& group_;
  const KeptEvent* const* latest_;
  StrictWords* words_;
  std::uint64_t event_;
};
}  // namespace

// By step: the rules of which the row satisfies the step's predicate and, behind the first step,
// have a partial match that waits for it. Whether there are any.
bool StrictMatcher::find_takes(const StrictGroup& group, const CurrentRow& row,
                               const std::uint32_t* alive, std::uint32_t reached, Masks& takes) {
  std::fill_n(takes.begin(), std::min<std::size_t>(reached + 1, takes.size()), 0);
  for (const StrictGroup::Take& take : group.takes) {
    if (!row.satisfies(take.predicate)) continue;
    for (std::uint32_t s = 0; s <= reached; ++s) takes[s] |= take.rules[s];
  }
  std::uint32_t any = takes[0];
  for (std::uint32_t i = 0; i < reached; ++i) any |= takes[i + 1] &= alive[i];
  return any != 0;
}

void StrictMatcher::on_event(const StrictGroup& group, const MatchContext& context,
                             CurrentRow& row) {
  // What fits a step is considered, and what is not considered passes by.
  if (!row.satisfies(group.considered_predicate)) return;
  const std::uint32_t op = current_.program.rules[group.rules[0]].op;
  const OperatorEntry* const entry =
      row.record != nullptr ? RecordStore::find(row.record, op) : nullptr;
  const Offset place = entry != nullptr ? entry->state : 0;
  std::uint32_t* alive = nullptr;
  const Offset* events = nullptr;
  std::uint32_t reached = 0;  // events of the longest partial match
  std::uint64_t runs_before = 0;
  if (place != 0) {
    StrictState state(RecordStore::at<std::byte>(row.record, place), group);
    alive = state.alive();
    events = state.events();
    reached = state.event_count();
    runs_before = state.runs();
  }
  Masks after;  // by events taken, less one
  if (!find_takes(group, row, alive, reached, after)) {
    current_.stats.runs -= runs_before;
    std::fill_n(alive, reached, 0);
    return;
  }
  std::uint32_t completed = advance(group, context, row, events, reached, after);
  std::fill(after.begin() + reached + 1, after.begin() + group.depth + 1, 0);
  if (completed != 0) current_.begin_event(context, row);
  for (; completed != 0; completed &= completed - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(completed));
    if (!give(current_.program.rules[group.rules[i]], events)) continue;
    for (std::uint32_t s = 0; s < group.depth; ++s) after[s] &= ~(1U << i);
  }
  std::uint32_t any = 0;
  std::uint64_t runs_after = 0;
  for (std::uint32_t i = 0; i < group.depth; ++i) {
    any |= after[i];
    runs_after += static_cast<std::uint64_t>(std::popcount(after[i]));
  }
  current_.stats.runs += runs_after - runs_before;
  if (any != 0) {
    keep_event(group, op, row, place, after);
  } else {
    std::fill_n(alive, reached, 0);
  }
}

// Captures the current event. `masks` has the rules that it may be the next event of, by step, and
// gets those that have taken it, by events taken less one. Gives those that it completes.
std::uint32_t StrictMatcher::advance(const StrictGroup& group, const MatchContext& context,
                                     CurrentRow& row, const Offset* events, std::uint32_t reached,
                                     Masks& masks) {
  // Tests compare the current event, captured, with those before it.
  current_.capture.capture(*row.row);
  latest_[0] = &current_.capture.captured();
  for (std::uint32_t i = 0; i < reached; ++i) {
    latest_[i + 1] = RecordStore::at<KeptEvent>(row.record, events[i]);
  }
  if (words_.size() < group.pairs.size()) words_.resize(group.pairs.size());
  StrictTests tests(group, latest_.data(), words_.data(), ++events_);
  Masks unsure;
  std::uint32_t any_unsure = 0;
  std::uint32_t completed = 0;
  for (std::uint32_t s = 0; s <= reached; ++s) {
    unsure[s] = 0;
    if (masks[s] == 0) continue;
    if (s > 0) {
      masks[s] = in_time(group, masks[s], row.row->engine_time.us - latest_[s]->engine_time_us);
    }
    masks[s] = tests.pass(s, masks[s], unsure[s]);
    any_unsure |= unsure[s];
  }
  if (any_unsure != 0) {
    current_.begin_event(context, row);
    ask(group, unsure, reached, masks, events);
  }
  for (std::uint32_t s = 1; s <= reached; ++s) {
    const std::uint32_t completes = masks[s] & group.steps[s].completes;
    completed |= completes;
    masks[s] &= ~completes;
  }
  return completed;
}

// Asks the rules whose conditions the tests do not answer, one by one; adds those that fit.
void StrictMatcher::ask(const StrictGroup& group, const Masks& unsure, std::uint32_t reached,
                        Masks& fitting, const Offset* events) {
  std::uint32_t rest = 0;
  for (std::uint32_t s = 0; s <= reached; ++s) rest |= unsure[s];
  for (; rest != 0; rest &= rest - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(rest));
    const RuleProgram& rule = current_.program.rules[group.rules[i]];
    current_.select_rule(rule, current_.row->record);
    conditions_.begin();
    for (std::uint32_t s = 0; s <= reached; ++s) {
      if ((unsure[s] >> i & 1) == 0) continue;
      set_window(s, events);
      if (conditions_.fits(rule.steps[s].take, 0, static_cast<int>(s), true)) fitting[s] |= 1U << i;
      current_.scope.window = nullptr;
    }
  }
}

// Gives the match that the current event completes. Whether the selection then forgets all of the
// rule's partial matches.
bool StrictMatcher::give(const RuleProgram& rule, const Offset* events) {
  current_.select_rule(rule, current_.row->record);
  current_.state = {};
  current_.once = {};
  set_window(static_cast<std::uint32_t>(rule.steps.size() - 1), events);
  const bool is_selected = selection_.give({});
  current_.scope.window = nullptr;
  return is_selected && rule.rule->selection.kind == SelectionKind::kSkipPastLast;
}

// Makes the current event, which is captured, the group's latest. It takes the memory of the
// oldest, which no partial match reaches any more, where it fits there.
void StrictMatcher::keep_event(const StrictGroup& group, std::uint32_t op, CurrentRow& row,
                               Offset state_place, const Masks& alive) {
  const std::uint32_t words = current_.capture.captured().words;
  if (state_place == 0) {
    const std::uint32_t state_words = StrictState::words(group);
    current_.store.ensure(*row.slot, state_words + words, op, row.event);
    row.record = current_.store.base(*row.slot);
    state_place = RecordStore::cut(row.record, state_words);
    std::fill_n(RecordStore::at<std::uint64_t>(row.record, state_place), state_words, 0);
    RecordStore::set_state(row.record, op, state_place);
  }
  const std::uint32_t oldest = group.depth - 1;
  StrictState state(RecordStore::at<std::byte>(row.record, state_place), group);
  Offset place = state.events()[oldest];
  std::uint32_t block = place == 0 ? 0 : RecordStore::at<KeptEvent>(row.record, place)->words;
  if (block < words) {
    if (!RecordStore::has_room(row.record, words)) {
      current_.store.ensure(*row.slot, words, op, row.event);
      row.record = current_.store.base(*row.slot);
      const OperatorEntry* entry = RecordStore::find(row.record, op);
      state = StrictState(RecordStore::at<std::byte>(row.record, entry->state), group);
    }
    place = RecordStore::cut(row.record, words);
    block = words;
  }
  std::copy_n(alive.begin(), group.depth, state.alive());
  for (std::uint32_t i = oldest; i > 0; --i) state.events()[i] = state.events()[i - 1];
  state.events()[0] = place;
  current_.capture.write(row.record, place);
  RecordStore::at<KeptEvent>(row.record, place)->words = block;
}

// Says which events the steps before `step` have.
void StrictMatcher::set_window(std::uint32_t step, const Offset* events) {
  for (std::uint32_t s = 0; s < step; ++s) window_[s] = events[step - 1 - s];
  current_.scope.window = window_.data();
}

std::int64_t StrictMatcher::expiry(const StrictGroup& group, std::byte* record, Offset place,
                                   std::int64_t now_us) {
  StrictState state(RecordStore::at<std::byte>(record, place), group);
  std::int64_t latest = CurrentRuns::kDead;
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
        current_.stats.runs -= static_cast<std::uint64_t>(std::popcount(rules));
      }
    }
    if (unbounded != 0) latest = CurrentRuns::kNeverDies;
  }
  return latest;
}
}  // namespace tocsin::cep
