#include "runtime/unique/recent_ids.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <deque>

#include "tests/support/random.h"

namespace tocsin::runtime {
TEST_CASE("recent ids: as a plain list, with any seed") {
  tests::for_all_seeds("RECENT_IDS", 40, [](tests::Random& random) {
    RecentIds ids(random.next());
    std::deque<RecentIds::Entry> list;
    const std::size_t most = random.pick({std::size_t{3}, std::size_t{100}, std::size_t{9'000}});
    const std::uint64_t different = 2 * most;
    const std::size_t steps = most > 1'000 ? 30'000 : 2'000;
    std::int64_t now = 0;
    for (std::size_t step = 0; step < steps; ++step) {
      now += random.between(0, 2);
      const IdBits id = {random.next() % different, 7};
      const auto is_id = [&](const RecentIds::Entry& entry) { return entry.id == id; };
      if (random.chance(most > 1'000 ? 2 : 50)) {  // the plain list is slow
        const auto known = std::find_if(list.begin(), list.end(), is_id);
        const RecentIds::Entry* const found = ids.find(id, ids.hash_of(id));
        REQUIRE((found != nullptr) == (known != list.end()));
        if (found != nullptr) REQUIRE(found->time == known->time);
      }
      if (ids.take({now}, id, ids.hash_of(id))) {
        if (most <= 1'000) REQUIRE(std::none_of(list.begin(), list.end(), is_id));
        list.push_back({{now}, id});
      } else if (most <= 1'000) {
        REQUIRE(std::any_of(list.begin(), list.end(), is_id));
      }
      while (list.size() > most || (!list.empty() && random.chance(40))) {
        ids.forget_oldest();
        list.pop_front();
      }
      REQUIRE(ids.size() == list.size());
      if (list.empty()) {
        REQUIRE(ids.bytes() == 0);
        continue;
      }
      const std::size_t place = random.below(list.size());
      REQUIRE(ids.at(place).id == list[place].id);
      REQUIRE(ids.at(place).time == list[place].time);
      REQUIRE(ids.oldest().id == list.front().id);
    }
  });
}

TEST_CASE("recent ids: memory follows what is known") {
  tests::Random random(1);
  RecentIds ids(5);
  constexpr std::size_t kIds = 300'000;
  for (std::size_t i = 0; i < kIds; ++i) {
    const IdBits id = {random.next(), random.next()};
    REQUIRE(ids.take({static_cast<std::int64_t>(i)}, id, ids.hash_of(id)));
  }
  // 24 bytes in the ring, 4 and 8 bits in an index of which 40 to 81 % is used.
  CHECK(ids.bytes() > kIds * 30);
  CHECK(ids.bytes() < kIds * 38);
  while (ids.size() > 1'000) ids.forget_oldest();
  CHECK(ids.bytes() < 250'000);
  while (ids.size() > 0) ids.forget_oldest();
  CHECK(ids.bytes() == 0);
}
}  // namespace tocsin::runtime
