#include "cep/record/key_table.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cep/record/arena.h"
#include "cep/record/timers.h"
#include "tests/support/random.h"

namespace tocsin::cep {
using tests::Random;

TEST_CASE("arena: blocks keep their bytes, and the last one freed gives all memory back") {
  struct Block {
    BlockRef ref;
    std::uint32_t words;
    unsigned char mark;
  };
  Random random(11);
  Arena arena;
  std::vector<Block> blocks;
  const auto is_intact = [&](const Block& block) {
    const std::byte* bytes = arena.at(block.ref);
    for (std::size_t i = 0; i < std::size_t{block.words} * 8; ++i) {
      if (bytes[i] != std::byte{block.mark}) return false;
    }
    return true;
  };
  for (int i = 0; i < 4'000; ++i) {
    if (blocks.empty() || random.chance(60)) {
      const auto wanted =
          static_cast<std::uint32_t>(random.between(1, random.chance(5) ? 3'000 : 90));
      const std::uint32_t words = Arena::rounded(wanted);
      REQUIRE(words >= wanted);
      REQUIRE(Arena::rounded(words) == words);
      const Block block{arena.allocate(words), words, static_cast<unsigned char>(i)};
      REQUIRE(block.ref != 0);
      const std::uintptr_t aligned = words % 8 == 0 ? 64 : 8;
      REQUIRE(reinterpret_cast<std::uintptr_t>(arena.at(block.ref)) % aligned == 0);
      std::memset(arena.at(block.ref), block.mark, std::size_t{words} * 8);
      blocks.push_back(block);
    } else {
      const std::size_t at = random.below(blocks.size());
      REQUIRE(is_intact(blocks[at]));
      arena.free(blocks[at].ref, blocks[at].words);
      blocks[at] = blocks.back();
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) {
    REQUIRE(is_intact(block));
    arena.free(block.ref, block.words);
  }
  CHECK(arena.bytes() == 0);
}

TEST_CASE("arena: where blocks were freed here and there, moving some gives memory back") {
  Random random(3);
  for (const std::uint32_t left : {5, 40, 70}) {
    CAPTURE(left);
    Arena arena;
    std::map<BlockRef, std::pair<std::uint32_t, unsigned char>> blocks;
    const auto add = [&](unsigned char mark) {
      const std::uint32_t words = Arena::rounded(static_cast<std::uint32_t>(random.between(1, 60)));
      const BlockRef block = arena.allocate(words);
      REQUIRE(!arena.is_leaving(block));
      std::memset(arena.at(block), mark, std::size_t{words} * 8);
      REQUIRE(blocks.emplace(block, std::pair(words, mark)).second);
      return words;
    };
    for (int i = 0; i < 20'000; ++i) add(static_cast<unsigned char>(i));
    CHECK(!arena.begin_moves());
    for (auto block = blocks.begin(); block != blocks.end();) {
      if (random.below(100) < left) {
        ++block;
        continue;
      }
      arena.free(block->first, block->second.first);
      block = blocks.erase(block);
    }
    const std::size_t before = arena.bytes();
    const bool begun = arena.begin_moves();
    if (left < 60) REQUIRE(begun);
    std::vector<BlockRef> leaving;
    for (const auto& [block, kept] : blocks) {
      if (arena.is_leaving(block)) leaving.push_back(block);
    }
    // Blocks come and go meanwhile.
    for (const BlockRef block : leaving) {
      const auto [words, mark] = blocks.at(block);
      const std::byte* const bytes = arena.at(block);
      for (std::size_t i = 0; i < std::size_t{words} * 8; ++i) {
        REQUIRE(bytes[i] == std::byte{mark});
      }
      blocks.erase(block);
      if (random.chance(90)) {
        const BlockRef to = arena.allocate(words);
        std::memset(arena.at(to), mark, std::size_t{words} * 8);
        blocks.emplace(to, std::pair(words, mark));
      }
      arena.free(block, words);
      if (random.chance(10)) add(1);
    }
    CHECK(!arena.has_leaving());
    CHECK(arena.bytes() <= before);
    if (left < 60) CHECK(arena.bytes() <= arena.live_bytes() * 5 / 3 + (std::size_t{64} << 10));
    for (const auto& [block, kept] : blocks) {
      const std::byte* const bytes = arena.at(block);
      REQUIRE(bytes[0] == std::byte{kept.second});
      REQUIRE(bytes[std::size_t{kept.first} * 8 - 1] == std::byte{kept.second});
      arena.free(block, kept.first);
    }
    CHECK(arena.bytes() == 0);
  }
}

TEST_CASE("key shard: finds what was inserted, through growth, erasure and compaction") {
  Random random(5);
  KeyShard shard;
  std::map<std::string, std::uint64_t> keys;
  for (int i = 0; i < 20'000; ++i) {
    // Short keys stand in the slot, long ones outside; the low bits make all of them one key group.
    std::string key = fmt::format("{}", random.below(3'000));
    if (random.chance(30)) key += std::string(40, 'x');
    const std::uint64_t hash = hash_key(key, 77) & ~std::uint64_t{1023};
    KeySlot* slot = shard.find(hash, key);
    REQUIRE((slot != nullptr) == (keys.count(key) != 0));
    if (slot == nullptr) {
      REQUIRE(shard.key(*shard.insert(hash, key)) == key);
      keys.emplace(key, hash);
    } else if (random.chance(70)) {
      shard.erase(slot);
      keys.erase(key);
    }
    REQUIRE(shard.count() == keys.size());
  }
  for (const auto& [key, hash] : keys) {
    KeySlot* slot = shard.find(hash, key);
    REQUIRE(slot != nullptr);
    shard.erase(slot);
  }
  CHECK(shard.bytes() == 0);
}

TEST_CASE("key shard: gives back the memory of keys that have gone, and keeps the others") {
  Random random(9);
  KeyShard shard;
  std::map<std::string, std::uint64_t> keys;
  // A record says how long it is, and whose.
  const auto words_of = [](const std::byte* record) {
    return *reinterpret_cast<const std::uint32_t*>(record);
  };
  const auto add = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string key = fmt::format("{}{}", i, random.chance(20) ? std::string(30, 'x') : "");
      const std::uint64_t hash = hash_key(key, 77) & ~std::uint64_t{1008};  // one of 16 groups
      KeySlot* const slot = shard.insert(hash, key);
      const std::uint32_t words = Arena::rounded(static_cast<std::uint32_t>(random.between(1, 20)));
      slot->record = shard.arena().allocate(words);
      const std::uint32_t head[] = {words, static_cast<std::uint32_t>(i)};
      std::memcpy(shard.arena().at(slot->record), head, sizeof(head));
      keys.emplace(key, hash);
    }
  };
  add(0, 30'000);
  const std::size_t full = shard.bytes();
  for (auto key = keys.begin(); key != keys.end();) {
    if (random.chance(20)) {
      ++key;
      continue;
    }
    KeySlot* const slot = shard.find(key->second, key->first);
    shard.arena().free(slot->record, words_of(shard.arena().at(slot->record)));
    slot->record = 0;
    shard.erase(slot);
    key = keys.erase(key);
  }
  shard.begin_moves();
  CHECK(shard.has_to_move());
  for (std::uint32_t group = 0; group < kGroupsOfShard; ++group) {
    shard.fit(group);
    shard.move(group, words_of);
    add(30'000 + static_cast<int>(group) * 10, 30'010 + static_cast<int>(group) * 10);
  }
  CHECK(!shard.has_to_move());
  CHECK(!shard.arena().has_leaving());
  CHECK(shard.bytes() * 3 <= full);
  for (const auto& [key, hash] : keys) {
    const KeySlot* const slot = shard.find(hash, key);
    REQUIRE(slot != nullptr);
    REQUIRE(shard.key(*slot) == key);
    const auto* const head = reinterpret_cast<const std::uint32_t*>(shard.arena().at(slot->record));
    REQUIRE(fmt::format("{}", head[1]) == key.substr(0, key.find('x')));
  }
}

TEST_CASE("key hash: its low bits are the key group, whatever the seed") {
  for (const char* key : {"", "c1", "a longer key than a slot holds, by some"}) {
    CAPTURE(key);
    CHECK(group_of_hash(hash_key(key, 1)) == key_group(key));
    CHECK(group_of_hash(hash_key(key, 2)) == key_group(key));
    CHECK(hash_key(key, 1) != hash_key(key, 2));
  }
}

TEST_CASE("timers: fall due in order over queues and heaps") {
  ShardTimers timers({true, false});
  const auto timer = [](std::int64_t deadline, std::uint32_t arrival) {
    return Timer{deadline, 0, 0, arrival, 0};
  };
  for (const std::int64_t deadline : {5, 7, 7, 9}) timers.push(0, timer(deadline, 1));
  for (const std::int64_t deadline : {8, 3, 6, 3}) timers.push(1, timer(deadline, 2));
  CHECK(timers.size() == 8);
  CHECK(timers.next_due_us() == 3);
  std::vector<std::int64_t> due;
  Timer next;
  while (timers.take_due(7, next)) due.push_back(next.deadline_us);
  CHECK(due == std::vector<std::int64_t>{3, 3, 5, 6, 7, 7});
  CHECK(timers.size() == 2);
  while (timers.take_due(1'000, next)) due.push_back(next.deadline_us);
  CHECK(due.back() == 9);
  CHECK(timers.next_due_us() == ShardTimers::kNone);
}

TEST_CASE("key shard: a group's keys are seen once each") {
  KeyShard shard;
  std::set<std::string> keys;
  for (int i = 0; i < 500; ++i) {
    const std::string key = std::to_string(i);
    const std::uint64_t hash = hash_key(key, 7);
    if (shard_of_hash(hash) == 0) {
      shard.insert(hash, key);
      keys.insert(key);
    }
  }
  REQUIRE(keys.size() > 3);
  std::multiset<std::string> seen;
  for (std::uint32_t group = 0; group < kGroupsOfShard; ++group) {
    shard.for_each_of_group(group, [&](const KeySlot& slot) {
      CHECK(group_of_hash(slot.hash).value == group);
      seen.emplace(shard.key(slot));
    });
  }
  CHECK(seen == std::multiset<std::string>(keys.begin(), keys.end()));
}
}  // namespace tocsin::cep
