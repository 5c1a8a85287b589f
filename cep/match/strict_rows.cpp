#include "cep/match/strict_rows.h"

#include <algorithm>
#include <bit>

#include "cep/eval/eval.h"

namespace tocsin::cep {
StrictRows::Side StrictRows::side_of(const WordTerm& term, std::uint32_t back,
                                     std::int64_t factor) const {
  return {term.place_of_type.data(), back, factor};
}

StrictRows::Ask StrictRows::ask_of(const StrictGroup::Test& test, std::uint32_t rules) const {
  const StrictGroup::Pair& pair = group_->pairs[test.pair];
  return {rules, test.op, pair.is_text, side_of(pair.left, pair.left_back, test.left_factor),
          side_of(pair.right, pair.right_back, test.right_factor)};
}

std::optional<StrictRows> StrictRows::of(const ProgramImpl& program, const StrictGroup& group) {
  const TableProgram& table = program.tables[group.table];
  const auto is_dense = [&](std::uint32_t predicate) { return table.is_dense(predicate); };
  if (group.depth > kDepthMax || !is_dense(group.considered_predicate) ||
      !std::ranges::all_of(group.takes, is_dense, &StrictGroup::Take::predicate)) {
    return std::nullopt;
  }
  const auto bit_of = [&](std::uint32_t predicate) {
    const std::uint32_t place =
        table.predicate_places.empty() ? predicate : table.predicate_places[predicate];
    return Bit{place / 64, std::uint64_t{1} << (place % 64)};
  };
  StrictRows rows(group);
  rows.op_ = program.rules[group.rules[0]].op;
  rows.considered_ = bit_of(group.considered_predicate);
  for (const StrictGroup::Take& take : group.takes) {
    Take& flat = rows.takes_.emplace_back(Take{bit_of(take.predicate), {}});
    std::copy_n(take.rules.begin(), flat.rules.size(), flat.rules.begin());
  }
  for (std::size_t s = 0; s < group.steps.size(); ++s) {
    const StrictStep& step = group.steps[s];
    rows.steps_[s] = {step.asks_more, step.completes, {}, step.ladders};
    for (const StrictStep::Ask& ask : step.asks) {
      rows.steps_[s].asks.push_back(rows.ask_of(group.tests[ask.test], ask.rules));
    }
  }
  return rows;
}

// The word of a side; false where it has no plain word.
[[gnu::always_inline]] inline bool StrictRows::read(const Side& side, const Events& events,
                                                    std::int64_t& out) {
  if (side.back == StrictGroup::Pair::kConstant) {
    out = 1;
    return true;
  }
  const std::uint16_t place = side.place_of_type[events.at[side.back]->type];
  if (place == CaptureLayout::kNotKept) return false;
  out = static_cast<std::int64_t>(events.words[side.back][place]);
  return true;
}

// Of the rules, those of the first rungs that hold. False where a rung has to be asked by itself.
bool StrictRows::climb(const StrictStep::Ladder& ladder, const Events& events,
                       std::uint32_t& rules) const {
  const StrictGroup::Pair& pair = group_->pairs[ladder.pair];
  std::int64_t left = 0;
  std::int64_t right = 0;
  if (pair.is_text || !read(side_of(pair.left, pair.left_back, 1), events, left) ||
      !read(side_of(pair.right, pair.right_back, 1), events, right) || right < 0 ||
      right > ladder.right_most || left > ladder.left_most || left < -ladder.left_most) {
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
[[gnu::always_inline]] inline bool StrictRows::pass(const Step& step, const Events& events,
                                                    std::uint32_t& rules) const {
  if ((rules & step.asks_more) != 0) return false;
  for (const StrictStep::Ladder& ladder : step.ladders) {
    if ((rules & ladder.rungs[0].higher) != 0 && !climb(ladder, events, rules)) return false;
  }
  for (const Ask& ask : step.asks) {
    if ((ask.rules & rules) == 0) continue;
    std::int64_t left = 0;
    std::int64_t right = 0;
    if (!read(ask.left, events, left) || !read(ask.right, events, right)) return false;
    if (ask.is_text) {
      const bool is_equality = ask.op == Op::kEqual || ask.op == Op::kNotEqual;
      if (!is_equality || !KeptEvent::is_whole_text(static_cast<std::uint64_t>(left)) ||
          !KeptEvent::is_whole_text(static_cast<std::uint64_t>(right))) {
        return false;
      }
    } else if (__builtin_mul_overflow(left, ask.left.factor, &left) ||
               __builtin_mul_overflow(right, ask.right.factor, &right)) {
      // Where these fit, so do the products that the plan asks for, whose factors are no larger.
      return false;
    }
    if (!words_compare(ask.op, left, right)) rules &= ~ask.rules;
  }
  return true;
}

// Makes the current event, which is captured, the group's latest, in the place of the oldest or
// behind what the record holds. False where there is no room.
template <std::uint32_t kDepth>
[[gnu::always_inline]] inline bool StrictRows::keep(CurrentRow& row, const EventCapture& capture,
                                                    Offset state_place, const Masks& alive) {
  auto* const masks = RecordStore::at<std::uint32_t>(row.record, state_place);
  Offset* const events = masks + kDepth;
  const std::uint32_t words = capture.captured().words;
  Offset place = events[kDepth - 1];
  std::uint32_t block = place == 0 ? 0 : RecordStore::at<KeptEvent>(row.record, place)->words;
  if (block < words) {
    if (!RecordStore::has_room(row.record, words)) return false;
    place = RecordStore::cut(row.record, words);
    block = words;
  }
  for (std::uint32_t i = kDepth - 1; i > 0; --i) events[i] = events[i - 1];
  events[0] = place;
  for (std::uint32_t i = 0; i < kDepth; ++i) masks[i] = alive[i];
  capture.write(row.record, place);
  RecordStore::at<KeptEvent>(row.record, place)->words = block;
  return true;
}

// A key of which the group holds nothing yet, at an event that fits the first step of these rules.
bool StrictRows::take_first(std::uint32_t rules, CurrentRow& row, RecordStore& store,
                            EventCapture& capture, EngineStats& stats) {
  const std::uint32_t event_words = capture.capture(*row.row);
  const std::uint32_t words = StrictState::words(*group_);
  store.ensure(*row.slot, words + event_words, op_, row.event);
  row.record = store.base(*row.slot);
  const Offset place = RecordStore::cut(row.record, words);
  std::fill_n(RecordStore::at<std::uint64_t>(row.record, place), words, 0);
  RecordStore::set_state(row.record, op_, place);
  StrictState state(RecordStore::at<std::byte>(row.record, place), *group_);
  state.alive()[0] = rules;
  state.events()[0] = RecordStore::cut(row.record, event_words);
  capture.write(row.record, state.events()[0]);
  stats.runs += static_cast<std::uint64_t>(std::popcount(rules));
  return true;
}

template <std::uint32_t kDepth>
bool StrictRows::take_at_depth(CurrentRow& row, RecordStore& store, EventCapture& capture,
                               EngineStats& stats) {
  // What fits a step is considered, and what is not considered passes by.
  if (!considered_.is_set(row.predicates)) return true;
  Masks after{};  // by events taken, less one
  for (const Take& take : takes_) {
    if (!take.predicate.is_set(row.predicates)) continue;
    for (std::uint32_t s = 0; s <= kDepth; ++s) after[s] |= take.rules[s];
  }
  const OperatorEntry* const entry =
      row.record != nullptr ? RecordStore::find(row.record, op_, list_place_) : nullptr;
  const Step& first = steps_[0];
  // Nothing comes before the first step for it to be compared with.
  if ((after[0] & first.asks_more) != 0 || !first.asks.empty() || !first.ladders.empty()) {
    return false;
  }
  if (entry == nullptr) {
    return after[0] == 0 || take_first(after[0], row, store, capture, stats);
  }
  auto* const alive = RecordStore::at<std::uint32_t>(row.record, entry->state);
  const Offset* const events = alive + kDepth;
  std::uint32_t any = after[0];
  std::uint32_t reached = 0;  // events of the longest partial match
  int runs = std::popcount(after[0]);
  for (std::uint32_t i = 0; i < kDepth; ++i) {
    after[i + 1] &= alive[i];
    any |= after[i + 1];
    runs -= std::popcount(alive[i]);
    reached = alive[i] != 0 ? i + 1 : reached;
  }
  if (any == 0) {
    std::fill_n(alive, kDepth, 0);
    stats.runs += static_cast<std::uint64_t>(std::int64_t{runs});
    return true;
  }
  capture.capture(*row.row);
  Events of;
  of.at[0] = &capture.captured();
  of.words[0] = of.at[0]->plain_words();
  if (of.words[0] == nullptr) return false;
  any = after[0];
  for (std::uint32_t s = 1; s <= reached; ++s) {
    of.at[s] = RecordStore::at<KeptEvent>(row.record, events[s - 1]);
    of.words[s] = of.at[s]->plain_words();
    if (of.words[s] == nullptr) return false;
    if (after[s] == 0) continue;
    const std::int64_t elapsed_us = row.row->engine_time.us - of.at[s]->engine_time_us;
    for (const StrictGroup::Within& within : group_->withins) {
      if (elapsed_us < within.us) break;
      after[s] &= ~within.rules;
    }
    if (!pass(steps_[s], of, after[s]) || (after[s] & steps_[s].completes) != 0) return false;
    any |= after[s];
    runs += std::popcount(after[s]);
  }
  if (any == 0) {
    std::fill_n(alive, kDepth, 0);
  } else if (!keep<kDepth>(row, capture, entry->state, after)) {
    return false;
  }
  stats.runs += static_cast<std::uint64_t>(std::int64_t{runs});
  return true;
}
template bool StrictRows::take_at_depth<1>(CurrentRow&, RecordStore&, EventCapture&, EngineStats&);
template bool StrictRows::take_at_depth<2>(CurrentRow&, RecordStore&, EventCapture&, EngineStats&);
template bool StrictRows::take_at_depth<3>(CurrentRow&, RecordStore&, EventCapture&, EngineStats&);
}  // namespace tocsin::cep
