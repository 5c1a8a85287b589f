// The order of partial matches (cep/queue/classed_list.h) against plain vectors.
#include "cep/queue/classed_list.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::ClassedList;

// The places from `at` on, each with the one behind it.
template <typename Next>
std::vector<std::uint32_t> listed(std::uint32_t at, Next&& next) {
  std::vector<std::uint32_t> out;
  for (; at != ClassedList::kNone; at = next(at)) out.push_back(at);
  return out;
}
std::vector<std::uint32_t> listed(const ClassedList& list) {
  return listed(list.front(), [&](std::uint32_t at) { return list.next(at); });
}
std::vector<std::uint32_t> listed_of_part(const ClassedList& list, std::uint32_t part) {
  return listed(list.front_of_part(part), [&](std::uint32_t at) { return list.next_in_part(at); });
}
std::vector<std::uint32_t> listed_of_class(const ClassedList& list, std::uint32_t of_class) {
  return listed(list.front_of(of_class), [&](std::uint32_t at) { return list.next_in_class(at); });
}
void check_order(const ClassedList& list, const std::vector<std::uint32_t>& places) {
  REQUIRE(listed(list) == places);
  REQUIRE(list.size() == places.size());
  REQUIRE(std::ranges::is_sorted(
      places, [&](std::uint32_t a, std::uint32_t b) { return list.precedes(a, b); }));
}
}  // namespace

TEST_CASE("classed list: places keep their order and classes, whatever is added and erased") {
  constexpr std::uint32_t kClasses = 3;
  constexpr std::uint32_t kKeys = 4;  // of the parts of the last class
  for_all_seeds("CLASSED_LIST", 200, [&](Random& random) {
    ClassedList list(kClasses);
    std::vector<std::uint32_t> order;
    std::vector<std::vector<std::uint32_t>> classes(kClasses);
    std::vector<std::vector<std::uint32_t>> parts(kKeys);
    for (int i = 0; i < 200; ++i) {
      if (order.empty() || random.chance(60)) {
        const std::size_t before = random.below(order.size() + 1);
        const std::uint32_t place =
            list.insert(before == order.size() ? ClassedList::kNone : order[before]);
        order.insert(order.begin() + static_cast<std::ptrdiff_t>(before), place);
        const auto of_class = static_cast<std::uint32_t>(random.below(kClasses));
        classes[of_class].push_back(place);
        if (of_class + 1 < kClasses) {
          list.join(place, of_class);
        } else {
          const std::size_t key = random.below(kKeys);
          list.join(place, of_class, key);
          parts[key].push_back(place);
        }
      } else {
        const std::uint32_t place = order[random.below(order.size())];
        list.erase(place);
        std::erase(order, place);
        for (std::vector<std::uint32_t>& places : classes) std::erase(places, place);
        for (std::vector<std::uint32_t>& places : parts) std::erase(places, place);
      }
    }
    check_order(list, order);
    for (std::uint32_t i = 0; i < kClasses; ++i) {
      REQUIRE(listed_of_class(list, i) == classes[i]);
      REQUIRE(list.size_of(i) == classes[i].size());
    }
    REQUIRE(list.class_count() == kClasses);
    for (std::uint32_t key = 0; key < kKeys; ++key) {
      const std::uint32_t part = list.part_of(kClasses - 1, key);
      REQUIRE((part == ClassedList::kNone) == parts[key].empty());
      REQUIRE(list.part_of(0, key) == ClassedList::kNone);
      if (part == ClassedList::kNone) continue;
      REQUIRE(listed_of_part(list, part) == parts[key]);
      REQUIRE(list.size_of_part(part) == parts[key].size());
    }
  });
}

TEST_CASE("classed list: there is always room before a place") {
  ClassedList list(1);
  std::vector<std::uint32_t> order = {list.insert(ClassedList::kNone),
                                      list.insert(ClassedList::kNone)};
  for (int i = 0; i < 300; ++i) order.insert(order.begin() + 1, list.insert(order[1]));
  check_order(list, order);
}
}  // namespace tocsin::tests
