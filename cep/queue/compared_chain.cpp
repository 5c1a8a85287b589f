#include "cep/queue/compared_chain.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tocsin::cep {
namespace {
constexpr std::size_t kPairBytes = 16;
// Of the halves of a block: with more it is not made, so that a push takes a few milliseconds at
// most.
constexpr std::size_t kPairsMax = 8'192;

bool is_identical(const Value& a, const Value& b) {
  return a.kind == b.kind && a.scale == b.scale && a.number == b.number && a.real == b.real &&
         a.denominator == b.denominator;
}
}  // namespace

ComparedChain::ComparedChain(std::vector<Step> steps) : steps_(std::move(steps)) {
  // A value is carried up to the last step that compares with it.
  origin_.assign(states(), kStepsMax);
  for (std::uint32_t state = 1; state < states(); ++state) {
    origin_[state] = steps_[state - 1].carries ? state - 1 : origin_[state - 1];
    std::uint32_t end = state;  // the next step that compares, before another value comes
    while (end < steps_.size() && !steps_[end].compares && !steps_[end].carries) ++end;
    if (end == steps_.size() || !steps_[end].compares) origin_[state] = kStepsMax;
  }
}

// ---- values and bounds

bool ComparedChain::is_less(std::uint32_t state, const Value& a, const Value& b) const {
  const Ordering wanted =
      steps_[origin_[state]].wants_greater ? Ordering::kLess : Ordering::kGreater;
  return compare(a, b) == wanted;
}

bool ComparedChain::is_within(std::uint32_t state, const Value& carried, const Bound& bound) const {
  if (bound.is_any) return true;
  if (bound.value == nullptr) return false;
  const Step& origin = steps_[origin_[state]];
  const Ordering order = compare(carried, *bound.value);
  return order == (origin.wants_greater ? Ordering::kLess : Ordering::kGreater) ||
         (origin.or_equal && order == Ordering::kEqual);
}

bool ComparedChain::is_within(std::uint32_t state, ValueId carried, const Bound& bound) const {
  if (bound.is_any) return true;
  return bound.value != nullptr && is_within(state, values_[carried], bound);
}

ComparedChain::Bound ComparedChain::bound_of(ValueId id) const {
  if (id == kAny) return {true, nullptr};
  if (id == kNothing) return {};
  return {false, &values_[id]};
}

ComparedChain::Bound ComparedChain::tighter(std::uint32_t state, const Bound& a,
                                            const Bound& b) const {
  if (a.is_any || b.is_none()) return b;
  if (b.is_any || a.is_none()) return a;
  return is_less(state, *a.value, *b.value) ? a : b;
}
ComparedChain::Bound ComparedChain::looser(std::uint32_t state, const Bound& a,
                                           const Bound& b) const {
  if (a.is_any || b.is_none()) return a;
  if (b.is_any || a.is_none()) return b;
  return is_less(state, *a.value, *b.value) ? b : a;
}
ComparedChain::ValueId ComparedChain::tighter(std::uint32_t state, ValueId a, ValueId b) const {
  if (a == kAny || b == kNothing) return b;
  if (b == kAny || a == kNothing) return a;
  return is_less(state, values_[a], values_[b]) ? a : b;
}
ComparedChain::ValueId ComparedChain::looser(std::uint32_t state, ValueId a, ValueId b) const {
  if (a == kAny || b == kNothing) return a;
  if (b == kAny || a == kNothing) return b;
  return is_less(state, values_[a], values_[b]) ? b : a;
}
bool ComparedChain::is_better_value(std::uint32_t state, ValueId a, ValueId b) const {
  return carries(state) && is_less(state, values_[a], values_[b]);
}

// ---- events

void ComparedChain::push(std::uint64_t event, std::uint32_t step, const Value& own,
                         const Value& carried) {
  const Step& of = steps_[step];
  if ((of.compares && own.is_missing()) || (of.carries && carried.is_missing())) return;
  if (events_.empty() || events_.back().event != event) {
    if (events_.end() % kBlock == 0 && events_.end() > 0) close_block();
    events_.push({event, values_.end()});
  }
  Event& at = events_.back();
  at.steps = static_cast<std::uint8_t>(at.steps | 1U << step);
  if (of.compares) at.own[step] = place_of(at, own);
  if (of.carries) at.carried[step] = place_of(at, carried);
}

