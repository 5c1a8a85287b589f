#include "cep/match/strict_rows.h"

#include <algorithm>
#include <bit>

#include "cep/plan/comparison.h"

namespace tocsin::cep {
std::optional<StrictRows> StrictRows::of(const ProgramImpl& program, const StrictGroup& group) {
  const TableProgram& table = program.tables[group.table];
  if (group.depth > kDepthMax || !table.predicate_places.empty()) return std::nullopt;
  const auto bit_of = [](std::uint32_t predicate) {
    return Bit{predicate / 64, std::uint64_t{1} << (predicate % 64)};
  };
  StrictRows rows(group);
  rows.op_ = program.rules[group.rules[0]].op;
  rows.considered_ = bit_of(group.considered_predicate);
  for (const StrictGroup::Take& take : group.takes) {
    Take& flat = rows.takes_.emplace_back(Take{bit_of(take.predicate), {}});
    std::copy_n(take.rules.begin(), flat.rules.size(), flat.rules.begin());
  }
  return rows;
}

// The word of a term; false where it has no plain word.
[[gnu::always_inline]] inline bool StrictRows::read(const WordTerm& term, std::uint32_t back,
                                                    const Events& events, std::int64_t& out) {
  if (back == StrictGroup::Pair::kConstant) {
    out = 1;
    return true;
  }
  const std::uint16_t place = term.place_of_type[events.types[back]];
  if (place == CaptureLayout::kNotKept) return false;
  out = static_cast<std::int64_t>(events.words[back][place]);
  return true;
}

[[gnu::always_inline]] inline bool StrictRows::read_pair(std::uint32_t pair, const Events& events,
                                                         std::int64_t& left,
                                                         std::int64_t& right) const {
  const StrictGroup::Pair& of = group_->pairs[pair];
  if (!read(of.left, of.left_back, events, left) || !read(of.right, of.right_back, events, right)) {
    return false;
  }
  return !of.is_text || (KeptEvent::is_whole_text(static_cast<std::uint64_t>(left)) &&
                         KeptEvent::is_whole_text(static_cast<std::uint64_t>(right)));
}

[[gnu::always_inline]] inline StrictRows::Answer StrictRows::answer(const StrictGroup::Test& test,
                                                                    std::int64_t left,
                                                                    std::int64_t right) const {
  // Where these fit, so do the products that the plan asks for, whose factors are no larger.
  if (__builtin_mul_overflow(left, test.left_factor, &left) ||
      __builtin_mul_overflow(right, test.right_factor, &right)) {
    return Answer::kUnsure;
  }
  const bool is_equality = test.op == Op::kEqual || test.op == Op::kNotEqual;
  if (!is_equality && group_->pairs[test.pair].is_text) return Answer::kUnsure;
  return words_compare(test.op, left, right) ? Answer::kPass : Answer::kFail;
}

// Of the rules, those of the first rungs that hold. False where a rung has to be asked by itself.
bool StrictRows::climb(const StrictStep::Ladder& ladder, const Events& events,
                       std::uint32_t& rules) const {
  std::int64_t left = 0;
  std::int64_t right = 0;
  if (!read_pair(ladder.pair, events, left, right)) return false;
  if (right < 0 || right > ladder.right_most || left > ladder.left_most ||
      left < -ladder.left_most) {
    return false;
  }
  for (const StrictStep::Ladder::Rung& rung : ladder.rungs) {
    const StrictGroup::Test& test = group_->tests[rung.test];
    if (words_compare(test.op, left * test.left_factor, right * test.right_factor)) continue;
    rules &= ~rung.higher;
    break;
  }
  return true;
}

// Of the rules, those of which all conditions of the step hold. False where that is not sure.
bool StrictRows::pass(const StrictStep& step, const Events& events, std::uint32_t& rules) const {
  if ((rules & step.asks_more) != 0) return false;
  for (const StrictStep::Ladder& ladder : step.ladders) {
    if ((rules & ladder.rungs[0].higher) != 0 && !climb(ladder, events, rules)) return false;
  }
  for (const StrictStep::Ask& ask : step.asks) {
    const std::uint32_t asking = ask.rules & rules;
    if (asking == 0) continue;
    const StrictGroup::Test& test = group_->tests[ask.test];
    std::int64_t left = 0;
    std::int64_t right = 0;
    if (!read_pair(test.pair, events, left, right)) return false;
    const Answer given = answer(test, left, right);
    if (given == Answer::kUnsure) return false;
    if (given == Answer::kFail) rules &= ~asking;
  }
  return true;
}

// False where one of them is not kept as plain words.
[[gnu::always_inline]] inline bool StrictRows::find_events(const std::byte* record,
                                                           const Offset* events,
                                                           std::uint32_t reached, Events& out) {
  for (std::uint32_t i = 0; i < reached; ++i) {
    const auto& event = *RecordStore::at<KeptEvent>(record, events[i]);
    out.words[i + 1] = event.plain_words();
    if (out.words[i + 1] == nullptr) return false;
    out.types[i + 1] = event.type;
    out.times_us[i + 1] = event.engine_time_us;
  }
  return true;
}

bool StrictRows::take(CurrentRow& row, EventCapture& capture, EngineStats& stats) const {
  // What fits a step is considered, and what is not considered passes by.
  if (!considered_.is_set(row.predicates)) return true;
  const OperatorEntry* const entry =
      row.record != nullptr ? RecordStore::find(row.record, op_) : nullptr;
  if (entry == nullptr) return false;
  StrictState state(RecordStore::at<std::byte>(row.record, entry->state), *group_);
  std::uint32_t* const alive = state.alive();
  const std::uint32_t depth = group_->depth;
  Masks after{};  // by events taken, less one
  for (const Take& take : takes_) {
    if (!take.predicate.is_set(row.predicates)) continue;
    for (std::uint32_t s = 0; s < after.size(); ++s) after[s] |= take.rules[s];
  }
  std::uint32_t any = after[0];
  std::uint32_t reached = 0;  // events of the longest partial match
  int runs = 0;
  for (std::uint32_t i = 0; i < depth; ++i) {
    after[i + 1] &= alive[i];
    any |= after[i + 1];
    runs -= std::popcount(alive[i]);
    if (alive[i] != 0) reached = i + 1;
  }
  if (any != 0) {
    if (capture.capture(*row.row) == 0) return false;
    const KeptEvent& captured = capture.captured();
    Events events;
    events.words[0] = captured.plain_words();
    events.types[0] = captured.type;
    if (events.words[0] == nullptr || !find_events(row.record, state.events(), reached, events)) {
      return false;
    }
    any = 0;
    for (std::uint32_t s = 0; s <= reached; ++s) {
      if (after[s] == 0) continue;
      const StrictStep& step = group_->steps[s];
      if (s > 0) {
        const std::int64_t elapsed_us = row.row->engine_time.us - events.times_us[s];
        for (const StrictGroup::Within& within : group_->withins) {
          if (elapsed_us < within.us) break;
          after[s] &= ~within.rules;
        }
      }
      if (!pass(step, events, after[s]) || (after[s] & step.completes) != 0) return false;
      any |= after[s];
      runs += std::popcount(after[s]);
    }
  }
  if (any == 0) {
    std::fill_n(alive, depth, 0);
  } else if (!keep(row, capture, entry->state, after)) {
    return false;
  }
  stats.runs += static_cast<std::uint64_t>(std::int64_t{runs});
  return true;
}

// Makes the current event, which is captured, the group's latest, in the place of the oldest or
// behind what the record holds. False where there is no room.
bool StrictRows::keep(CurrentRow& row, const EventCapture& capture, Offset state_place,
                      const Masks& alive) const {
  StrictState state(RecordStore::at<std::byte>(row.record, state_place), *group_);
  Offset* const events = state.events();
  const std::uint32_t oldest = group_->depth - 1;
  const std::uint32_t words = capture.captured().words;
  Offset place = events[oldest];
  std::uint32_t block = place == 0 ? 0 : RecordStore::at<KeptEvent>(row.record, place)->words;
  if (block < words) {
    if (!RecordStore::has_room(row.record, words)) return false;
    place = RecordStore::cut(row.record, words);
    block = words;
  }
  for (std::uint32_t i = oldest; i > 0; --i) events[i] = events[i - 1];
  events[0] = place;
  for (std::uint32_t i = 0; i <= oldest; ++i) state.alive()[i] = alive[i];
  capture.write(row.record, place);
  RecordStore::at<KeptEvent>(row.record, place)->words = block;
  return true;
}
}  // namespace tocsin::cep
