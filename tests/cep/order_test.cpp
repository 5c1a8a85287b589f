#include "cep/value/order.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tocsin::cep {
TEST_CASE("order: time, phase, arrival, level, rule, role, key, ordinal decide in turn") {
  // Each is after the one before it by one member, and before it by all that follow.
  const std::vector<OrderKey> ascending = {
      {{-1}, Phase::kEvent, {9, 9}, 9, 9, 9, "z", 9},
      {{0}, Phase::kTimer, {9, 9}, 9, 9, 9, "z", 9},
      {{0}, Phase::kEvent, {0, 9}, 9, 9, 9, "z", 9},
      {{0}, Phase::kEvent, {1, 0}, 9, 9, 9, "z", 9},
      {{0}, Phase::kEvent, {1, 1}, 0, 9, 9, "z", 9},
      {{0}, Phase::kEvent, {1, 1}, 1, 0, 9, "z", 9},
      {{0}, Phase::kEvent, {1, 1}, 1, 1, 0, "z", 9},
      {{0}, Phase::kEvent, {1, 1}, 1, 1, 1, "", 9},
      {{0}, Phase::kEvent, {1, 1}, 1, 1, 1, "a", 9},
      {{0}, Phase::kEvent, {1, 1}, 1, 1, 1, "a\xff", 9},
      {{0}, Phase::kEvent, {1, 1}, 1, 1, 1, "b", 0},
      {{0}, Phase::kEvent, {1, 1}, 1, 1, 1, "b", 1},
      {{0}, Phase::kEvent, {1, 1}, 1, 1, 1, "\xc3", 0},
  };
  std::vector<OrderKey> shuffled = ascending;
  std::mt19937 random(1);
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  std::sort(shuffled.begin(), shuffled.end());
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    CAPTURE(i);
    CHECK((shuffled[i] == ascending[i]));
  }
}
}  // namespace tocsin::cep
