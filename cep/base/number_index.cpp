#include "cep/base/number_index.h"

#include <new>

#include "cep/base/assert.h"
#include "cep/base/pages.h"

namespace tocsin {
// Parts double, so that a number is moved about once. From 256 KiB on they grow by a half and a
// third in turn: 1, 2, 4, … 4,096, 6,144, 8,192, …
std::uint32_t NumberIndex::next_size(std::uint32_t lines) {
  constexpr std::uint32_t kDoubled = 4'096;
  if (lines < kDoubled) return lines == 0 ? 1 : lines * 2;
  return std::has_single_bit(lines) ? lines + lines / 2 : lines / 3 * 4;
}
std::uint32_t NumberIndex::size_for(std::uint32_t numbers) {
  std::uint32_t lines = 1;
  while (!has_room(lines, numbers)) lines = next_size(lines);
  return lines;
}

// Requires room.
void NumberIndex::put(Part& part, std::uint64_t hash, std::uint32_t number) {
  for (std::uint32_t place = home(part, hash);; place = after(part, place)) {
    Line& line = part.lines[place];
    const std::uint32_t empty = line.with_tag(0);
    if (empty != 0) {
      const auto at = static_cast<std::size_t>(std::countr_zero(empty));
      line.tags[at] = tag_of(hash);
      line.numbers[at] = number;
      return;
    }
    if (line.passed != kMany) ++line.passed;
  }
}

void NumberIndex::take_out(Part& part, std::uint64_t hash, std::uint32_t number) {
  const std::uint8_t tag = tag_of(hash);
  std::uint32_t place = part.count == 0 ? 0 : home(part, hash);
  for (std::uint32_t i = 0; i < part.size; ++i, place = after(part, place)) {
    Line& line = part.lines[place];
    for (std::uint32_t bits = line.with_tag(tag); bits != 0; bits &= bits - 1) {
      const auto at = static_cast<std::size_t>(std::countr_zero(bits));
      if (line.numbers[at] != number) continue;
      line.tags[at] = 0;
      return;
    }
    TOCSIN_ASSERT(line.passed != 0, "a number is taken away once");
    if (line.passed != kMany) --line.passed;
  }
  TOCSIN_ASSERT(false, "a number that is taken away is there");
}

NumberIndex::Part NumberIndex::make_lines(std::uint32_t lines) {
  const std::size_t bytes = std::size_t{lines} * sizeof(Line);
  bytes_ += bytes;
  return {new (allocate_pages(bytes)) Line[lines], lines, 0};
}

void NumberIndex::free_lines(Part& part) {
  const std::size_t bytes = std::size_t{part.size} * sizeof(Line);
  bytes_ -= bytes;
  free_pages(reinterpret_cast<std::byte*>(part.lines), bytes);
  part = {};
}

void NumberIndex::clear() {
  free_lines(one_);
  if (many_ != nullptr) {
    for (std::size_t i = 0; i < kParts; ++i) free_lines(many_[i]);
    many_.reset();
    bytes_ -= kParts * sizeof(Part);
  }
  count_ = 0;
}
}  // namespace tocsin
