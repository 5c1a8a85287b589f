#include "cep/base/pages.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "cep/base/pages_ahead.h"
#include "tests/support/random.h"

namespace tocsin {
namespace {
// Blocks come and go, now more, now fewer.
void check_blocks(std::uint64_t seed) {
  struct Block {
    Pages memory;
    std::size_t bytes;
    unsigned char mark;
  };
  tests::Random random(seed);
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
}  // namespace

TEST_CASE("pages: blocks of any size lie apart, aligned, and keep their bytes") { check_blocks(3); }

TEST_CASE("pages: as many regions are ready as were taken, a few at most, and the next is one") {
  PagesAhead ahead;
  CHECK_FALSE(ahead.prepare());
  std::vector<Pages> held;
  const auto take = [&] { held.push_back(make_pages(500'000)); };  // a quarter of a region
  const auto prepare_all = [&] {
    int count = 0;
    while (ahead.prepare()) REQUIRE(++count < 100);
    return count;
  };
  int ready = 0;
  for (int i = 0; i < 10'000 && ready == 0; ++i) {
    take();
    ready = prepare_all();
  }
  CHECK(ready == 1);
  for (int i = 0; i < 12; ++i) take();  // two to four regions, of which one was ready
  CHECK(prepare_all() >= 2);
  for (int i = 0; i < 100; ++i) take();
  CHECK(prepare_all() == 8);
  for (int i = 0; i < 12; ++i) take();
  const int again = prepare_all();
  CHECK(again >= 2);
  CHECK(again <= 4);
  PagesAhead later;
  CHECK_FALSE(later.prepare());
}

TEST_CASE("pages: who waits hears of each region once, and of the end") {
  PagesAhead ahead;
  std::vector<Pages> held;
  const auto take = [&] { held.push_back(make_pages(500'000)); };
  for (int i = 0; i < 10'000 && !ahead.prepare(); ++i) take();  // others left free blocks
  REQUIRE(ahead.wait());
  std::atomic<bool> has_heard{false};
  std::thread waiting([&] {
    CHECK(ahead.wait());
    has_heard = true;
    CHECK_FALSE(ahead.wait());
  });
  CHECK_FALSE(has_heard);
  for (int i = 0; i < 10'000 && !ahead.prepare(); ++i) take();
  while (!has_heard) std::this_thread::yield();
  ahead.stop();
  waiting.join();
  CHECK_FALSE(ahead.wait());
}

TEST_CASE("pages: blocks lie apart while a thread has memory ready") {
  PagesAhead ahead;
  std::atomic<bool> is_over{false};
  std::thread beside([&] {
    while (!is_over) {
      if (!ahead.prepare()) std::this_thread::yield();
    }
  });
  check_blocks(4);
  is_over = true;
  beside.join();
  check_blocks(5);
}
}  // namespace tocsin
