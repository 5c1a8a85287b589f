/// The scan for separators over blocks of 64 bytes. Each source that includes it has its own
/// `Block`, of no linkage, and all there is here is a template of it: so nothing of what is
/// compiled for one machine is used on another.
#pragma once
#include <cstddef>
#include <cstdint>

#include "runtime/decode/separator_scan.h"

namespace tocsin::runtime {
/// `Block(at)` reads 64 bytes and gives a bit for each: equal(c), equal(c, d), control() of those
/// below a space, and adds what it saw to a Block::Seen. Block::inside(quotes) has ones from each
/// first, third, … quote up to the next; Block::put(bits, base, to) writes the places of ones and
/// gives the end of what was written.
template <typename Block>
class SeparatorLoop {
 public:
  explicit SeparatorLoop(const SeparatorBuffers& to)
      : separators_(to.separators), quotes_(to.quotes) {}

  [[gnu::always_inline]] SeparatorsFound run(const char* text, std::size_t size) {
    const std::uint32_t* const begin = separators_;
    std::uint32_t at = 0;
    for (; size - at >= 64; at += 64) step(Block(text + at), at, ~std::uint64_t{0});
    if (at < size) step(Block(text + at), at, (std::uint64_t{1} << (size - at)) - 1);
    return {static_cast<std::size_t>(separators_ - begin), wrong_ == 0 && size != 0,
            Block::is_ascii(seen_)};
  }

 private:
  [[gnu::always_inline]] void step(const Block& block, std::uint32_t at, std::uint64_t lines) {
    const std::uint64_t backslashes = block.equal('\\');
    std::uint64_t quotes = block.equal('"') & lines;
    const bool has_escapes = (backslashes | carry_) != 0;
    if (has_escapes) quotes &= ~escaped_bytes(backslashes);
    const std::uint64_t inside = Block::inside(quotes) ^ in_string_;
    in_string_ = 0 - (inside >> 63);
    wrong_ |= block.control() & inside & lines;
    if (has_escapes) wrong_ |= backslashes & ~inside & lines;
    block.see(seen_);
    *quotes_++ = {quotes, quote_count_};
    quote_count_ += static_cast<std::uint64_t>(__builtin_popcountll(quotes));
    separators_ = Block::put(block.equal(',', '\n') & ~inside & lines, at, separators_);
  }

  // Which bytes are escaped: behind a backslash that is not.
  std::uint64_t escaped_bytes(std::uint64_t backslashes) {
    std::uint64_t escaped = carry_;
    carry_ = 0;
    backslashes &= ~escaped;
    while (backslashes != 0) {
      const std::uint64_t first = backslashes & (0 - backslashes);
      const std::uint64_t next = first << 1;
      if (next == 0) carry_ = 1;
      escaped |= next;
      backslashes &= ~(first | next);
    }
    return escaped;
  }

  std::uint32_t* separators_;
  BlockQuotes* quotes_;
  std::uint64_t in_string_ = 0;  // all ones: a string goes on
  std::uint64_t carry_ = 0;      // 1: the block before ended with a backslash that escapes
  std::uint64_t wrong_ = 0;
  std::uint64_t quote_count_ = 0;
  typename Block::Seen seen_ = Block::nothing();
};
}  // namespace tocsin::runtime
