/// Finds what one field's value satisfies, in a time that does not grow with how much there is: the
/// numbers of single values and lists by a hash table, those of ranges by a sorted array.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/prefetch.h"
#include "cep/value/short_text.h"

namespace tocsin::cep {
/// A bound of a field's word: a lower one, or an upper one as the lower bound of complements
/// (~word), so that both are compared alike and sort by how few words they let through.
struct WordBound {
  static constexpr std::uint32_t kNoKind = (1U << 30) - 1;
  std::uint32_t kind = kNoKind;  // the field, and in the lowest bit: it is an upper bound
  std::int64_t least = std::numeric_limits<std::int64_t>::min();

  static WordBound lower(std::uint32_t field, std::int64_t least) { return {field << 1, least}; }
  static WordBound upper(std::uint32_t field, std::int64_t most) { return {field << 1 | 1, ~most}; }
  /// Where it is false, anything is within the bound.
  bool has_field() const { return kind != kNoKind; }
  std::uint32_t field() const { return kind >> 1; }
  bool admits(std::int64_t word) const { return ((kind & 1) != 0 ? ~word : word) >= least; }
  friend auto operator<=>(const WordBound&, const WordBound&) = default;
};

/// Values, each with numbers, and each number with a bound that must hold too. The numbers of one
/// value whose bounds are of one kind are a **group**: they ascend by their bounds, so that the
/// first that does not admit a word answers for the rest. add() all, then finish(), then search.
///
/// A search has three steps: may_have(), which for most values is the last; find(); and the groups
/// from there on. What each reads is fetched before, so that searches of many values wait for
/// memory together.
class ValueIndex {
 public:
  static constexpr std::uint32_t kNowhere = UINT32_MAX;
  /// Sixteen bytes: four to a cache line.
  struct Group {
    std::int64_t least = 0;                        // of its first number's bound
    std::uint32_t begin = 0;                       // the number, or where several are
    std::uint32_t kind : 30 = WordBound::kNoKind;  // of its bounds
    std::uint32_t is_one : 1 = 1;                  // number
    std::uint32_t is_last : 1 = 1;                 // of its key
    WordBound bound() const { return {kind, least}; }
  };
  void add(std::int64_t word, std::uint32_t number);
  void add(std::string_view text, std::uint32_t number);
  /// `bound_of` gives the bound of each number that was added.
  void finish(const std::function<WordBound(std::uint32_t)>& bound_of);
  bool empty() const { return keys_.empty(); }
  std::size_t bytes() const;

  /// What a value is found by.
  static std::uint64_t key_of(std::int64_t word) { return static_cast<std::uint64_t>(word); }
  static std::uint64_t key_of(std::string_view text) {
    return text.size() <= kShortTextMax ? short_text_word(text) : key_of_long(text);
  }
  /// What follows requires that the index is not empty. False: no value has this key.
  bool may_have(std::uint64_t key) const {
    const std::uint64_t bit = mixed(key) >> filter_shift_;
    return (filter_[bit / 64] >> (bit % 64) & 1) != 0;
  }
  /// Start to load what may_have() reads, and find().
  void prefetch_filter(std::uint64_t key) const {
    tocsin::prefetch(&filter_[(mixed(key) >> filter_shift_) / 64]);
  }
  void prefetch(std::uint64_t key) const { tocsin::prefetch(&keys_[home(key)]); }
  /// The place of the key's first group, which it starts to load; kNowhere.
  std::uint32_t find(std::uint64_t key) const {
    const std::size_t place = search(key, home(key));
    if (keys_[place] == empty_key_) return kNowhere;
    tocsin::prefetch(&groups_[place]);
    return static_cast<std::uint32_t>(place);
  }
  const Group& group(std::uint32_t place) const { return groups_[place]; }
  /// The place of the next group of the same key; kNowhere behind the last.
  std::uint32_t next(std::uint32_t place) const {
    if (groups_[place].is_last != 0) return kNowhere;
    return static_cast<std::uint32_t>(search(keys_[place], (place + 1) & (keys_.size() - 1)));
  }
  std::span<const std::uint32_t> numbers_of(const Group& group) const {
    if (group.is_one != 0) return {&group.begin, 1};
    return {numbers_.data() + group.begin + 1, numbers_[group.begin]};
  }
  /// Whether a group of the text's key is the text's: a long one's key may be that of others.
  bool is_of_text(std::uint32_t place, std::string_view text) const {
    return long_texts_.empty() || is_of_long_text(place, text);
  }

