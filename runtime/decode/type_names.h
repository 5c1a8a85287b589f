/// Finds the event type that a line names.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/decode/separated_line.h"
#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
/// A `type` that no rule file declares.
inline constexpr int kTypeIgnored = -2;

/// Most often it is one of the types that were found last: they are known by up to sixteen
/// characters. Threading: one caller at a time.
class TypeNames {
 public:
  TypeNames() : TypeNames({}, {}) {}
  /// `types`: the event type of each of the words.
  TypeNames(std::vector<std::string> words, std::vector<int> types);
  /// The type whose name stands at `raw`, after a string's opening quote; kTypeIgnored for one that
  /// is not declared. kReadAhead bytes behind the string are readable.
  int find(const char* raw) {
    const int known = find_known(raw);
    return known != kTypeIgnored ? known : look_up(raw);
  }
  /// The same where it is one of those found last, and kTypeIgnored otherwise. Reads kReadAhead
  /// bytes, whatever they are.
  int find_known(const char* raw) const {
    const std::uint64_t first = load_word(raw);
    const std::uint64_t second = load_word(raw + 8);
    const Known& known = known_[place(first)];
    const std::uint64_t other =
        ((first ^ known.first) & known.first_mask) | ((second ^ known.second) & known.second_mask);
    return other == 0 ? known.type : kTypeIgnored;
  }
  /// The type that a string at this offset names, which may be behind the lines that the separators
  /// are of; kTypeIgnored where no string begins.
  int find_at(const SeparatedLine& line, std::uint32_t offset) {
    const char* const value = line.text + offset;
    if (*value != '"') return kTypeIgnored;
    const int known = find_known(value + 1);
    if (known != kTypeIgnored) return known;
    // A quote that ends a string may be the last that there is.
    return line.of->string_begins(offset) ? look_up(value + 1) : kTypeIgnored;
  }

 private:
  // A type by its name's characters with the closing quote, of 16 at most.
  struct Known {
    std::uint64_t first = 0;
    std::uint64_t first_mask = ~std::uint64_t{0};  // no name has eight zero bytes
    std::uint64_t second = 0;
    std::uint64_t second_mask = 0;
    int type = kTypeIgnored;
  };
  static constexpr unsigned kKnownBits = 5;
  static std::size_t place(std::uint64_t first) {
    return (first * 0x9e3779b97f4a7c15) >> (64 - kKnownBits);
  }
  int look_up(const char* raw);

  WordTable words_;
  std::vector<int> types_;
  std::array<Known, std::size_t{1} << kKnownBits> known_;
};
}  // namespace tocsin::runtime
