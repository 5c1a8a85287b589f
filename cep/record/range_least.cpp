#include "cep/record/range_least.h"

#include <algorithm>

namespace tocsin::cep {
void RangeLeast::take(Number& best, const Number& other) const {
  if (!other.is_there) return;
  const bool is_better = greatest_ ? other.number > best.number : other.number < best.number;
  if (!best.is_there || is_better) best = other;
}

void RangeLeast::push(std::optional<Int128> number) {
  const std::uint64_t place = levels_[0].end();
  const Number fresh = number ? Number{*number, true} : Number{};
  levels_[0].push(fresh);
  for (unsigned level = 1; level < levels_.size(); ++level) {
    if (place >> (kBits * level) == levels_[level].end()) levels_[level].push({});
    take(levels_[level].back(), fresh);
  }
}

// What a block lost at its front stays in its best: a block is asked only while all of it is there.
void RangeLeast::pop() {
  levels_[0].pop();
  for (unsigned level = 1; level < levels_.size(); ++level) {
    const std::uint64_t block = levels_[0].begin() >> (kBits * level);
    if (levels_[level].begin() < block) levels_[level].pop();
  }
}

void RangeLeast::pop_back() {
  levels_[0].pop_back();
  for (unsigned level = 1; level < levels_.size(); ++level) {
    Ring<Number>& blocks = levels_[level];
    const Ring<Number>& parts = levels_[level - 1];
    const std::uint64_t block = blocks.end() - 1;
    const std::uint64_t first = block << kBits;
    blocks.pop_back();
    if (parts.end() <= first) continue;
    Number best;
    for (std::uint64_t i = std::max(first, parts.begin()); i < parts.end(); ++i)
      take(best, parts[i]);
    blocks.push(best);
  }
}

std::uint64_t RangeLeast::next(std::uint64_t from, std::uint64_t to, Int128 best) const {
  const auto has = [&](unsigned level, std::uint64_t at) {
    const Number& number = levels_[level][at];
    return number.is_there && number.number == best;
  };
  while (from < to) {
    unsigned level = 0;  // the largest block that begins here, lies in the range and has it not
    while (level + 1 < levels_.size()) {
      const unsigned bits = kBits * (level + 1);
      const std::uint64_t size = std::uint64_t{1} << bits;
      if ((from & (size - 1)) != 0 || from + size > to || has(level + 1, from >> bits)) break;
      ++level;
    }
    if (level == 0 && has(0, from)) return from;
    from += std::uint64_t{1} << (kBits * level);
  }
  return to;
}

std::optional<Int128> RangeLeast::of(std::uint64_t from, std::uint64_t to) const {
  constexpr std::uint64_t kMask = (1U << kBits) - 1;
  Number best;
  for (unsigned level = 0; level < levels_.size(); ++level, from >>= kBits, to >>= kBits) {
    const Ring<Number>& numbers = levels_[level];
    const bool is_top = level + 1 == levels_.size();
    while (from < to && (is_top || (from & kMask) != 0)) take(best, numbers[from++]);
    while (from < to && (to & kMask) != 0) take(best, numbers[--to]);
    if (from == to) break;
  }
  return best.is_there ? std::optional(best.number) : std::nullopt;
}
}  // namespace tocsin::cep
