// The first row of a queue that is beyond bounds (cep/queue/first_beyond.h), beside a search
// through all rows.
#include <doctest/doctest.h>

#include <cstdint>
#include <deque>
#include <vector>

#include "cep/queue/first_beyond.h"
#include "cep/value/value.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::FirstBeyond;
using cep::Ordering;
using cep::Value;

Value random_number(Random& random, std::int64_t most) {
  if (random.chance(3)) return Value::missing();
  return random.chance(30) ? Value::decimal(random.between(0, most) * 10, 1)
                           : Value::integer(random.between(0, most));
}

// Values that rise or fall with the first one, or that have nothing to do with it.
std::vector<Value> random_row(Random& random, const std::vector<int>& along, std::int64_t most) {
  std::vector<Value> row;
  const std::int64_t first = random.between(0, most);
  for (const int way : along) {
    row.push_back(way == 0 ? random_number(random, most) : Value::integer(way * first / 2));
  }
  return row;
}

bool is_beyond_all(const std::vector<FirstBeyond::Side>& sides, const std::vector<Value>& row,
                   const std::vector<Value>& bounds) {
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const Ordering order = compare(row[i], bounds[i]);
    const bool is = order == (sides[i].greater ? Ordering::kGreater : Ordering::kLess) ||
                    (sides[i].or_equal && order == Ordering::kEqual);
    if (!is) return false;
  }
  return true;
}
}  // namespace

TEST_CASE("first beyond: finds the row that a search through all rows finds") {
  std::size_t found = 0;
  std::size_t asked = 0;
  for_all_seeds("PROPERTY", 300, [&](Random& random) {
    std::vector<FirstBeyond::Side> sides(1 + random.below(4));
    std::vector<int> along(sides.size());
    for (FirstBeyond::Side& side : sides) side = {random.chance(50), random.chance(50)};
    for (int& way : along) way = random.chance(20) ? 0 : random.pick({1, 2, 3, -1, -2});
    const std::int64_t most = random.pick({3, 30, 3000});
    const std::size_t kept = random.pick({10, 100, 300, 9000});
    const std::size_t pushes = kept == 9000 ? 14'000 : 600;
    FirstBeyond queue(sides);
    std::deque<std::vector<Value>> rows;
    std::uint64_t begin = 0;
    for (std::size_t i = 0; i < pushes; ++i) {
      rows.push_back(random_row(random, along, most));
      queue.push(rows.back());
      if (rows.size() > kept || random.chance(5)) {
        queue.pop();
        rows.pop_front();
        ++begin;
      }
      if (rows.empty() || !random.chance(kept == 9000 ? 1 : 20)) continue;
      const std::vector<Value> bounds = random_row(random, along, most);
      const std::uint64_t from = begin + (random.chance(50) ? 0 : random.below(rows.size()));
      const std::uint64_t to = begin + rows.size() - (random.chance(50) ? 0 : random.below(2));
      std::uint64_t expected = from;
      while (expected < to && !is_beyond_all(sides, rows[expected - begin], bounds)) ++expected;
      if (from > to) expected = to;
      REQUIRE(queue.first(from, to, bounds) == expected);
      ++asked;
      found += expected < to ? 1 : 0;
    }
  });
  CHECK(10 * found > asked);
  CHECK(10 * (asked - found) > asked);
}

// Work that grows with the square of the rows would take a minute here.
TEST_CASE("first beyond: a range of two values that rise together is found in little work" *
          doctest::skip(is_quick())) {
  constexpr std::int64_t kRows = 100'000;
  FirstBeyond queue({{true, true}, {false, true}});
  Random random(1);
  for (std::int64_t i = 0; i < kRows; ++i) {
    const std::int64_t number = 3 * random.between(0, 1'000'000);
    queue.push(std::vector{Value::integer(number + 1), Value::integer(number)});
  }
  std::size_t found = 0;
  for (std::int64_t i = 0; i < kRows; ++i) {
    // The first value is the greater one, and no number lies between two of three.
    const std::int64_t number = 3 * random.between(0, 1'000'000);
    found +=
        queue.first(0, kRows, std::vector{Value::integer(number + 2), Value::integer(number + 1)}) <
        kRows;
  }
  CHECK(found == 0);
}
}  // namespace tocsin::tests
