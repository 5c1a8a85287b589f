#include "cep/queue/first_beyond.h"

#include <algorithm>

namespace tocsin::cep {
FirstBeyond::FirstBeyond(const std::vector<Side>& sides) {
  for (const Side& side : sides) columns_.push_back({side, Values(Better{side.greater})});
}

void FirstBeyond::Better::operator()(Value& best, const Value& other) const {
  if (other.is_missing()) return;
  const Ordering better = greater ? Ordering::kGreater : Ordering::kLess;
  if (best.is_missing() || compare(other, best) == better) best = other;
}

bool FirstBeyond::Column::is_beyond(const Value& value, const Value& bound) const {
  const Ordering order = compare(value, bound);
  return order == (side.greater ? Ordering::kGreater : Ordering::kLess) ||
         (side.or_equal && order == Ordering::kEqual);
}

bool FirstBeyond::is_beyond_all(std::uint64_t place, std::span<const Value> bounds) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (!columns_[i].is_beyond(columns_[i].at(place), bounds[i])) return false;
  }
  return true;
}

void FirstBeyond::push(std::span<const Value> row) {
  const std::uint64_t place = columns_[0].values.end();
  bool is_complete = true;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Value value = row[i];
    value.text = {};
    is_complete = is_complete && !value.is_missing();
    columns_[i].values.push(value);
  }
  if (columns_.size() == 1) return;
  for (unsigned level = 0; level < kLevels; ++level) {
    const unsigned bits = Values::kBits * (level + 1);
    const std::uint64_t number = place >> bits;
    if (number == levels_[level].end()) {
      levels_[level].push({{}, std::vector<Along>(columns_.size())});
    }
    const std::uint64_t begin = number << bits;
    if (is_complete && begin >= columns_[0].values.begin()) {
      add(levels_[level].back(), begin, place);
    }
  }
}

// A block is asked only while all of it is there: one that has lost its first row takes no more.
void FirstBeyond::pop() {
  for (Column& column : columns_) column.values.pop();
  for (unsigned level = 0; level < kLevels; ++level) {
    const std::uint64_t block = columns_[0].values.begin() >> (Values::kBits * (level + 1));
    if (!levels_[level].empty() && levels_[level].begin() < block) levels_[level].pop();
  }
}

// Adds a row to the block that begins at `begin`.
void FirstBeyond::add(Block& block, std::uint64_t begin, std::uint64_t place) {
  const Value& first = columns_[0].at(place);
  const auto at = std::ranges::partition_point(block.order, [&](std::uint16_t other) {
    return compare(columns_[0].at(begin + other), first) != Ordering::kGreater;
  });
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (at != block.order.begin()) meet(block.sides[i], columns_[i], begin + *(at - 1), place);
    if (at != block.order.end()) meet(block.sides[i], columns_[i], place, begin + *at);
  }
  block.order.insert(at, static_cast<std::uint16_t>(place - begin));
}

// Two rows are next to each other in the order of first values.
void FirstBeyond::meet(Along& along, const Column& column, std::uint64_t before,
                       std::uint64_t after) const {
  const Ordering order = compare(column.at(before), column.at(after));
  along.rises = along.rises && order != Ordering::kGreater;
  along.falls = along.falls && order != Ordering::kLess;
}

// False where no row of the block, which is one of levels_, is beyond all bounds.
bool FirstBeyond::may_have(unsigned level, std::uint64_t number,
                           std::span<const Value> bounds) const {
  const Block& block = levels_[level][number];
  const std::uint64_t begin = number << (Values::kBits * (level + 1));
  auto low = block.order.begin();
  auto high = block.order.end();
  for (std::size_t i = 0; i < columns_.size() && low < high; ++i) {
    const Column& column = columns_[i];
    const auto is = [&](std::uint16_t place) {
      return column.is_beyond(column.at(begin + place), bounds[i]);
    };
    const Along& along = block.sides[i];
    if (along.rises || along.falls) {
      if (column.side.greater == along.rises) {
        low = std::partition_point(low, high, [&](std::uint16_t place) { return !is(place); });
      } else {
        high = std::partition_point(low, high, is);
      }
    } else if (!column.is_beyond(column.values.at({level + 1, number}), bounds[i])) {
      return false;
    }
  }
  return low < high;
}

std::uint64_t FirstBeyond::first(std::uint64_t from, std::uint64_t to,
                                 std::span<const Value> bounds) const {
  if (columns_.size() == 1) {
    const auto is = [&](const Value& value) { return columns_[0].is_beyond(value, bounds[0]); };
    return columns_[0].values.first(from, to, is);
  }
  while (from < to) {
    unsigned level = 0;  // the largest block that begins here, lies in the range and has none
    for (; level < kLevels; ++level) {
      const unsigned bits = Values::kBits * (level + 1);
      const std::uint64_t size = std::uint64_t{1} << bits;
      if ((from & (size - 1)) != 0 || from + size > to) break;
      if (may_have(level, from >> bits, bounds)) break;
    }
    if (level == 0 && is_beyond_all(from, bounds)) return from;
    from += std::uint64_t{1} << (Values::kBits * level);
  }
  return to;
}

std::size_t FirstBeyond::bytes() const {
  std::size_t sum = 0;
  for (const Column& column : columns_) sum += column.values.bytes();
  for (const Ring<Block>& blocks : levels_) sum += blocks.size() * sizeof(Block);
  if (columns_.size() > 1) {
    const std::uint64_t rows = columns_[0].values.end() - columns_[0].values.begin();
    sum += rows * kLevels * sizeof(std::uint16_t);
  }
  return sum;
}
}  // namespace tocsin::cep
