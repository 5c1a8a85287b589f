// mode and entropy beyond what random windows show: every distribution of few values, large counts,
// many different values, and the limit of windows that grow.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cep/aggregate/entropy.h"
#include "cep/aggregate/feature_window.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "tests/support/oracle_aggregate.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::cep {
namespace {
template <typename Range>
Feature feature_of(Aggregate aggregate, TypeKind type, Range range) {
  Feature feature;
  feature.aggregate = aggregate;
  feature.window.range = range;
  auto argument = std::make_shared<Expr>();
  argument->op = Op::kField;
  argument->type = tests::type_of(type);
  feature.argument = argument;
  return feature;
}

double bits_of(const std::vector<std::uint64_t>& counts) {
  EntropySum sum;
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts) {
    sum.change(0, count);
    total += count;
  }
  return sum.bits(total);
}

// Calls `visit` for every way to write `rest` as a sum of numbers, each at most `most`.
void for_each_partition(std::uint64_t rest, std::uint64_t most, std::vector<std::uint64_t>& counts,
                        const std::function<void()>& visit) {
  if (rest == 0) return visit();
  for (std::uint64_t count = std::min(rest, most); count > 0; --count) {
    counts.push_back(count);
    for_each_partition(rest - count, count, counts, visit);
    counts.pop_back();
  }
}
}  // namespace

TEST_CASE("entropy: every distribution of up to 18 values gives the float nearest to its bits") {
  std::size_t tried = 0;
  for (std::uint64_t count = 1; count <= 18; ++count) {
    std::vector<std::uint64_t> counts;
    for_each_partition(count, count, counts, [&] {
      std::vector<Value> values;
      for (std::size_t i = 0; i < counts.size(); ++i) {
        values.insert(values.end(), counts[i], Value::integer(static_cast<Int128>(i)));
      }
      const Value wanted =
          oracle::aggregate(Aggregate::kEntropy, tests::type_of(TypeKind::kFloat), values, {});
      REQUIRE(bits_of(counts) == wanted.real);
      ++tried;
    });
  }
  CHECK(tried == 1'596);
}

TEST_CASE("entropy: exact where it is a whole number, 0 where all values are equal") {
  for (const std::uint64_t each : {1ULL, 3ULL, 7ULL, 1'023ULL, 1'025ULL, 99'999ULL, 1ULL << 33}) {
    CAPTURE(each);
    CHECK(bits_of({each}) == 0);
    CHECK(bits_of({each, each}) == 1);
    CHECK(bits_of({each, each, each, each}) == 2);
    CHECK(bits_of(std::vector<std::uint64_t>(64, each)) == 6);
  }
  CHECK(bits_of({(1ULL << 40) - 1, 1}) > 0);
}

TEST_CASE("entropy: what came and went leaves no trace") {
  tests::for_all_seeds("entropy_traces", 200, [](tests::Random& random) {
    EntropySum sum;
    std::map<std::size_t, std::uint64_t> counts;
    std::uint64_t total = 0;
    for (int i = 0; i < 400; ++i) {
      std::uint64_t& count = counts[random.below(30)];
      const std::uint64_t before = count;
      count = random.chance(30) ? 0 : random.below(random.chance(10) ? 5'000 : 5);
      sum.change(before, count);
      total = total - before + count;
    }
    if (total == 0) return;
    std::vector<std::uint64_t> left;
    for (const auto& entry : counts) left.push_back(entry.second);
    CHECK(sum.bits(total) == bits_of(left));
  });
}

TEST_CASE("mode and entropy: a window of thousands of values, against all of them at each read") {
  for (const Aggregate aggregate : {Aggregate::kMode, Aggregate::kEntropy}) {
    CAPTURE(aggregate_name(aggregate));
    Plan plan;
    const Feature feature = feature_of(aggregate, TypeKind::kString, LastEventsWindow{3'000});
    const WindowSpec spec = make_window_spec(plan, feature, 1'000'000);
    WindowPool pool(3);
    const std::uint32_t number = pool.make(spec);
    std::deque<std::string> texts;
    tests::Random random(5);
    for (std::int64_t i = 0; i < 9'000; ++i) {
      // Some are frequent for a while.
      texts.push_back(random.chance(20) ? fmt::format("often {}", i / 1'500)
                                        : fmt::format("device {}", random.below(4'000)));
      if (texts.size() > 3'000) texts.pop_front();
      const auto word = word_of(Value::string(texts.back()), spec, pool.memory());
      pool.at(number).take(EventTime{i}, *word);
      if (i % 500 != 499) continue;
      std::map<std::string, std::uint64_t> counts;
      for (const std::string& text : texts) ++counts[text];
      const Value got = pool.at(number).read(EventTime{i}, nullptr);
      if (aggregate == Aggregate::kMode) {
        const auto most =
            std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
        CHECK(got.text == most->first);
      } else {
        std::vector<std::uint64_t> times;
        for (const auto& entry : counts) times.push_back(entry.second);
        CHECK(got.real == bits_of(times));
        CHECK(got.real > 5);
      }
    }
    pool.free(number);
    CHECK(pool.memory().texts.count() == 0);
  }
}

TEST_CASE("mode and entropy: a window that grows loses values beyond its limit, and says so") {
  for (const Aggregate aggregate : {Aggregate::kMode, Aggregate::kEntropy}) {
    CAPTURE(aggregate_name(aggregate));
    Plan plan;
    const Feature feature = feature_of(aggregate, TypeKind::kInt, EverWindow());
    const WindowSpec spec = make_window_spec(plan, feature, 4);
    WindowPool pool(3);
    const std::uint32_t number = pool.make(spec);
    for (const std::int64_t value : {5, 6, 7, 8, 9, 9, 9, 8, 5}) {
      pool.at(number).take(EventTime{0}, value);
    }
    CHECK(pool.memory().events_lost == 3);
    const Value got = pool.at(number).read(EventTime{0}, nullptr);
    if (aggregate == Aggregate::kMode) {
      CHECK(got.number == 5);
    } else {
      CHECK(got.real == bits_of({2, 1, 1, 2}));
    }
  }
}
}  // namespace tocsin::cep
