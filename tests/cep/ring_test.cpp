// A queue whose elements keep their numbers, against a map.
#include "cep/queue/ring.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "tests/support/random.h"

namespace tocsin::tests {
TEST_CASE("ring: elements keep their numbers, whatever leaves at either end") {
  for_all_seeds("ring", 300, [](Random& random) {
    cep::Ring<std::array<std::uint64_t, 5>> ring;
    cep::Ring<std::unique_ptr<std::uint64_t>> owned;
    std::map<std::uint64_t, std::uint64_t> expected;
    std::uint64_t next = 0;  // number
    std::uint64_t begin = 0;
    const std::size_t grows = random.below(50) + 25;  // percent
    const auto check = [&](std::uint64_t number) {
      REQUIRE(ring[number][3] == expected.at(number));
      REQUIRE(*owned[number] == expected.at(number));
    };
    for (int round = 0; round < 600; ++round) {
      if (random.chance(grows)) {
        for (std::uint64_t i = random.below(8); i > 0; --i) {
          const std::uint64_t value = random.next();
          ring.push({value, value, value, value, value});
          owned.push(std::make_unique<std::uint64_t>(value));
          expected[next++] = value;
        }
      } else if (random.chance(80)) {
        for (std::uint64_t i = random.below(12); i > 0 && !expected.empty(); --i) {
          ring.pop();
          owned.pop();
          expected.erase(begin++);
        }
      } else if (!expected.empty()) {
        ring.pop_back();
        owned.pop_back();
        expected.erase(--next);
      }
      if (random.chance(5)) {
        auto moved = std::move(ring);
        ring = std::move(moved);
      }
      REQUIRE(ring.begin() == begin);
      REQUIRE(ring.end() == next);
      REQUIRE(ring.size() == expected.size());
      REQUIRE(ring.empty() == expected.empty());
      if (expected.empty()) continue;
      check(begin);
      check(next - 1);
      check(begin + random.below(expected.size()));
      REQUIRE(ring.front()[0] == expected.begin()->second);
      REQUIRE(*owned.back() == expected.rbegin()->second);
    }
    for (const auto& [number, value] : expected) check(number);
  });
}

TEST_CASE("ring: what has left holds nothing") {
  cep::Ring<std::shared_ptr<int>> ring;
  const auto one = std::make_shared<int>(1);
  for (int i = 0; i < 100; ++i) ring.push(one);
  CHECK(one.use_count() == 101);
  for (int i = 0; i < 50; ++i) ring.pop();
  for (int i = 0; i < 7; ++i) ring.pop_back();
  CHECK(one.use_count() == 44);
  CHECK(ring.first([&](const std::shared_ptr<int>&) { return true; }) == 50);
  while (!ring.empty()) ring.pop();
  CHECK(one.use_count() == 1);
}
}  // namespace tocsin::tests
