#include "cep/queue/first_beyond.h"

#include <algorithm>
#include <utility>

namespace tocsin::cep {
FirstBeyond::FirstBeyond(std::vector<Side> sides)
    : sides_(std::move(sides)), values_(sides_.size()) {}

bool FirstBeyond::is_beyond(std::size_t side, const Value& value, const Value& bound) const {
  const Ordering order = compare(value, bound);
  return order == (sides_[side].greater ? Ordering::kGreater : Ordering::kLess) ||
         (sides_[side].or_equal && order == Ordering::kEqual);
}

bool FirstBeyond::is_beyond_all(std::uint64_t place, std::span<const Value> bounds) const {
  for (std::size_t side = 0; side < sides_.size(); ++side) {
    if (!is_beyond(side, values_[side][place], bounds[side])) return false;
  }
  return true;
}

void FirstBeyond::push(std::span<const Value> row) {
  const std::uint64_t place = values_[0].end();
  bool is_complete = true;
  for (std::size_t side = 0; side < sides_.size(); ++side) {
    Value value = row[side];
    value.text = {};
    is_complete = is_complete && !value.is_missing();
    values_[side].push(value);
  }
  for (unsigned level = 0; level < kLevels; ++level) {
    const unsigned bits = kBits * (level + 1);
    const std::uint64_t number = place >> bits;
    if (number == levels_[level].end()) {
      levels_[level].push({{}, std::vector<Along>(sides_.size())});
    }
    const std::uint64_t begin = number << bits;
    if (is_complete && begin >= values_[0].begin()) add(levels_[level].back(), begin, place);
  }
}

// A block is asked only while all of it is there: one that has lost its first row takes no more.
void FirstBeyond::pop() {
  for (Ring<Value>& values : values_) values.pop();
  for (unsigned level = 0; level < kLevels; ++level) {
    const std::uint64_t block = values_[0].begin() >> (kBits * (level + 1));
    if (levels_[level].begin() < block) levels_[level].pop();
  }
}

// Adds a row to the block that begins at `begin`.
void FirstBeyond::add(Block& block, std::uint64_t begin, std::uint64_t place) {
  for (std::size_t side = 0; side < sides_.size(); ++side) {
    Value& best = block.sides[side].best;
    const Value& value = values_[side][place];
    const Ordering better = sides_[side].greater ? Ordering::kGreater : Ordering::kLess;
    if (best.is_missing() || compare(value, best) == better) best = value;
  }
  if (sides_.size() == 1) return;
  const Value& first = values_[0][place];
  const auto at = std::ranges::partition_point(block.order, [&](std::uint16_t other) {
    return compare(values_[0][begin + other], first) != Ordering::kGreater;
  });
  for (std::size_t side = 0; side < sides_.size(); ++side) {
    Along& along = block.sides[side];
    if (at != block.order.begin()) meet(along, side, begin + *(at - 1), place);
    if (at != block.order.end()) meet(along, side, place, begin + *at);
  }
  block.order.insert(at, static_cast<std::uint16_t>(place - begin));
}

// Two rows are next to each other in the order of first values.
void FirstBeyond::meet(Along& along, std::size_t side, std::uint64_t before,
                       std::uint64_t after) const {
  const Ordering order = compare(values_[side][before], values_[side][after]);
  along.rises = along.rises && order != Ordering::kGreater;
  along.falls = along.falls && order != Ordering::kLess;
}

// False where no row of the block is beyond all bounds.
bool FirstBeyond::may_have(const Block& block, std::uint64_t begin,
                           std::span<const Value> bounds) const {
  const auto can_be = [&](std::size_t side) {
    return is_beyond(side, block.sides[side].best, bounds[side]);
  };
  if (sides_.size() == 1) return can_be(0);
  auto low = block.order.begin();
  auto high = block.order.end();
  for (std::size_t side = 0; side < sides_.size() && low < high; ++side) {
    const Along& along = block.sides[side];
    const auto is = [&](std::uint16_t place) {
      return is_beyond(side, values_[side][begin + place], bounds[side]);
    };
    if (along.rises || along.falls) {
      if (sides_[side].greater == along.rises) {
        low = std::partition_point(low, high, [&](std::uint16_t place) { return !is(place); });
      } else {
        high = std::partition_point(low, high, is);
      }
    } else if (!can_be(side)) {
      return false;
    }
  }
  return low < high;
}

std::uint64_t FirstBeyond::first(std::uint64_t from, std::uint64_t to,
                                 std::span<const Value> bounds) const {
  while (from < to) {
    unsigned level = 0;  // the largest block that begins here, lies in the range and has none
    for (; level < kLevels; ++level) {
      const unsigned bits = kBits * (level + 1);
      const std::uint64_t size = std::uint64_t{1} << bits;
      if ((from & (size - 1)) != 0 || from + size > to) break;
      if (may_have(levels_[level][from >> bits], from, bounds)) break;
    }
    if (level == 0 && is_beyond_all(from, bounds)) return from;
    from += std::uint64_t{1} << (kBits * level);
  }
  return to;
}

std::size_t FirstBeyond::bytes() const {
  const std::size_t blocks = levels_[0].size() + levels_[1].size();
  return values_[0].size() * (sides_.size() * sizeof(Value) + kLevels * sizeof(std::uint16_t)) +
         blocks * (sizeof(Block) + sides_.size() * sizeof(Along));
}
}  // namespace tocsin::cep
