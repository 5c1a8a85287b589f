/// An index over numbered things by their hash. It keeps a number and eight bits of the hash of
/// each, and asks its owner for more: whether a thing is the one that is wanted, and its hash when
/// a part of the index grows.
///
/// Layout: lines of 64 bytes, each with room for 12 numbers, the bits of their hashes, and how many
/// numbers passed by because the line was full. A line has a home by hash; what does not fit goes
/// to the next line with room. So a look-up reads one line as a rule, and of what it wants nothing
/// else. At most 13/16 of the room is used. Few numbers have one part; many have 128 of them by
/// the hash, and each part grows and shrinks by itself: a change moves a 128th of the numbers.
///
/// The hash should depend on a seed where somebody else chooses what is indexed.
/// Threading: one caller at a time.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "cep/base/prefetch.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace tocsin {
class NumberIndex {
 public:
  NumberIndex() = default;
  ~NumberIndex() { clear(); }
  NumberIndex(const NumberIndex&) = delete;
  NumberIndex& operator=(const NumberIndex&) = delete;

  std::uint64_t count() const { return count_; }
  /// Memory held, without the object itself.
  std::size_t bytes() const { return bytes_; }
  /// Forgets all numbers.
  void clear();
  /// Starts to load the line where a hash has its home.
  void prefetch(std::uint64_t hash) const {
    const Part& part = part_of(hash);
    if (part.count != 0) tocsin::prefetch(&part.lines[home(part, hash)]);
  }
  /// Calls `is_it(number)` for numbers that may have this hash, until it says yes; whether it did.
  template <typename IsIt>
  bool find(std::uint64_t hash, IsIt&& is_it) const {
    const Part& part = part_of(hash);
    if (part.count == 0) return false;
    const std::uint8_t tag = tag_of(hash);
    std::uint32_t place = home(part, hash);
    for (std::uint32_t i = 0; i < part.size; ++i, place = after(part, place)) {
      const Line& line = part.lines[place];
      for (std::uint32_t bits = line.with_tag(tag); bits != 0; bits &= bits - 1) {
        if (is_it(line.numbers[static_cast<std::size_t>(std::countr_zero(bits))])) return true;
      }
      if (line.passed == 0) return false;
    }
    return false;
  }
  /// Adds a number. `things` says of numbers that are there, and of this one, what a part that
  /// grows has to know: `things.prefetch(number)` comes before `things.hash_of(number)`.
  template <typename Things>
  void insert(std::uint64_t hash, std::uint32_t number, const Things& things) {
    if (count_ == kNumbersOfOne && many_ == nullptr) divide(things);
    Part& part = part_of(hash);
    if (!has_room(part.size, part.count + 1)) resize(part, next_size(part.size), things);
    put(part, hash, number);
    ++part.count;
    ++count_;
  }
  /// Takes a number away, which was added with this hash; `things` as for insert(), without the
  /// number.
  template <typename Things>
  void erase(std::uint64_t hash, std::uint32_t number, const Things& things) {
    Part& part = part_of(hash);
    take_out(part, hash, number);
    --part.count;
    --count_;
    if (count_ == 0) {
      clear();
    } else if (part.count == 0) {
      free_lines(part);
    } else if (part.size > 1 && std::uint64_t{part.count} * 4 <= part.size * kNumbersOfLine) {
      const std::uint32_t lines = size_for(2 * part.count);
      if (lines < part.size) resize(part, lines, things);
    }
    if (many_ != nullptr && count_ < kNumbersOfOne / 4) unite(things);
  }

 private:
  static constexpr std::uint32_t kNumbersOfLine = 12;
  static constexpr std::size_t kParts = 128;
  static constexpr std::uint64_t kNumbersOfOne = 65'536;  // more are in many parts

  struct alignas(64) Line {
    std::array<std::uint8_t, kNumbersOfLine> tags{};  // 0: no number
    std::uint16_t passed = 0;  // numbers that went on to the next line; kMany stays
    std::uint16_t unused = 0;
    std::array<std::uint32_t, kNumbersOfLine> numbers{};

