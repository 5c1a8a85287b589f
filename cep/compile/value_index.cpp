#include "cep/compile/value_index.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>

namespace tocsin::cep {
namespace {
// No short text has this highest byte.
constexpr std::uint64_t kLong = std::uint64_t{0xff} << 56;
// Of the filter, for each place: of the keys that are not there, 3 to 6 % pass.
constexpr std::size_t kFilterBits = 8;

bool is_long(std::string_view text) { return text.size() > kShortTextMax; }
}  // namespace

void ValueIndex::add(std::int64_t word, std::uint32_t number) {
  added_.push_back({static_cast<std::uint64_t>(word), kShort, number});
}
void ValueIndex::add(std::string_view text, std::uint32_t number) {
  std::uint32_t long_text = kShort;
  if (is_long(text)) {
    auto known = added_texts_.find(text);
    if (known == added_texts_.end()) {
      known = added_texts_.emplace(text, static_cast<std::uint32_t>(added_texts_.size())).first;
    }
    long_text = known->second;
  }
  added_.push_back({key_of(text), long_text, number});
}

std::uint64_t ValueIndex::key_of_long(std::string_view text) {
  return kLong | std::hash<std::string_view>{}(text);
}

// Requires that what was added is sorted.
void ValueIndex::choose_empty_key() {
  const auto is_known = [&](std::uint64_t key) {
    const auto first =
        std::lower_bound(added_.begin(), added_.end(), key,
                         [](const Added& added, std::uint64_t other) { return added.key < other; });
    return first != added_.end() && first->key == key;
  };
  empty_key_ = std::uint64_t{1} << 63;
  while (is_known(empty_key_)) ++empty_key_;
}

// Makes the groups of one value's numbers, which are sorted.
void ValueIndex::add_groups(const std::vector<std::pair<WordBound, std::uint32_t>>& numbers,
                            std::uint32_t value, std::vector<ValueGroup>& groups) {
  for (std::size_t begin = 0, end = 0; begin < numbers.size(); begin = end) {
    const WordBound& bound = numbers[begin].first;
    while (end < numbers.size() && numbers[end].first.kind == bound.kind) ++end;
    Group group;
    group.least = bound.least;
    group.kind = bound.kind & WordBound::kNoKind;
    group.begin = numbers[begin].second;
    if (end - begin > 1) {
      group.is_one = 0;
      group.begin = static_cast<std::uint32_t>(numbers_.size());
      numbers_.push_back(static_cast<std::uint32_t>(end - begin));
      for (std::size_t i = begin; i < end; ++i) numbers_.push_back(numbers[i].second);
    }
    groups.push_back({value, group});
  }
}

void ValueIndex::finish(const std::function<WordBound(std::uint32_t)>& bound_of) {
  if (added_.empty()) return;
  std::sort(added_.begin(), added_.end());
  added_.erase(std::unique(added_.begin(), added_.end()), added_.end());
  choose_empty_key();
  std::vector<ValueGroup> groups;
  std::vector<std::pair<WordBound, std::uint32_t>> numbers;
  for (std::size_t begin = 0, end = 0; begin < added_.size(); begin = end) {
    numbers.clear();
    for (; end < added_.size() && added_[end].is_of_one_value_with(added_[begin]); ++end) {
      numbers.emplace_back(bound_of(added_[end].number), added_[end].number);
    }
    std::sort(numbers.begin(), numbers.end());
    add_groups(numbers, static_cast<std::uint32_t>(begin), groups);
  }
  place_groups(groups);
  numbers_.shrink_to_fit();
  added_ = {};
  added_texts_.clear();
}

void ValueIndex::place_groups(const std::vector<ValueGroup>& groups) {
  const std::size_t size = std::bit_ceil(2 * groups.size());
  shift_ = 64 - static_cast<unsigned>(std::countr_zero(size));
  keys_.assign(size, empty_key_);
  groups_.resize(size);
  const std::size_t bits = std::max<std::size_t>(size * kFilterBits, 64);
  filter_shift_ = 64 - static_cast<unsigned>(std::countr_zero(bits));
  filter_.resize(bits / 64);
  std::vector<LongText> texts(added_texts_.size());
  for (const auto& [text, number] : added_texts_) {
    texts[number] = {static_cast<std::uint32_t>(bytes_.size()),
                     static_cast<std::uint32_t>(text.size())};
    bytes_ += text;
  }
  if (!texts.empty()) long_texts_.resize(size);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::uint64_t key = added_[groups[i].value].key;
    std::size_t place = home(key);
    while (keys_[place] != empty_key_) place = (place + 1) & (size - 1);
    keys_[place] = key;
    groups_[place] = groups[i].group;
    // Those of one key follow each other.
    const bool is_last = i + 1 == groups.size() || added_[groups[i + 1].value].key != key;
    groups_[place].is_last = is_last ? 1 : 0;
    const std::uint32_t text = added_[groups[i].value].text;
    if (text != kShort) long_texts_[place] = texts[text];
    const std::uint64_t bit = mixed(key) >> filter_shift_;
    filter_[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
}

bool ValueIndex::is_of_long_text(std::uint32_t place, std::string_view text) const {
  const LongText& known = long_texts_[place];
  return known.size == 0 || std::string_view(bytes_).substr(known.begin, known.size) == text;
}

std::size_t ValueIndex::bytes() const {
  return filter_.capacity() * sizeof(filter_[0]) + keys_.capacity() * sizeof(keys_[0]) +
         groups_.capacity() * sizeof(Group) + long_texts_.capacity() * sizeof(LongText) +
         bytes_.capacity() + numbers_.capacity() * sizeof(numbers_[0]);
}

void RangeIndex::finish() {
  if (ranges_.empty()) return;
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.low < b.low; });
  leaves_ = std::bit_ceil(ranges_.size());
  highest_.assign(2 * leaves_, std::numeric_limits<std::int64_t>::min());
  for (std::size_t i = 0; i < ranges_.size(); ++i) highest_[leaves_ + i] = ranges_[i].high;
  for (std::size_t i = leaves_; i-- > 1;) {
    highest_[i] = std::max(highest_[2 * i], highest_[2 * i + 1]);
  }
}
}  // namespace tocsin::cep