// Of a value among those of the newest event, where it is put if it is not there.
std::uint8_t ComparedChain::place_of(const Event& event, Value value) {
  ValueId id = event.first_value;
  while (id < values_.end() && !is_identical(values_[id], value)) ++id;
  if (id == values_.end()) {
    value.text = {};
    values_.push(value);
  }
  return static_cast<std::uint8_t>(id - event.first_value);
}

void ComparedChain::drop_before(std::uint64_t event) {
  while (!events_.empty() && events_.front().event < event) {
    events_.pop();
    const ValueId kept = events_.empty() ? values_.end() : events_.front().first_value;
    while (values_.begin() < kept) values_.pop();
  }
  // A block that has lost an event is not asked as a whole any more.
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    Ring<Moves>& blocks = levels_[level];
    while (!blocks.empty() && blocks.begin() * (std::uint64_t{kBlock} << level) < events_.begin()) {
      moves_bytes_ -= blocks.front().pairs.size() * kPairBytes;
      blocks.pop();
    }
  }
}

ComparedChain::Taken ComparedChain::taken(const Event& event, std::uint32_t step) const {
  Taken taken;
  if (steps_[step].compares) taken.own = event.first_value + event.own[step];
  if (steps_[step].carries) taken.carried = event.first_value + event.carried[step];
  return taken;
}

// ---- what stretches of events do

ComparedChain::Moves ComparedChain::moves_of(const Event& event) const {
  Moves moves;
  const std::size_t count = std::size_t{states()} * states();
  moves.keeps.assign(count, kNothing);
  moves.begin.assign(count + 1, 0);
  for (std::uint32_t from = 0; from < states(); ++from) {
    for (std::uint32_t to = 0; to < states(); ++to) {
      if (to == from + 1 && (event.steps >> from & 1) != 0) {
        const Taken of = taken(event, from);
        if (carries(to) && !steps_[from].carries) {
          moves.keeps[move(from, to)] = of.own;
        } else {
          moves.pairs.push_back({of.own, carries(to) ? of.carried : kNothing});
        }
      }
      moves.begin[move(from, to) + 1] = static_cast<std::uint32_t>(moves.pairs.size());
    }
  }
  return moves;
}

ComparedChain::Moves ComparedChain::composed(const Moves& left, const Moves& right) const {
  Moves moves;
  const std::size_t count = std::size_t{states()} * states();
  moves.keeps.assign(count, kNothing);
  moves.begin.assign(count + 1, 0);
  for (std::uint32_t from = 0; from < states(); ++from) {
    for (std::uint32_t to = 0; to < states(); ++to) {
      if (from < to) compose_move(left, right, from, to, moves);
      moves.begin[move(from, to) + 1] = static_cast<std::uint32_t>(moves.pairs.size());
    }
  }
  moves.pairs.shrink_to_fit();
  return moves;
}

// Either of the two alone, or the left one up to a state and the right one from there.
void ComparedChain::compose_move(const Moves& left, const Moves& right, std::uint32_t from,
                                 std::uint32_t to, Moves& out) const {
  const std::size_t at = move(from, to);
  ValueId& keeps = out.keeps[at];
  keeps = looser(from, left.keeps[at], right.keeps[at]);
  std::vector<Pair> pairs(left.pairs.begin() + left.begin[at],
                          left.pairs.begin() + left.begin[at + 1]);
  std::size_t middle = pairs.size();
  pairs.insert(pairs.end(), right.pairs.begin() + right.begin[at],
               right.pairs.begin() + right.begin[at + 1]);
  merge(from, to, pairs, middle);
  for (std::uint32_t by = from + 1; by < to; ++by) {
    append_through(left, right, from, by, to, pairs, keeps);
  }
  out.pairs.insert(out.pairs.end(), pairs.begin(), pairs.end());
}

