/// A queue that knows the best value of each block.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "cep/queue/ring.h"

namespace tocsin::cep {
/// Values with the places of a Ring's elements. Beside the values stand the best of each block of
/// 64 and of each block of 4,096, so that a push and a pop take constant time, never a rebuilding
/// of all, and a question looks at 256 values and one for each 4,096.
///
/// `Take` is called as take(best, other) and makes `best` the better of the two, or what stands for
/// both where `other` comes behind; a value made without arguments is worse than all others.
template <typename T, typename Take>
class BestBlocks {
 public:
  static constexpr unsigned kBits = 6;  // of a place within its block
  explicit BestBlocks(Take take) : take_(std::move(take)) {}

  void push(const T& value) {
    const std::uint64_t place = levels_[0].end();
    levels_[0].push(value);
    for (unsigned level = 1; level < levels_.size(); ++level) {
      if (place >> (kBits * level) == levels_[level].end()) levels_[level].push({});
      take_(levels_[level].back(), value);
    }
  }

  // What a block lost at its front stays in its best: a block is asked only while all of it is
  // there.
  void pop() {
    levels_[0].pop();
    for (unsigned level = 1; level < levels_.size(); ++level) {
      const std::uint64_t block = levels_[0].begin() >> (kBits * level);
      if (levels_[level].begin() < block) levels_[level].pop();
    }
  }

  void pop_back() {
    levels_[0].pop_back();
    for (unsigned level = 1; level < levels_.size(); ++level) {
      Ring<T>& blocks = levels_[level];
      const Ring<T>& parts = levels_[level - 1];
      const std::uint64_t first = (blocks.end() - 1) << kBits;
      blocks.pop_back();
      if (parts.end() <= first) continue;
      T best{};
      for (std::uint64_t i = std::max(first, parts.begin()); i < parts.end(); ++i) {
        take_(best, parts[i]);
      }
      blocks.push(best);
    }
  }

  /// The best of places [from, to), all of which are there; where the order of values does not
  /// matter.
  T best(std::uint64_t from, std::uint64_t to) const {
    constexpr std::uint64_t kMask = (1U << kBits) - 1;
    T best{};
    for (unsigned level = 0; level < levels_.size(); ++level, from >>= kBits, to >>= kBits) {
      const Ring<T>& values = levels_[level];
      const bool is_top = level + 1 == levels_.size();
      while (from < to && (is_top || (from & kMask) != 0)) take_(best, values[from++]);
      while (from < to && (to & kMask) != 0) take_(best, values[--to]);
      if (from == to) break;
    }
    return best;
  }

  /// The first place of [from, to) whose value `is_sought` holds for; `to` where there is none.
  /// Where it does not hold for the best of a block, it must hold for none of the block.
  template <typename Is>
  std::uint64_t first(std::uint64_t from, std::uint64_t to, Is&& is_sought) const {
    while (from < to) {
      unsigned level = 0;  // the largest block that begins here, lies in the range and has none
      while (level + 1 < levels_.size()) {
        const unsigned bits = kBits * (level + 1);
        const std::uint64_t size = std::uint64_t{1} << bits;
        if ((from & (size - 1)) != 0 || from + size > to) break;
        if (is_sought(levels_[level + 1][from >> bits])) break;
        ++level;
      }
      if (level == 0 && is_sought(levels_[0][from])) return from;
      from += std::uint64_t{1} << (kBits * level);
    }
    return to;
  }

  /// A value, or those of a block of 64 or of 4,096 of them.
  struct Block {
    unsigned level = 0;
    std::uint64_t number = 0;
    std::uint64_t begin() const { return number << (kBits * level); }
  };
  const T& at(const Block& block) const { return levels_[block.level][block.number]; }
  std::uint64_t begin() const { return levels_[0].begin(); }
  std::uint64_t end() const { return levels_[0].end(); }
  /// The largest blocks that make up places [from, to), all of which are there, in their order.
  std::vector<Block> cover(std::uint64_t from, std::uint64_t to) const {
    std::vector<Block> blocks;
    while (from < to) {
      unsigned level = 0;
      while (level + 1 < levels_.size()) {
        const std::uint64_t size = std::uint64_t{1} << (kBits * (level + 1));
        if ((from & (size - 1)) != 0 || from + size > to) break;
        ++level;
      }
      blocks.push_back({level, from >> (kBits * level)});
      from += std::uint64_t{1} << (kBits * level);
    }
    return blocks;
  }
  /// The parts of a block that is none of one value.
  std::vector<Block> parts(const Block& block) const {
    std::vector<Block> parts;
    for (std::uint64_t i = 0; i < std::uint64_t{1} << kBits; ++i) {
      parts.push_back({block.level - 1, (block.number << kBits) + i});
    }
    return parts;
  }

  std::size_t bytes() const {
    return (levels_[0].size() + levels_[1].size() + levels_[2].size()) * sizeof(T);
  }

 private:
  Take take_;
  std::array<Ring<T>, 3> levels_;  // values, then the best of blocks
};
}  // namespace tocsin::cep
