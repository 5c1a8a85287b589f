#include "cep/data/code_point_set.h"

#include <utf8proc.h>

#include <algorithm>
#include <map>

namespace tocsin::cep {
namespace {
// Simple case folding: the two letters i of Turkish fold to nothing else.
std::int32_t folded(std::int32_t point) {
  if (point == 0x130 || point == 0x131) return point;
  return utf8proc_tolower(utf8proc_toupper(point));
}

// Each code point with one of its other cases, ascending.
const std::vector<std::pair<std::int32_t, std::int32_t>>& other_cases() {
  static const auto kPairs = [] {
    constexpr std::int32_t kLastWithCase = 0x1FFFF;
    std::map<std::int32_t, std::vector<std::int32_t>> by_folded;
    for (std::int32_t point = 0; point <= kLastWithCase; ++point) {
      const std::int32_t fold = folded(point);
      if (fold == point) continue;
      std::vector<std::int32_t>& all = by_folded[fold];
      if (all.empty()) all.push_back(fold);
      all.push_back(point);
    }
    std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
    for (const auto& entry : by_folded) {
      for (const std::int32_t one : entry.second) {
        for (const std::int32_t other : entry.second) {
          if (one != other) pairs.emplace_back(one, other);
        }
      }
    }
    std::ranges::sort(pairs);
    return pairs;
  }();
  return kPairs;
}
}  // namespace

void CodePointSet::normalize() {
  std::ranges::sort(ranges_);
  std::vector<std::pair<std::int32_t, std::int32_t>> joined;
  for (const auto& range : ranges_) {
    if (!joined.empty() && range.first <= joined.back().second + 1) {
      joined.back().second = std::max(joined.back().second, range.second);
    } else {
      joined.push_back(range);
    }
  }
  ranges_ = std::move(joined);
}

void CodePointSet::add(const CodePointSet& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
}

void CodePointSet::add_other_cases() {
  normalize();
  const auto& pairs = other_cases();
  const std::size_t count = ranges_.size();
  for (std::size_t i = 0; i < count; ++i) {
    const auto [first, last] = ranges_[i];
    auto at = std::ranges::lower_bound(pairs, std::pair(first, std::int32_t{0}));
    for (; at != pairs.end() && at->first <= last; ++at) add(at->second, at->second);
  }
}

void CodePointSet::invert() {
  normalize();
  std::vector<std::pair<std::int32_t, std::int32_t>> others;
  std::int32_t next = 0;
  for (const auto& range : ranges_) {
    if (range.first > next) others.emplace_back(next, range.first - 1);
    next = range.second + 1;
  }
  if (next <= kLargest) others.emplace_back(next, kLargest);
  ranges_ = std::move(others);
}

void CodePointSet::finish() {
  normalize();
  ascii_.fill(false);
  for (const auto& range : ranges_) {
    for (std::int32_t point = range.first; point <= std::min(range.second, 127); ++point) {
      ascii_[static_cast<std::size_t>(point)] = true;
    }
  }
}

bool CodePointSet::has(std::int32_t point) const {
  if (point < 0) return false;  // a byte that is not UTF-8
  if (point < 128) return ascii_[static_cast<std::size_t>(point)];
  const auto after =
      std::ranges::upper_bound(ranges_, point, {}, [](const auto& range) { return range.first; });
  return after != ranges_.begin() && std::prev(after)->second >= point;
}

void CodePointSet::mark_first_bytes(std::array<bool, 256>& bytes) const {
  for (std::size_t i = 0; i < ascii_.size(); ++i) bytes[i] = bytes[i] || ascii_[i];
  if (!ranges_.empty() && ranges_.back().second >= 128) {
    std::fill(bytes.begin() + 128, bytes.end(), true);
  }
}
}  // namespace tocsin::cep
