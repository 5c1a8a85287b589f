#include "cep/record/first_beyond.h"

#include <algorithm>

namespace tocsin::cep {
bool FirstBeyond::is_beyond(const Value& value, const Value& bound) const {
  const Ordering order = compare(value, bound);
  return order == (greater_ ? Ordering::kGreater : Ordering::kLess) ||
         (or_equal_ && order == Ordering::kEqual);
}

void FirstBeyond::take(Value& best, const Value& other) const {
  if (other.is_missing()) return;
  const Ordering better = greater_ ? Ordering::kGreater : Ordering::kLess;
  if (best.is_missing() || compare(other, best) == better) best = other;
}

void FirstBeyond::push(Value value) {
  value.text = {};
  const std::uint64_t place = levels_[0].end();
  levels_[0].push(value);
  for (unsigned level = 1; level < levels_.size(); ++level) {
    if (place >> (kBits * level) == levels_[level].end()) levels_[level].push(Value::missing());
    take(levels_[level].back(), value);
  }
}

// What a block lost at its front stays in its best: a block is asked only while all of it is there.
void FirstBeyond::pop() {
  levels_[0].pop();
  for (unsigned level = 1; level < levels_.size(); ++level) {
    const std::uint64_t block = levels_[0].begin() >> (kBits * level);
    if (levels_[level].begin() < block) levels_[level].pop();
  }
}

void FirstBeyond::pop_back() {
  levels_[0].pop_back();
  for (unsigned level = 1; level < levels_.size(); ++level) {
    Ring<Value>& blocks = levels_[level];
    const Ring<Value>& parts = levels_[level - 1];
    const std::uint64_t first = (blocks.end() - 1) << kBits;
    blocks.pop_back();
    if (parts.end() <= first) continue;
    Value best;
    for (std::uint64_t i = std::max(first, parts.begin()); i < parts.end(); ++i) {
      take(best, parts[i]);
    }
    blocks.push(best);
  }
}

std::uint64_t FirstBeyond::first(std::uint64_t from, std::uint64_t to, const Value& bound) const {
  while (from < to) {
    unsigned level = 0;  // the largest block that begins here, lies in the range and has none
    while (level + 1 < levels_.size()) {
      const std::uint64_t size = std::uint64_t{1} << (kBits * (level + 1));
      if ((from & (size - 1)) != 0 || from + size > to) break;
      if (is_beyond(levels_[level + 1][from >> (kBits * (level + 1))], bound)) break;
      ++level;
    }
    if (level == 0 && is_beyond(levels_[0][from], bound)) return from;
    from += std::uint64_t{1} << (kBits * level);
  }
  return to;
}
}  // namespace tocsin::cep
