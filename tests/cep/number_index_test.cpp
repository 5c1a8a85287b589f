#include "cep/base/number_index.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "tests/support/random.h"

namespace tocsin {
namespace {
// Things are their hashes, by number.
struct Hashes {
  std::vector<std::uint64_t> by_number;
  void prefetch(std::uint32_t) const {}
  std::uint64_t hash_of(std::uint32_t number) const { return by_number[number]; }
};
// All numbers that the index may mean by a hash.
std::set<std::uint32_t> meant(const NumberIndex& index, std::uint64_t hash) {
  std::set<std::uint32_t> numbers;
  CHECK_FALSE(index.find(hash, [&](std::uint32_t number) {
    CHECK(numbers.insert(number).second);
    return false;
  }));
  return numbers;
}
}  // namespace

TEST_CASE("number index: finds what is there, as a plain set does") {
  tests::for_all_seeds("NUMBER_INDEX", 60, [](tests::Random& random) {
    NumberIndex index;
    Hashes hashes;
    std::set<std::uint32_t> there;
    // Few different hashes, or such that begin alike, make long ways through full lines.
    const std::uint64_t mask = random.pick({~std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{7},
                                            ~std::uint64_t{0} >> 50, ~std::uint64_t{0} << 50});
    const std::size_t most = random.pick({std::size_t{5}, std::size_t{40}, std::size_t{700}});
    const std::size_t steps = 3 * most + 50;
    for (std::size_t step = 0; step < steps; ++step) {
      const bool grows = there.size() < 2 || (there.size() < most && random.chance(60));
      if (grows) {
        const auto number = static_cast<std::uint32_t>(hashes.by_number.size());
        hashes.by_number.push_back(random.next() & mask);
        index.insert(hashes.hash_of(number), number, hashes);
        there.insert(number);
      } else {
        const auto at =
            there.lower_bound(static_cast<std::uint32_t>(random.below(hashes.by_number.size())));
        if (at == there.end()) continue;
        const std::uint32_t number = *at;
        there.erase(at);
        index.erase(hashes.hash_of(number), number, hashes);
      }
      REQUIRE(index.count() == there.size());
      const auto asked = static_cast<std::uint32_t>(random.below(hashes.by_number.size()));
      REQUIRE((meant(index, hashes.hash_of(asked)).count(asked) != 0) == there.contains(asked));
    }
    for (const std::uint32_t number : there) {
      REQUIRE(meant(index, hashes.hash_of(number)).contains(number));
    }
    index.clear();
    CHECK(index.bytes() == 0);
    CHECK(index.count() == 0);
  });
}

TEST_CASE("number index: many numbers are in parts, and few in one again") {
  tests::Random random(3);
  NumberIndex index;
  Hashes hashes;
  constexpr std::uint32_t kNumbers = 100'000;
  for (std::uint32_t number = 0; number < kNumbers; ++number) {
    hashes.by_number.push_back(random.next());
    index.insert(hashes.hash_of(number), number, hashes);
    if (number % 997 == 0) {
      const auto asked = static_cast<std::uint32_t>(random.below(number + 1));
      REQUIRE(meant(index, hashes.hash_of(asked)).contains(asked));
    }
  }
  for (std::uint32_t number = 0; number < kNumbers; ++number) {
    REQUIRE(meant(index, hashes.hash_of(number)).contains(number));
  }
  CHECK(index.bytes() < std::size_t{kNumbers} * 14);
  for (std::uint32_t number = 0; number < kNumbers; ++number) {
    index.erase(hashes.hash_of(number), number, hashes);
    REQUIRE_FALSE(meant(index, hashes.hash_of(number)).contains(number));
    if (number % 997 == 0 && number + 1 < kNumbers) {
      const std::uint32_t left =
          number + 1 + static_cast<std::uint32_t>(random.below(kNumbers - number - 1));
      REQUIRE(meant(index, hashes.hash_of(left)).contains(left));
    }
    if (index.count() == 100) CHECK(index.bytes() < 4'000);
  }
  CHECK(index.bytes() == 0);
}

TEST_CASE("number index: more numbers of one hash than a line can count are found") {
  NumberIndex index;
  Hashes hashes;
  constexpr std::uint32_t kNumbers = 8'000;
  for (std::uint32_t number = 0; number < kNumbers; ++number) {
    hashes.by_number.push_back(42);
    index.insert(42, number, hashes);
  }
  CHECK(meant(index, 42).size() == kNumbers);
  for (std::uint32_t number = 0; number < kNumbers; number += 2) index.erase(42, number, hashes);
  CHECK(meant(index, 42).size() == kNumbers / 2);
  CHECK(meant(index, 43).empty());
}
}  // namespace tocsin
