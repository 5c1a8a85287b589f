/// Finds a JSON key, event type or enum word among known ones by its raw characters in the line:
/// one hash of its first and last eight bytes, one compare, nothing copied.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/decode/json_text.h"

namespace tocsin::runtime {
/// Immutable once made. Open addressing with linear probing, at most a quarter full.
class WordTable {
 public:
  static constexpr int kAbsent = -1;
  WordTable() : WordTable(std::vector<std::string>{}) {}
  /// `keys` as they are after unescaping; of equal ones the first counts.
  explicit WordTable(std::vector<std::string> keys);

  /// The index of the key at `raw`, which points just after the opening quote of a well-formed JSON
  /// string with kReadAhead bytes readable after its closing quote; kAbsent when it is none of
  /// them.
  int find(const char* raw) const {
    std::size_t length = 0;
    std::uint64_t quotes = 0;
    while ((quotes = mark_bytes(load_word(raw + length), '"')) == 0) length += 8;
    return find(raw, length + static_cast<std::size_t>(std::countr_zero(quotes)) / 8);
  }
  /// The same where the closing quote, or an escaped one, stands so far behind.
  int find(const char* raw, std::size_t length) const {
    const std::uint64_t first = first_word(raw, length);
    const std::uint64_t last = length > 8 ? load_word(raw + length - 8) : 0;
    for (std::size_t i = place(first, last, length);; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.first == first && slot.last == last && slot.length == length &&
          (length <= 16 || std::memcmp(raw, keys_[slot.index].data(), length) == 0)) {
        return static_cast<int>(slot.index);
      }
      if (slot.length == kEmpty) return find_escaped(raw, length);
    }
  }
  /// False for most keys that are none of them, as they stand in a line; `size` without the quotes.
  /// kReadAhead bytes are readable behind the first.
  bool may_have(const char* raw, std::size_t size) const {
    return may_have_[mixed(raw, size)] || may_have_backslash(raw, size);
  }
  /// The index of a key given as it is after unescaping.
  int find_text(std::string_view key) const;
  std::size_t size() const { return keys_.size(); }
  const std::string& key(int index) const { return keys_[static_cast<std::size_t>(index)]; }

 private:
  static constexpr std::uint32_t kEmpty = UINT32_MAX;
  struct Slot {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint32_t length = kEmpty;
    std::uint32_t index = 0;
  };
  // Of the first and last character, of "" the quotes, and the size.
  static std::uint8_t mixed(const char* raw, std::size_t size) {
    const auto first = static_cast<unsigned char>(raw[0]);
    const auto last = static_cast<unsigned char>(raw[size - 1]);
    return static_cast<std::uint8_t>(first + last * 8U + size * 64U);
  }
  static std::uint64_t first_word(const char* raw, std::size_t length) {
    const std::uint64_t word = load_word(raw);
    return length >= 8 ? word : word & ((std::uint64_t{1} << (8 * length)) - 1);
  }
  std::size_t place(std::uint64_t first, std::uint64_t last, std::size_t length) const {
    const std::uint64_t mixed = first ^ std::rotl(last, 29) ^ (std::uint64_t{length} << 56);
    return static_cast<std::size_t>((mixed * 0x9e3779b97f4a7c15) >> shift_);
  }
  // After no match: a key with escapes is compared by what it stands for. `length` may end at an
  // escaped quote.
  int find_escaped(const char* raw, std::size_t length) const;

  std::vector<std::string> keys_;
  std::vector<Slot> slots_;
  std::array<bool, 256> may_have_{};
  std::size_t mask_ = 0;
  int shift_ = 63;
};

/// Remembers in which order keys of a table stand in lines, so that most of them are recognised by
/// one compare with the key expected next, without a look-up. Lines may leave keys out. Results
/// never depend on what is remembered.
class KeySequence {
 public:
  /// Where a line is in the sequence; 0 at its begin.
  using Position = std::uint32_t;
  /// As table.find(raw), and moves `position` on. Always called with the same table.
  int find(const WordTable& table, const char* raw, Position& position) {
    const std::uint64_t first = load_word(raw);
    const std::uint64_t second = load_word(raw + 8);
    const std::size_t end = std::min<std::size_t>(count_, position + kSkippedMax);
    for (std::size_t i = position; i < end; ++i) {
      const Entry& entry = entries_[i];
      if ((((first ^ entry.first) & entry.first_mask) |
           ((second ^ entry.second) & entry.second_mask)) == 0) {
        position = static_cast<Position>(i + 1);
        return entry.index;
      }
    }
    return learn(table, raw, position);
  }

 private:
  // A key's first 16 characters with its closing quote, those past that masked out.
  struct Entry {
    std::uint64_t first = 0;
    std::uint64_t first_mask = 0;
    std::uint64_t second = 0;
    std::uint64_t second_mask = 0;
    int index = WordTable::kAbsent;
  };
  static constexpr std::size_t kEntriesMax = 64;
  static constexpr std::size_t kSkippedMax = 4;
  int learn(const WordTable& table, const char* raw, Position& position);

  std::vector<Entry> entries_;
  std::uint32_t count_ = 0;  // entries_.size(), without a division
};

/// The inside of the JSON string that begins just before `raw`: up to its closing quote, escapes as
/// they stand.
std::string_view string_inside(const char* raw);
}  // namespace tocsin::runtime