 private:
  static constexpr std::uint32_t kShort = UINT32_MAX;
  struct Added {
    std::uint64_t key = 0;
    std::uint32_t text = kShort;  // a long one's number
    std::uint32_t number = 0;
    bool is_of_one_value_with(const Added& other) const {
      return key == other.key && text == other.text;
    }
    friend auto operator<=>(const Added&, const Added&) = default;
  };
  struct LongText {
    std::uint32_t begin = 0;  // in bytes_
    std::uint32_t size = 0;   // 0: the value is no long text
  };
  struct ValueGroup {
    std::uint32_t value = 0;  // what was added first of it
    Group group;
  };
  static std::uint64_t key_of_long(std::string_view text);
  static std::uint64_t mixed(std::uint64_t key) { return key * 0x9e3779b97f4a7c15U; }
  std::size_t home(std::uint64_t key) const { return mixed(key) >> shift_; }
  // The first place from this one on that has the key, or none.
  std::size_t search(std::uint64_t key, std::size_t from) const {
    const std::size_t mask = keys_.size() - 1;
    while (keys_[from] != key && keys_[from] != empty_key_) from = (from + 1) & mask;
    return from;
  }
  bool is_of_long_text(std::uint32_t place, std::string_view text) const;
  void choose_empty_key();
  void add_groups(const std::vector<std::pair<WordBound, std::uint32_t>>& numbers,
                  std::uint32_t value, std::vector<ValueGroup>& groups);
  void place_groups(const std::vector<ValueGroup>& groups);

  std::vector<Added> added_;
  std::map<std::string, std::uint32_t, std::less<>> added_texts_;
  unsigned shift_ = 63;
  unsigned filter_shift_ = 63;
  std::vector<std::uint64_t> filter_;  // a bit for each key, among many
  std::uint64_t empty_key_ = 0;        // that of no value
  std::vector<std::uint64_t> keys_;    // a power of two of them
  std::vector<Group> groups_;          // by place
  std::vector<LongText> long_texts_;   // by place; empty where no text is long
  std::string bytes_;
  std::vector<std::uint32_t> numbers_;  // of each group of several: how many, and they
};

/// Ranges of words, each with its number. add() all, then finish(), then search.
class RangeIndex {
 public:
  void add(std::int64_t low, std::int64_t high, std::uint32_t number) {
    ranges_.push_back({low, high, number});
  }
  void finish();
  bool empty() const { return ranges_.empty(); }
  std::size_t bytes() const {
    return ranges_.capacity() * sizeof(Range) + highest_.capacity() * sizeof(highest_[0]);
  }
  /// Calls `visit(number)` for each range that holds the word. Takes the logarithm of the ranges'
  /// number for each visit.
  template <typename Visit>
  void for_each(std::int64_t word, Visit&& visit) const {
    if (!ranges_.empty()) descend(1, 0, leaves_, word, visit);
  }

 private:
  struct Range {
    std::int64_t low = 0;
    std::int64_t high = 0;
    std::uint32_t number = 0;
  };
  // A node's ranges are those from `begin` on, `size` of them.
  template <typename Visit>
  void descend(std::size_t node, std::size_t begin, std::size_t size, std::int64_t word,
               Visit& visit) const {
    if (begin >= ranges_.size() || ranges_[begin].low > word || highest_[node] < word) return;
    if (size == 1) {
      visit(ranges_[begin].number);
      return;
    }
    descend(2 * node, begin, size / 2, word, visit);
    descend(2 * node + 1, begin + size / 2, size / 2, word, visit);
  }

  std::vector<Range> ranges_;  // ascending by `low`
  std::size_t leaves_ = 1;
  std::vector<std::int64_t> highest_;  // of a binary tree's nodes over ranges_, the root at 1
};
}  // namespace tocsin::cep
