// The index by values and ranges against looking at each atom.
#include "cep/compile/value_index.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <vector>

#include "tests/support/random.h"

namespace tocsin::tests {
TEST_CASE("value index: gives the atoms of a word, of a text") {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const std::size_t count = random.below(60);
    const std::int64_t values = random.between(1, 80);
    cep::ValueIndex words;
    cep::ValueIndex texts;
    std::vector<std::pair<std::int64_t, std::uint32_t>> all;
    const auto text_of = [](std::int64_t value) {
      return value % 3 == 0 ? fmt::format("a rather long text {}", value)
                            : fmt::format("{}", value);
    };
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t value = random.between(0, values);
      const auto atom = static_cast<std::uint32_t>(random.below(20));
      all.emplace_back(value, atom);
      words.add(value - 40, atom);
      texts.add(text_of(value), atom);
    }
    words.finish();
    texts.finish();
    CHECK(words.empty() == all.empty());
    for (std::int64_t value = 0; value <= values + 1; ++value) {
      std::set<std::uint32_t> expected;
      for (const auto& [of, atom] : all) {
        if (of == value) expected.insert(atom);
      }
      const std::vector<std::uint32_t> wanted(expected.begin(), expected.end());
      CHECK(std::ranges::equal(words.of_word(value - 40), wanted));
      CHECK(std::ranges::equal(texts.of_text(text_of(value)), wanted));
    }
    CHECK(texts.of_text("").empty());
  }
}

TEST_CASE("range index: gives the ranges that hold a word") {
  Random random(2);
  for (int round = 0; round < 300; ++round) {
    const std::size_t count = random.below(40);
    cep::RangeIndex index;
    std::vector<std::pair<std::int64_t, std::int64_t>> all;
    for (std::uint32_t i = 0; i < count; ++i) {
      std::int64_t low = random.between(-20, 20);
      std::int64_t high = low + random.between(0, 15);
      if (random.chance(20)) low = std::numeric_limits<std::int64_t>::min();
      if (random.chance(20)) high = std::numeric_limits<std::int64_t>::max();
      all.emplace_back(low, high);
      index.add(low, high, i);
    }
    index.finish();
    for (std::int64_t word = -25; word <= 40; ++word) {
      std::vector<std::uint32_t> found;
      index.for_each(word, [&](std::uint32_t atom) { found.push_back(atom); });
      std::sort(found.begin(), found.end());
      std::vector<std::uint32_t> expected;
      for (std::uint32_t i = 0; i < count; ++i) {
        if (all[i].first <= word && word <= all[i].second) expected.push_back(i);
      }
      CHECK(found == expected);
    }
  }
}
}  // namespace tocsin::tests
