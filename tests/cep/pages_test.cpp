#include "cep/base/pages.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/support/random.h"

namespace tocsin {
TEST_CASE("pages: blocks of any size lie apart, aligned, and keep their bytes") {
  struct Block {
    Pages memory;
    std::size_t bytes;
    unsigned char mark;
  };
  tests::Random random(3);
  std::vector<Block> blocks;
  const auto is_intact = [](const Block& block) {
    for (std::size_t i = 0; i < block.bytes; ++i) {
      if (block.memory[i] != std::byte{block.mark}) return false;
    }
    return true;
  };
  for (int i = 0; i < 6'000; ++i) {
    // Now more and more, now fewer and fewer.
    if (blocks.empty() || random.chance(i / 1'000 % 2 == 0 ? 65 : 35)) {
      const std::size_t most = random.pick({std::size_t{3'000}, std::size_t{40'000},  //
                                            std::size_t{40'000}, std::size_t{600'000}});
      const std::size_t bytes = 1 + random.below(most);
      Block block{make_pages(bytes), bytes, static_cast<unsigned char>(i)};
      const std::size_t alignment = bytes > 2'048 ? 4'096 : 64;
      REQUIRE(reinterpret_cast<std::uintptr_t>(block.memory.get()) % alignment == 0);
      std::memset(block.memory.get(), block.mark, bytes);
      blocks.push_back(std::move(block));
    } else {
      const std::size_t at = random.below(blocks.size());
      REQUIRE(is_intact(blocks[at]));
      std::swap(blocks[at], blocks.back());
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) REQUIRE(is_intact(block));
}
}  // namespace tocsin
