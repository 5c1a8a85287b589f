/// Finds the atoms of one field that a value satisfies, in a time that does not grow with their
/// number: those of single values and lists by a hash table, those of ranges by a sorted array.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::cep {
/// Lists of numbers behind each other, read by the list's own number.
class NumberLists {
 public:
  /// Appends an empty list, to which add() adds.
  void begin() { ends_.push_back(static_cast<std::uint32_t>(numbers_.size())); }
  void add(std::uint32_t number) {
    numbers_.push_back(number);
    ++ends_.back();
  }
  std::size_t size() const { return ends_.size(); }
  std::span<const std::uint32_t> of(std::size_t list) const {
    const std::uint32_t begin = list == 0 ? 0 : ends_[list - 1];
    return {numbers_.data() + begin, ends_[list] - begin};
  }

 private:
  std::vector<std::uint32_t> ends_;
  std::vector<std::uint32_t> numbers_;
};

/// Values, each with the atoms that it satisfies. add() all, then finish(), then ask.
class ValueIndex {
 public:
  void add(std::int64_t word, std::uint32_t atom);
  void add(std::string_view text, std::uint32_t atom);
  void finish();
  bool empty() const { return slots_.empty(); }
  /// The atoms of a column's word, ascending; of a text.
  std::span<const std::uint32_t> of_word(std::int64_t word) const;
  std::span<const std::uint32_t> of_text(std::string_view text) const;

 private:
  // A text that no word holds (packed_text()) is known by its hash and told apart by its bytes.
  struct Slot {
    std::uint64_t word = 0;
    std::uint32_t begin = 0;  // of its atoms; without any the slot is empty
    std::uint32_t end = 0;
  };
  struct Added {
    std::uint64_t word = 0;
    std::string text;  // of a long one
    std::uint32_t atom = 0;
    friend auto operator<=>(const Added&, const Added&) = default;
  };
  struct LongText {
    std::uint32_t begin = 0;  // in bytes_
    std::uint32_t size = 0;
  };
  std::uint64_t home(std::uint64_t word) const { return (word * 0x9e3779b97f4a7c15U) >> shift_; }
  std::span<const std::uint32_t> find(std::uint64_t word, std::string_view long_text) const;

  std::vector<Added> added_;
  unsigned shift_ = 63;
  std::vector<Slot> slots_;           // a power of two of them
  std::vector<LongText> long_texts_;  // by slot; empty where there is none
  std::string bytes_;
  std::vector<std::uint32_t> atoms_;
};

/// Ranges of words, each with its atom. add() all, then finish(), then ask.
class RangeIndex {
 public:
  void add(std::int64_t low, std::int64_t high, std::uint32_t atom) {
    ranges_.push_back({low, high, atom});
  }
  void finish();
  bool empty() const { return ranges_.empty(); }
  /// Calls `visit(atom)` for each range that holds the word. Takes the logarithm of the ranges'
  /// number for each visit.
  template <typename Visit>
  void for_each(std::int64_t word, Visit&& visit) const {
    if (!ranges_.empty()) descend(1, 0, leaves_, word, visit);
  }

 private:
  struct Range {
    std::int64_t low = 0;
    std::int64_t high = 0;
    std::uint32_t atom = 0;
  };
  // A node's ranges are those from `begin` on, `size` of them.
  template <typename Visit>
  void descend(std::size_t node, std::size_t begin, std::size_t size, std::int64_t word,
               Visit& visit) const {
    if (begin >= ranges_.size() || ranges_[begin].low > word || highest_[node] < word) return;
    if (size == 1) {
      visit(ranges_[begin].atom);
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
