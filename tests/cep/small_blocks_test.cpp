#include "cep/base/small_blocks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "cep/base/pages.h"
#include "tests/support/random.h"

namespace tocsin {
TEST_CASE("small blocks: lie apart, aligned, keep their bytes, and go back to the system") {
  tests::for_all_seeds("SMALL_BLOCKS", 20, [](tests::Random& random) {
    SmallBlocks pool(allocate_pages, free_pages);
    struct Block {
      std::byte* memory = nullptr;
      std::size_t bytes = 0;
      unsigned char mark = 0;
    };
    std::vector<Block> blocks;
    const auto give = [&](std::size_t at) {
      const Block block = blocks[at];
      for (std::size_t i = 0; i < block.bytes; ++i) {
        REQUIRE(block.memory[i] == std::byte{block.mark});
      }
      pool.give(block.memory, block.bytes);
      std::swap(blocks[at], blocks.back());
      blocks.pop_back();
    };
    const std::size_t most = random.pick({std::size_t{64}, std::size_t{300}, SmallBlocks::kMost});
    std::size_t held_most = 0;
    for (int step = 0; step < 4'000; ++step) {
      if (blocks.empty() || random.chance(step / 1'000 % 2 == 0 ? 70 : 30)) {
        const std::size_t bytes = 1 + random.below(most);
        const Block block{pool.take(bytes), bytes, static_cast<unsigned char>(step)};
        const std::size_t alignment = std::max(std::bit_ceil(bytes), std::size_t{64});
        REQUIRE(reinterpret_cast<std::uintptr_t>(block.memory) % alignment == 0);
        std::memset(block.memory, block.mark, bytes);
        blocks.push_back(block);
      } else {
        give(random.below(blocks.size()));
      }
      held_most = std::max(held_most, pool.held());
    }
    while (!blocks.empty()) give(random.below(blocks.size()));
    // A slab of each of six sizes is kept.
    CHECK(held_most > 0);
    CHECK(pool.held() <= std::size_t{6} * 65'536);
  });
}
}  // namespace tocsin