void ComparedChain::append_through(const Moves& left, const Moves& right, std::uint32_t from,
                                   std::uint32_t by, std::uint32_t to, std::vector<Pair>& out,
                                   ValueId& keeps) const {
  const std::size_t in = move(from, by);
  const std::size_t on = move(by, to);
  const auto lefts =
      std::pair(left.pairs.begin() + left.begin[in], left.pairs.begin() + left.begin[in + 1]);
  const auto rights =
      std::pair(right.pairs.begin() + right.begin[on], right.pairs.begin() + right.begin[on + 1]);
  // The value ends worse, the worse it is on the way; so both lists are gone through once.
  std::size_t middle = out.size();
  auto next = rights.first;
  for (auto one = lefts.first; one != lefts.second; ++one) {
    while (next != rights.second && !is_within(by, one->value, bound_of(next->bound))) ++next;
    if (next == rights.second) break;
    out.push_back({one->bound, next->value});
  }
  merge(from, to, out, middle);
  if (right.keeps[on] != kNothing) {
    middle = out.size();
    for (auto one = lefts.first; one != lefts.second; ++one) {
      if (!is_within(by, one->value, bound_of(right.keeps[on]))) break;
      out.push_back(*one);
    }
    merge(from, to, out, middle);
  }
  const ValueId kept = left.keeps[in];
  if (kept == kNothing) return;
  middle = out.size();
  for (auto one = rights.first; one != rights.second; ++one) {
    const ValueId bound = tighter(from, one->bound, kept);
    out.push_back({bound, one->value});
    if (bound != one->bound) break;
  }
  merge(from, to, out, middle);
  if (right.keeps[on] != kNothing) {
    keeps = looser(from, keeps, tighter(from, kept, right.keeps[on]));
  }
}

// Makes one list of two, from 0 and from `middle` on, without what is beaten.
void ComparedChain::merge(std::uint32_t from, std::uint32_t to, std::vector<Pair>& pairs,
                          std::size_t middle) const {
  if (middle == pairs.size()) return;
  std::inplace_merge(pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(middle),
                     pairs.end(), [&](const Pair& a, const Pair& b) {
                       if (a.bound != b.bound) {
                         if (a.bound == kAny || b.bound == kAny) return b.bound == kAny;
                         if (is_less(from, values_[a.bound], values_[b.bound])) return true;
                         if (is_less(from, values_[b.bound], values_[a.bound])) return false;
                       }
                       return is_better_value(to, b.value, a.value);
                     });
  // From the loosest bound on: what begins tighter must end better.
  std::size_t kept = pairs.size();
  for (std::size_t i = pairs.size(); i-- > 0;) {
    if (kept == pairs.size() || is_better_value(to, pairs[i].value, pairs[kept].value)) {
      pairs[--kept] = pairs[i];
    }
  }
  pairs.erase(pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(kept));
}

// The newest 16 events are whole, and with them perhaps larger blocks.
void ComparedChain::close_block() {
  std::uint64_t number = events_.end() / kBlock - 1;
  for (std::size_t level = 0;; ++level, number /= 2) {
    if (levels_.size() == level) levels_.emplace_back();
    Ring<Moves>& blocks = levels_[level];
    const std::uint64_t begin = number * (std::uint64_t{kBlock} << level);
    Moves moves;
    if (begin >= events_.begin() && level == 0) {
      moves = moves_of(events_[begin]);
      for (std::uint64_t i = begin + 1; i < begin + kBlock; ++i) {
        moves = composed(moves, moves_of(events_[i]));
      }
    } else if (begin >= events_.begin()) {
      const Moves& left = levels_[level - 1][2 * number];
      const Moves& right = levels_[level - 1][2 * number + 1];
      const bool is_known = !left.begin.empty() && !right.begin.empty();
      if (is_known && left.pairs.size() + right.pairs.size() <= kPairsMax) {
        moves = composed(left, right);
      }
    }
    moves_bytes_ += moves.pairs.size() * kPairBytes;
    blocks.push(std::move(moves));
    if (number % 2 == 0) return;
  }
}

