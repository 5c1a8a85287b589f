// What many values are counted by: their errors, and the way between exact values and sketches.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <vector>

#include "cep/aggregate/counted_words.h"
#include "cep/aggregate/distinct_sketch.h"
#include "cep/aggregate/feature_window.h"
#include "cep/aggregate/quantile.h"
#include "cep/plan/feature.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::cep {
namespace {
constexpr double kErrorMax = 0.02;

double error_of(double estimate, double exact) {
  return std::fabs(estimate - exact) / std::fabs(exact);
}
Feature feature_of(Aggregate aggregate, TypeKind type) {
  Feature feature;
  feature.aggregate = aggregate;
  feature.percentile = 95;
  auto argument = std::make_shared<Expr>();
  argument->op = Op::kField;
  argument->type = tests::type_of(type);
  feature.argument = argument;
  return feature;
}
}  // namespace

TEST_CASE("sketch: the number of different values is within 2 %, whatever their order") {
  for (const std::uint64_t count : {1'025U, 5'000U, 60'000U, 300'000U}) {
    CAPTURE(count);
    DistinctSketch numbers(std::pmr::get_default_resource());
    DistinctSketch backwards(std::pmr::get_default_resource());
    DistinctSketch texts(std::pmr::get_default_resource());
    for (std::uint64_t i = 0; i < count; ++i) {
      numbers.add(sketch_hash(static_cast<std::int64_t>(i)));
      numbers.add(sketch_hash(static_cast<std::int64_t>(i / 2)));
      backwards.add(sketch_hash(static_cast<std::int64_t>(count - 1 - i)));
      texts.add(sketch_hash(fmt::format("card-{}", i)));
    }
    const auto exact = static_cast<double>(count);
    CHECK(error_of(static_cast<double>(numbers.estimate()), exact) < kErrorMax);
    CHECK(error_of(static_cast<double>(texts.estimate()), exact) < kErrorMax);
    CHECK(backwards.estimate() == numbers.estimate());
  }
}

TEST_CASE("sketch: percentiles are within 2 %, also after values were taken away") {
  tests::for_all_seeds("sketch", 10, [](tests::Random& random) {
    QuantileSketch sketch(std::pmr::get_default_resource());
    std::vector<double> values;
    for (int i = 0; i < 3'000; ++i) {
      const double size = std::ldexp(static_cast<double>(random.between(1, 1'000'000)),
                                     static_cast<int>(random.between(-20, 20)));
      values.push_back(random.chance(30) ? -size : size);
      sketch.add(values.back());
    }
    for (int i = 0; i < 1'000; ++i) {
      sketch.remove(values.back());
      values.pop_back();
    }
    std::sort(values.begin(), values.end());
    for (const double percent : {0.1, 25.0, 50.0, 95.0, 99.9, 100.0}) {
      const std::uint64_t rank = nearest_rank(percent, values.size());
      CHECK(error_of(sketch.value_at(rank), values[rank - 1]) < kErrorMax);
    }
  });
}

TEST_CASE("sketch: a percentile is exact up to 1,024 values, however their number came about") {
  for (const bool panes : {false, true}) {
    CAPTURE(panes);
    Plan plan;
    Feature feature = feature_of(Aggregate::kPercentile, TypeKind::kInt);
    LastWindow last{Duration{1'000'000}};
    if (panes) last.every = Duration{100'000};
    feature.window.range = last;
    const WindowSpec spec = make_window_spec(plan, feature, 1'000'000);
    WindowPool pool(7);
    const std::uint32_t number = pool.make(spec);
    tests::Random random(11);
    std::deque<std::pair<std::int64_t, std::int64_t>> events;
    std::int64_t now = 0;
    std::size_t exact = 0;
    std::size_t estimated = 0;
    for (int i = 0; i < 20'000; ++i) {
      // Bursts and lulls: the window has from some hundred to some thousand events.
      const bool is_burst = i / 2'500 % 2 == 0;
      now += is_burst ? random.between(0, 500) : random.between(500, 4'000);
      const std::int64_t value = random.between(100, 1'000'000);
      events.emplace_back(now, value);
      pool.at(number).take(EventTime{now}, value);
      std::int64_t edge = now - 1'000'000;
      if (panes) edge -= ((edge % 100'000) + 100'000) % 100'000;
      while (events.front().first <= edge) events.pop_front();
      if (i % 50 != 0) continue;
      std::vector<std::int64_t> values;
      for (const auto& event : events) values.push_back(event.second);
      const std::uint64_t rank = nearest_rank(95, values.size());
      const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
      std::nth_element(values.begin(), place, values.end());
      const Value got = pool.at(number).read(EventTime{now}, nullptr);
      CAPTURE(i);
      CAPTURE(values.size());
      if (values.size() <= kExactValuesMax) {
        ++exact;
        CHECK(got.number == *place);
      } else {
        ++estimated;
        CHECK(error_of(static_cast<double>(got.number), static_cast<double>(*place)) < kErrorMax);
      }
    }
    CHECK(exact > 20);
    CHECK(estimated > 20);
  }
}

TEST_CASE("sketch: distinct of a window that slides stays exact, of one that grows is within 2 %") {
  Plan plan;
  Feature sliding = feature_of(Aggregate::kDistinct, TypeKind::kString);
  sliding.window.range = LastEventsWindow{4'000};
  Feature growing = sliding;
  growing.window.range = EverWindow();
  const WindowSpec sliding_spec = make_window_spec(plan, sliding, 1'000'000);
  const WindowSpec growing_spec = make_window_spec(plan, growing, 1'000'000);
  WindowPool pool(3);
  const std::uint32_t slides = pool.make(sliding_spec);
  const std::uint32_t grows = pool.make(growing_spec);
  for (std::int64_t i = 0; i < 20'000; ++i) {
    const std::string text = fmt::format("device {}", i / 2);
    const Value value = Value::string(text);
    pool.at(slides).take(EventTime{i}, *word_of(value, sliding_spec, pool.memory()));
    pool.at(grows).take(EventTime{i}, *word_of(value, growing_spec, pool.memory()));
    if (i % 100 != 99) continue;
    const std::int64_t seen = (i + 1) / 2;
    CHECK(pool.at(slides).read(EventTime{i}, nullptr).number ==
          std::min<std::int64_t>(seen, 2'000));
    const Int128 ever = pool.at(grows).read(EventTime{i}, nullptr).number;
    if (seen <= 1'024) {
      CHECK(ever == seen);
    } else {
      CHECK(error_of(static_cast<double>(ever), static_cast<double>(seen)) < kErrorMax);
    }
  }
  pool.free(slides);
  pool.free(grows);
  CHECK(pool.memory().texts.count() == 0);
}
}  // namespace tocsin::cep
