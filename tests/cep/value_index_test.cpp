// The index by values and ranges against looking at each atom.
#include "cep/compile/value_index.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::ValueIndex;
using cep::WordBound;

template <typename Visit>
void for_each_group(const ValueIndex& index, std::uint64_t key, Visit&& visit) {
  const std::uint32_t first = index.find(key);
  if (first != ValueIndex::kNowhere) CHECK(index.may_have(key));
  for (std::uint32_t place = first; place != ValueIndex::kNowhere; place = index.next(place)) {
    visit(place);
  }
}

// The numbers that the index gives for a value, without regard to bounds, ascending.
template <typename Value>
std::vector<std::uint32_t> numbers_of(const ValueIndex& index, const Value& value) {
  std::vector<std::uint32_t> found;
  if (index.empty()) return found;
  for_each_group(index, ValueIndex::key_of(value), [&](std::uint32_t place) {
    if constexpr (std::is_convertible_v<Value, std::string_view>) {
      if (!index.is_of_text(place, value)) return;
    }
    const auto numbers = index.numbers_of(index.group(place));
    found.insert(found.end(), numbers.begin(), numbers.end());
  });
  std::sort(found.begin(), found.end());
  return found;
}
}  // namespace

TEST_CASE("value index: gives the numbers of a word, of a text") {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const std::size_t count = random.below(60);
    const std::int64_t values = random.between(1, 80);
    ValueIndex words;
    ValueIndex texts;
    std::vector<std::pair<std::int64_t, std::uint32_t>> all;
    const auto text_of = [](std::int64_t value) {
      return value % 3 == 0 ? fmt::format("a rather long text {}", value)
                            : fmt::format("{}", value);
    };
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t value = random.between(0, values);
      const auto number = static_cast<std::uint32_t>(random.below(20));
      all.emplace_back(value, number);
      words.add(value - 40, number);
      texts.add(text_of(value), number);
    }
    const auto bound_of = [](std::uint32_t number) {
      return number % 4 == 0 ? WordBound{} : WordBound::lower(number % 2, number);
    };
    words.finish(bound_of);
    texts.finish(bound_of);
    CHECK(words.empty() == all.empty());
    for (std::int64_t value = 0; value <= values + 1; ++value) {
      std::set<std::uint32_t> expected;
      for (const auto& [of, number] : all) {
        if (of == value) expected.insert(number);
      }
      const std::vector<std::uint32_t> wanted(expected.begin(), expected.end());
      CHECK(numbers_of(words, value - 40) == wanted);
      CHECK(numbers_of(texts, text_of(value)) == wanted);
    }
    CHECK(numbers_of(texts, std::string()).empty());
  }
}

TEST_CASE("value index: knows every word, also those like the mark of empty places") {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  const std::vector<std::int64_t> words = {kLeast, kLeast + 1, 0, -1, 1};
  ValueIndex index;
  for (std::uint32_t i = 0; i < words.size(); ++i) index.add(words[i], i);
  index.finish([](std::uint32_t) { return WordBound{}; });
  for (std::uint32_t i = 0; i < words.size(); ++i) {
    CHECK(numbers_of(index, words[i]) == std::vector<std::uint32_t>{i});
  }
  CHECK(numbers_of(index, kLeast + 2).empty());
  CHECK(numbers_of(index, std::int64_t{2}).empty());
}

TEST_CASE("value index: a value's numbers are in groups by kind of bound, the widest bound first") {
  Random random(3);
  for (int round = 0; round < 100; ++round) {
    std::vector<WordBound> bounds;
    ValueIndex index;
    const auto count = static_cast<std::uint32_t>(random.between(1, 30));
    for (std::uint32_t number = 0; number < count; ++number) {
      const auto field = static_cast<std::uint32_t>(random.below(2));
      const std::int64_t word = random.between(-9, 9);
      bounds.push_back(random.chance(20)   ? WordBound{}
                       : random.chance(50) ? WordBound::lower(field, word)
                                           : WordBound::upper(field, word));
      index.add("shop", number);
    }
    index.finish([&](std::uint32_t number) { return bounds[number]; });
    std::set<std::uint32_t> kinds;
    std::size_t found = 0;
    for_each_group(index, ValueIndex::key_of("shop"), [&](std::uint32_t place) {
      const ValueIndex::Group& group = index.group(place);
      const auto numbers = index.numbers_of(group);
      CHECK(kinds.insert(group.bound().kind).second);
      CHECK(group.bound() == bounds[numbers.front()]);
      found += numbers.size();
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        CHECK(bounds[numbers[i]].kind == group.bound().kind);
        if (i > 0) CHECK(bounds[numbers[i - 1]] <= bounds[numbers[i]]);
      }
      // What the first bound does not admit, none does.
      for (std::int64_t word = -10; word <= 10; ++word) {
        for (std::size_t i = 1; i < numbers.size(); ++i) {
          CHECK((bounds[numbers[i - 1]].admits(word) || !bounds[numbers[i]].admits(word)));
        }
      }
    });
    CHECK(found == count);
  }
}

TEST_CASE("word bound: a lower and an upper end") {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t end :
       {kLeast, std::int64_t{-1}, std::int64_t{0}, std::int64_t{7}, kMost}) {
    const WordBound lower = WordBound::lower(3, end);
    const WordBound upper = WordBound::upper(3, end);
    CHECK(lower.field() == 3);
    CHECK(upper.field() == 3);
    CHECK(lower.kind != upper.kind);
    for (const std::int64_t word :
         {kLeast, std::int64_t{-1}, std::int64_t{0}, std::int64_t{7}, kMost}) {
      CHECK(lower.admits(word) == (word >= end));
      CHECK(upper.admits(word) == (word <= end));
    }
  }
  CHECK(!WordBound{}.has_field());
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