std::size_t ComparedChain::bytes() const {
  const std::size_t moves =
      std::size_t{states()} * states() * (sizeof(std::uint32_t) + sizeof(ValueId)) + sizeof(Moves);
  std::size_t blocks = 0;
  for (const Ring<Moves>& level : levels_) blocks += level.size();
  return events_.size() * sizeof(Event) + values_.size() * sizeof(Value) + blocks * moves +
         moves_bytes_;
}

// ---- questions

// Events from here to before `end` as few stretches, the last one first.
std::vector<ComparedChain::Stretch> ComparedChain::cover(std::uint64_t from,
                                                         std::uint64_t end) const {
  std::vector<Stretch> stretches;
  const auto has_block = [&](std::size_t level) {
    const std::uint64_t size = std::uint64_t{kBlock} << level;
    if (level >= levels_.size() || end % size != 0 || end - from < size) return false;
    const std::uint64_t number = end / size - 1;
    const Ring<Moves>& blocks = levels_[level];
    return number >= blocks.begin() && number < blocks.end() && !blocks[number].begin.empty();
  };
  while (end > from) {
    if (!has_block(0)) {
      stretches.push_back({std::nullopt, --end});
      continue;
    }
    std::size_t level = 0;
    while (has_block(level + 1)) ++level;
    const std::uint64_t size = std::uint64_t{kBlock} << level;
    stretches.push_back({level, end / size - 1});
    end -= size;
  }
  return stretches;
}

// What chains may carry before an event to go on as far as `behind` says for what is behind it.
ComparedChain::Bounds ComparedChain::before_event(const Event& event, const Bounds& behind) const {
  Bounds bounds = behind;
  for (std::uint32_t step = 0; step + 1 < states(); ++step) {
    if ((event.steps >> step & 1) == 0) continue;
    const Bound& ahead = behind[step + 1];
    if (ahead.is_none()) continue;
    const Taken of = taken(event, step);
    Bound bound = bound_of(of.own);
    if (carries(step + 1)) {
      if (!steps_[step].carries) {
        bound = tighter(step, bound, ahead);
      } else if (!is_within(step + 1, of.carried, ahead)) {
        continue;
      }
    }
    bounds[step] = looser(step, bounds[step], bound);
  }
  return bounds;
}

ComparedChain::Bounds ComparedChain::before(const Stretch& stretch, const Bounds& behind) const {
  if (!stretch.level) return before_event(events_[stretch.number], behind);
  const Moves& moves = levels_[*stretch.level][stretch.number];
  Bounds bounds = behind;
  for (std::uint32_t from = 0; from < states(); ++from) {
    for (std::uint32_t to = from + 1; to < states(); ++to) {
      if (behind[to].is_none()) continue;
      const std::size_t at = move(from, to);
      if (moves.keeps[at] != kNothing) {
        bounds[from] =
            looser(from, bounds[from], tighter(from, bound_of(moves.keeps[at]), behind[to]));
      }
      // The loosest that ends within what is asked for behind.
      const auto begin = moves.pairs.begin() + moves.begin[at];
      const auto end = moves.pairs.begin() + moves.begin[at + 1];
      const auto worse = std::partition_point(begin, end, [&](const Pair& pair) {
        return !carries(to) || is_within(to, pair.value, behind[to]);
      });
      if (worse != begin) {
        bounds[from] = looser(from, bounds[from], bound_of(std::prev(worse)->bound));
      }
    }
  }
  return bounds;
}

// Whether a chain goes on with an event of the stretch and then as far as `behind` says.
bool ComparedChain::leads_on(const Stretch& stretch, const From& from, const Bounds& behind) const {
  const std::uint32_t state = from.state;
  const auto fits = [&](const Bound& bound) {
    return carries(state) ? is_within(state, *from.carried, bound) : bound.is_any;
  };
  if (!stretch.level) {
    Bounds others = behind;
    others[state] = {};
    return fits(before_event(events_[stretch.number], others)[state]);
  }
  const Moves& moves = levels_[*stretch.level][stretch.number];
  for (std::uint32_t to = state + 1; to < states(); ++to) {
    if (behind[to].is_none()) continue;
    const std::size_t at = move(state, to);
    if (moves.keeps[at] != kNothing && fits(bound_of(moves.keeps[at])) && fits(behind[to])) {
      return true;
    }
    // The tightest bound that it is within leads to the best value.
    const auto end = moves.pairs.begin() + moves.begin[at + 1];
    const auto best =
        std::partition_point(moves.pairs.begin() + moves.begin[at], end,
                             [&](const Pair& pair) { return !fits(bound_of(pair.bound)); });
    if (best != end && (!carries(to) || is_within(to, best->value, behind[to]))) return true;
  }
  return false;
}

