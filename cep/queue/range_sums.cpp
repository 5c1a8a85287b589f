#include "cep/queue/range_sums.h"

#include <algorithm>
#include <ranges>

namespace tocsin::cep {
void RangeSums::Join::operator()(Sums& sums, const Sums& behind) const {
  if (!behind.is_there) return;
  if (!sums.is_there) {
    sums = behind;
    return;
  }
  sums.greatest = std::max({sums.greatest, behind.greatest, behind.most - sums.least});
  sums.most = std::max(sums.most, behind.most);
  sums.least = std::min(sums.least, behind.least);
}

// A range is entered once its shortest form is there, under the number of its first element.
void RangeSums::push(Int128 number) {
  sums_.push((sums_.empty() ? before_ : sums_.back()) + number);
  if (sums_.size() < least_) return;
  const std::uint64_t first = sums_.end() - least_;
  while (blocks_.end() < first) {  // what left before it had enough elements behind it
    blocks_.push({});
    blocks_.pop();
  }
  Sums sums{sums_.back(), first == sums_.begin() ? before_ : sums_[first - 1], 0, true};
  sums.greatest = sums.most - sums.least;
  blocks_.push(sums);
}

void RangeSums::pop() {
  if (sums_.begin() < blocks_.end()) blocks_.pop();
  before_ = sums_.front();
  sums_.pop();
}

void RangeSums::pop_back() {
  if (sums_.size() >= least_) blocks_.pop_back();
  sums_.pop_back();
}

// The first place of the blocks, which lie side by side, from which on some range among them has
// enough. There is one.
std::uint64_t RangeSums::begin_of_first(std::vector<Block> blocks,
                                        const IsEnough& is_enough) const {
  std::optional<Int128> most_behind;
  for (;;) {
    // What stands behind each block, from the last one on.
    std::vector<std::optional<Int128>> behind(blocks.size());
    for (std::size_t i = blocks.size(); i-- > 0;) {
      behind[i] = most_behind;
      const Int128 most = blocks_.at(blocks[i]).most;
      most_behind = most_behind ? std::max(*most_behind, most) : most;
    }
    std::size_t at = 0;
    for (;; ++at) {
      const Sums& sums = blocks_.at(blocks[at]);
      if (at + 1 == blocks.size() || is_enough(sums.greatest)) break;
      if (behind[at] && is_enough(*behind[at] - sums.least)) break;
    }
    if (blocks[at].level == 0) return blocks[at].number;
    most_behind = behind[at];
    blocks = blocks_.parts(blocks[at]);
  }
}

std::optional<RangeSums::Range> RangeSums::first(std::uint64_t from, std::uint64_t to,
                                                 const IsEnough& is_enough) const {
  if (to < from + least_) return std::nullopt;
  const std::uint64_t end = to - least_ + 1;  // of the beginnings
  std::vector<Block> blocks = blocks_.cover(from, end);
  Sums all;
  for (const Block& block : blocks) Join{}(all, blocks_.at(block));
  if (!is_enough(all.greatest)) return std::nullopt;
  Range range;
  range.begin = begin_of_first(std::move(blocks), is_enough);
  const Int128 before = blocks_.at({0, range.begin}).least;
  blocks = blocks_.cover(range.begin, end);
  for (;;) {
    const auto last = std::ranges::find_if(blocks.rbegin(), blocks.rend(), [&](const Block& block) {
      return is_enough(blocks_.at(block).most - before);
    });
    if (last->level == 0) {
      range.end = last->number + least_;
      return range;
    }
    blocks = blocks_.parts(*last);
  }
}

std::optional<std::uint64_t> RangeSums::first_up_to(std::uint64_t from, std::uint64_t to,
                                                    const IsEnough& is_enough) const {
  if (to < from + least_) return std::nullopt;
  const std::uint64_t end = to - least_ + 1;
  const Int128 sum = sums_[to - 1];
  const std::uint64_t at =
      blocks_.first(from, end, [&](const Sums& sums) { return is_enough(sum - sums.least); });
  return at < end ? std::optional(at) : std::nullopt;
}
}  // namespace tocsin::cep
