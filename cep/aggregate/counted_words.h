/// Words with the number of times that each was added: a small open-addressing table that shrinks
/// as words go. What it gives does not depend on its layout.
#pragma once
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace tocsin::cep {
class CountedWords {
 public:
  /// `seed` only chooses the layout.
  CountedWords(std::pmr::memory_resource* memory, std::uint64_t seed)
      : slots_(memory), seed_(seed) {}
  /// Adds a word so many times, at least once; true when it was not there.
  bool add(std::int64_t word, std::uint64_t times = 1);
  /// Takes it away so many times; true when that was the last. Requires that it is there as often.
  bool remove(std::int64_t word, std::uint64_t times = 1);
  bool contains(std::int64_t word) const { return times(word) > 0; }
  /// How often it is there.
  std::uint64_t times(std::int64_t word) const;
  /// Different words.
  std::uint64_t count() const { return count_; }
  void clear();
  /// Calls `visit(word)` for each different word, in no promised order.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for_each_counted([&](std::int64_t word, std::uint64_t) { visit(word); });
  }
  /// The same with how often it is there: `visit(word, times)`.
  template <typename Visit>
  void for_each_counted(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.times > 0) visit(slot.word, slot.times);
    }
  }

 private:
  struct Slot {
    std::int64_t word = 0;
    std::uint64_t times = 0;  // 0: empty
  };
  std::size_t home(std::int64_t word) const;
  void resize(std::size_t slots);

  std::pmr::vector<Slot> slots_;  // a power of two of them, or none
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};
}  // namespace tocsin::cep
