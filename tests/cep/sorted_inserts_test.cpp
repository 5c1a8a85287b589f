#include "cep/base/sorted_inserts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/support/random.h"

namespace tocsin::tests {
// Beside a vector that each value is inserted into at once.
TEST_CASE("sorted inserts: the same places, and the same questions, as one insertion at a time") {
  struct Item {
    std::int64_t key = 0;
    std::size_t number = 0;
    bool operator==(const Item&) const = default;
  };
  for_all_seeds("SORTED_INSERTS", 300, [&](Random& random) {
    std::size_t number = 0;
    const std::int64_t keys = random.between(1, 40);
    const auto fresh = [&] { return Item{random.between(0, keys), ++number}; };
    std::vector<Item> items;
    for (std::uint64_t i = random.below(60); i > 0; --i) items.push_back(fresh());
    std::ranges::stable_sort(items, {}, &Item::key);
    std::vector<Item> plain = items;
    for (int round = 0; round < 3; ++round) {
      cep::SortedInserts<Item> inserts(items);
      for (std::uint64_t i = random.below(40); i > 0; --i) {
        const Item value = fresh();
        std::vector<std::size_t> asked;
        std::vector<std::size_t> asked_plain;
        const auto comes_first = [](std::vector<std::size_t>& of) {
          return [&of](const Item& a, const Item& b) {
            of.push_back(b.number);
            return a.key < b.key;
          };
        };
        const std::size_t place = inserts.upper_bound(value, comes_first(asked));
        const auto plain_place =
            std::upper_bound(plain.begin(), plain.end(), value, comes_first(asked_plain));
        REQUIRE(place == static_cast<std::size_t>(plain_place - plain.begin()));
        REQUIRE(asked == asked_plain);
        inserts.insert(place, value);
        plain.insert(plain_place, value);
        REQUIRE(inserts.size() == plain.size());
        for (std::size_t at = 0; at < plain.size(); ++at) REQUIRE(inserts.at(at) == plain[at]);
      }
      inserts.finish();
      REQUIRE(items == plain);
    }
  });
}
}  // namespace tocsin::tests