    // A bit for each place whose number has the tag.
    std::uint32_t with_tag(std::uint8_t tag) const {
      constexpr std::uint32_t kPlaces = (1U << kNumbersOfLine) - 1;
#if defined(__x86_64__)
      const __m128i all = _mm_load_si128(reinterpret_cast<const __m128i*>(this));
      const __m128i equal = _mm_cmpeq_epi8(all, _mm_set1_epi8(static_cast<char>(tag)));
      return static_cast<std::uint32_t>(_mm_movemask_epi8(equal)) & kPlaces;
#else
      std::uint32_t bits = 0;
      for (std::uint32_t i = 0; i < kNumbersOfLine; ++i) bits |= std::uint32_t{tags[i] == tag} << i;
      return bits & kPlaces;
#endif
    }
  };
  static_assert(sizeof(Line) == 64);
  static constexpr std::uint16_t kMany = 0xffff;
  struct Part {
    Line* lines = nullptr;
    std::uint32_t size = 0;  // lines
    std::uint32_t count = 0;
  };

  // The bits of a hash: 7 for the part, 32 for the line, 8 for the tag.
  static std::uint8_t tag_of(std::uint64_t hash) {
    const auto low = static_cast<std::uint8_t>(hash);
    return low == 0 ? 1 : low;
  }
  static std::uint32_t home(const Part& part, std::uint64_t hash) {
    return static_cast<std::uint32_t>((hash >> 8 & UINT32_MAX) * part.size >> 32);
  }
  const Part& part_of(std::uint64_t hash) const {
    return many_ == nullptr ? one_ : many_[hash >> 57];
  }
  Part& part_of(std::uint64_t hash) { return many_ == nullptr ? one_ : many_[hash >> 57]; }
  static std::uint32_t after(const Part& part, std::uint32_t place) {
    return place + 1 == part.size ? 0 : place + 1;
  }
  static bool has_room(std::uint32_t lines, std::uint32_t numbers) {
    return std::uint64_t{numbers} * 16 <= std::uint64_t{lines} * kNumbersOfLine * 13;
  }
  static std::uint32_t next_size(std::uint32_t lines);
  static std::uint32_t size_for(std::uint32_t numbers);
  static void put(Part& part, std::uint64_t hash, std::uint32_t number);
  static void take_out(Part& part, std::uint64_t hash, std::uint32_t number);
  Part make_lines(std::uint32_t lines);
  void free_lines(Part& part);

  // Calls `visit(hash, number)` for each number of a part; the things of a line are fetched while
  // those of the line before it are visited.
  template <typename Things, typename Visit>
  static void for_each(const Part& part, const Things& things, Visit&& visit) {
    const auto of_line = [](const Line& line, auto&& take) {
      for (std::uint32_t i = 0; i < kNumbersOfLine; ++i) {
        if (line.tags[i] != 0) take(line.numbers[i]);
      }
    };
    for (std::uint32_t i = 0; i <= part.size; ++i) {
      if (i < part.size) {
        of_line(part.lines[i], [&](std::uint32_t number) { things.prefetch(number); });
      }
      if (i > 0) {
        of_line(part.lines[i - 1],
                [&](std::uint32_t number) { visit(things.hash_of(number), number); });
      }
    }
  }
  template <typename Things>
  void resize(Part& part, std::uint32_t lines, const Things& things) {
    Part fresh = make_lines(lines);
    fresh.count = part.count;
    for_each(part, things,
             [&](std::uint64_t hash, std::uint32_t number) { put(fresh, hash, number); });
    free_lines(part);
    part = fresh;
  }
  template <typename Things>
  void divide(const Things& things) {
    many_ = std::make_unique<Part[]>(kParts);
    bytes_ += kParts * sizeof(Part);
    Part old = std::exchange(one_, {});
    for_each(old, things, [&](std::uint64_t hash, std::uint32_t) { ++many_[hash >> 57].count; });
    for (std::size_t i = 0; i < kParts; ++i) {
      const std::uint32_t count = many_[i].count;
      if (count == 0) continue;
      many_[i] = make_lines(size_for(count));
      many_[i].count = count;
    }
    for_each(old, things, [&](std::uint64_t hash, std::uint32_t number) {
      put(many_[hash >> 57], hash, number);
    });
    free_lines(old);
  }
  template <typename Things>
  void unite(const Things& things) {
    Part fresh = make_lines(size_for(static_cast<std::uint32_t>(2 * count_)));
    fresh.count = static_cast<std::uint32_t>(count_);
    for (std::size_t i = 0; i < kParts; ++i) {
      for_each(many_[i], things,
               [&](std::uint64_t hash, std::uint32_t number) { put(fresh, hash, number); });
      free_lines(many_[i]);
    }
    many_.reset();
    bytes_ -= kParts * sizeof(Part);
    one_ = fresh;
  }

  Part one_;
  std::unique_ptr<Part[]> many_;  // null: all numbers are in one_
  std::uint64_t count_ = 0;
  std::size_t bytes_ = 0;
};
}  // namespace tocsin
