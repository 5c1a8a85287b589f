#include "rules/text/suggest.h"

#include <doctest/doctest.h>

#include <vector>

namespace tocsin::tests {
TEST_CASE("suggest: edits are counted, swaps as one, case not at all") {
  struct Row {
    const char* a;
    const char* b;
    std::size_t edits;
  };
  constexpr Row kRows[] = {
      {"", "", 0},
      {"a", "", 1},
      {"amount", "amount", 0},
      {"amout", "amount", 1},
      {"amuont", "amount", 1},
      {"Amount", "amount", 0},
      {"ca", "abc", 3},
      {"kitten", "sitting", 3},
      {"abc", "xyz", 3},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.a);
    CAPTURE(row.b);
    CHECK(rules::edit_distance(row.a, row.b, 10) == row.edits);
    CHECK(rules::edit_distance(row.b, row.a, 10) == row.edits);
  }
  CHECK(rules::edit_distance("kitten", "sitting", 2) == 3);
  CHECK(rules::edit_distance("a", "abcdef", 2) == 3);
}

TEST_CASE("suggest: the nearest name, when it is near") {
  const std::vector<std::string> names = {"amount", "account", "card", "channel", "ip", "ts"};
  struct Row {
    const char* name;
    const char* nearest;  // empty: none
  };
  constexpr Row kRows[] = {
      {"amout", "amount"},
      {"acccount", "account"},
      {"crad", "card"},
      {"chanel", "channel"},
      {"CARD", "card"},
      {"card", ""},
      {"merchant", ""},
      {"x", ""},
      {"tz", "ts"},
      {"zip", "ip"},
      {"", ""},
      {"cart", "card"},
      {"amounts", "amount"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(rules::nearest(row.name, names).value_or("") == row.nearest);
  }
}
}  // namespace tocsin::tests