// The first event of [begin, end) with which a chain goes on.
std::optional<std::uint64_t> ComparedChain::first_event(const From& from, std::uint64_t begin,
                                                        std::uint64_t end,
                                                        const Bounds& behind) const {
  std::optional<std::pair<Stretch, Bounds>> first;
  Bounds bounds = behind;
  for (const Stretch& stretch : cover(begin, end)) {
    if (leads_on(stretch, from, bounds)) first.emplace(stretch, bounds);
    bounds = before(stretch, bounds);
  }
  if (!first) return std::nullopt;
  return descend(first->first, from, first->second);
}

std::uint64_t ComparedChain::descend(Stretch stretch, const From& from, Bounds behind) const {
  while (stretch.level && *stretch.level > 0) {
    const Stretch left{*stretch.level - 1, 2 * stretch.number};
    const Stretch right{left.level, left.number + 1};
    const Bounds bounds = before(right, behind);
    const bool is_left = leads_on(left, from, bounds);
    stretch = is_left ? left : right;
    if (is_left) behind = bounds;
  }
  if (!stretch.level) return stretch.number;
  std::uint64_t found = stretch.number * kBlock;
  for (std::uint64_t i = found + kBlock; i-- > stretch.number * kBlock;) {
    const Stretch one{std::nullopt, i};
    if (leads_on(one, from, behind)) found = i;
    behind = before(one, behind);
  }
  return found;
}

ComparedChain::Bounds ComparedChain::ending(std::uint32_t step, const Value& own) const {
  Bounds bounds{};
  if (!steps_[step].compares) {
    bounds[step].is_any = true;
  } else if (!own.is_missing()) {
    bounds[step].value = &own;
  }
  return bounds;
}

bool ComparedChain::any(std::uint32_t step, const Value& own) const {
  Bounds bounds = ending(step, own);
  for (const Stretch& stretch : cover(events_.begin(), events_.end())) {
    bounds = before(stretch, bounds);
    if (bounds[0].is_any) return true;
  }
  return false;
}

std::vector<std::uint64_t> ComparedChain::first(std::uint32_t step, const Value& own,
                                                std::uint64_t before) const {
  const Bounds behind = ending(step, own);
  const std::uint64_t end =
      events_.first([&](const Event& event) { return event.event >= before; });
  std::vector<std::uint64_t> events;
  std::uint64_t begin = events_.begin();
  From from;
  for (; from.state < step; ++from.state) {
    const std::optional<std::uint64_t> found = first_event(from, begin, end, behind);
    if (!found) return {};
    events.push_back(events_[*found].event);
    begin = *found + 1;
    if (!carries(from.state + 1)) {
      from.carried = nullptr;
    } else if (steps_[from.state].carries) {
      from.carried = &values_[taken(events_[*found], from.state).carried];
    }
  }
  return events;
}

std::uint32_t ComparedChain::longest_from(std::uint64_t event) const {
  const std::uint64_t at = events_.first([&](const Event& other) { return other.event >= event; });
  if (at == events_.end() || events_[at].event != event || (events_[at].steps & 1) == 0) return 1;
  From from{1, nullptr};
  if (carries(1)) from.carried = &values_[taken(events_[at], 0).carried];
  std::uint32_t longest = 1;
  for (std::uint32_t state = 2; state < states(); ++state) {
    Bounds behind{};
    behind[state].is_any = true;
    if (first_event(from, at + 1, events_.end(), behind)) longest = state;
  }
  return longest;
}
}  // namespace tocsin::cep
