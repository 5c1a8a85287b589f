// Each window and aggregate against its plain definition: all events, looked through at each read.
#include "cep/aggregate/feature_window.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <deque>
#include <string>
#include <vector>

#include "cep/aggregate/loop_aggregate.h"
#include "cep/plan/calendar.h"
#include "cep/plan/plan.h"
#include "cep/plan/zone.h"
#include "tests/cep/random_window.h"
#include "tests/support/oracle_aggregate.h"
#include "tests/support/plan_parts.h"
#include "tests/support/printing.h"
#include "tests/support/random.h"

namespace tocsin::cep {
namespace {
using tests::kHour;
using tests::Random;
using tests::random_window_feature;
using tests::random_word;
using tests::shown;

struct Taken {
  EventTime time;
  Value value;
  bool counts = true;
};

// By the oracle's definition of the aggregate.
Value defined(const Feature& feature, std::vector<Taken> taken) {
  if (feature.window.needs && taken.size() < *feature.window.needs) return Value::missing();
  std::erase_if(taken, [](const Taken& event) { return !event.counts; });
  std::vector<Value> values;
  std::vector<EventTime> times;
  for (const Taken& event : taken) {
    values.push_back(event.value);
    times.push_back(event.time);
  }
  const Type type = feature.argument ? feature.argument->type : tests::type_of(TypeKind::kInt);
  return oracle::aggregate(feature.aggregate, type, values, times,
                           {feature.half_life, feature.weight, feature.percentile});
}

std::int64_t floor_to(std::int64_t us, std::int64_t step) {
  std::int64_t rest = us % step;
  if (rest < 0) rest += step;
  return us - rest;
}

// Those of `all`, which came before the read or with it, that the window has at `now`.
std::vector<Taken> in_window(const FeatureWindow& window, const std::vector<Taken>& all,
                             EventTime now, const Zone* zone) {
  std::vector<Taken> out;
  EventTime before{INT64_MIN / 2};
  for (const Taken& event : all) {
    const std::int64_t us = event.time.us;
    bool is_in = true;
    switch (window.kind()) {
      case WindowKind::kLast:
      case WindowKind::kPrevious: {
        std::int64_t edge = now.us - window.duration()->us;
        if (window.every()) edge = floor_to(edge, window.every()->us);
        is_in = us > edge;
        if (window.excluding()) is_in = is_in && us <= now.us - window.excluding()->us;
        break;
      }
      case WindowKind::kPreviousEvents:
      case WindowKind::kLastEvents:
        is_in = !window.duration() || us > now.us - window.duration()->us;
        break;
      case WindowKind::kTumbling:
        is_in = us >= floor_to(now.us, window.duration()->us);
        break;
      case WindowKind::kCalendar:
        is_in =
            local_unit(*zone, window.unit(), event.time) == local_unit(*zone, window.unit(), now);
        break;
      case WindowKind::kSession:
        // Only what is aggregated begins a session or keeps it going.
        if (event.time - before >= *window.duration()) out.clear();
        is_in = event.counts || !out.empty();
        break;
      default:
        break;
    }
    if (event.counts) before = event.time;
    if (is_in) out.push_back(event);
  }
  if (window.kind() == WindowKind::kSession && now - before >= *window.duration()) out.clear();
  if (window.events() && out.size() > *window.events()) {
    out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(*window.events()));
  }
  return out;
}

}  // namespace

TEST_CASE("feature windows: every aggregate and window gives what its definition says") {
  tests::for_all_seeds("feature_windows", 4'000, [](Random& random) {
    Plan plan;
    plan.zones = tests::zones_of_windows();
    Feature feature = random_window_feature(random);
    if (random.chance(50)) feature.where = std::make_shared<Expr>();
    const WindowSpec spec = make_window_spec(plan, feature, 1'000'000);
    WindowPool pool(random.next());
    std::uint32_t number = 0;
    std::vector<Taken> all;
    std::deque<std::string> texts;
    const bool is_today = feature.window.kind() == WindowKind::kCalendar;
    EventTime now{is_today ? random.between(-100, 100) : random.between(-1'000, 1'000)};
    CAPTURE(static_cast<int>(feature.aggregate));
    CAPTURE(static_cast<int>(feature.window.kind()));
    const std::size_t steps = random.chance(5) ? 400 : 40;
    const std::size_t idle = random.below(60);
    const Zone* zone = nullptr;
    // Few days in one, many in another.
    const std::int64_t factor = random.pick({1, 7, 60});
    for (std::size_t i = 0; i < steps; ++i) {
      const std::int64_t gap =
          random.chance(30) ? 0 : random.between(0, random.chance(10) ? 60 : 6);
      now.us += is_today ? gap * kHour / 4 * factor : gap;
      const bool takes = !random.chance(idle);
      const bool is_previous = feature.window.kind() == WindowKind::kPrevious ||
                               feature.window.kind() == WindowKind::kPreviousEver ||
                               feature.window.kind() == WindowKind::kPreviousEvents;
      if (random.chance(20) && number != 0) {  // what sweeping does
        const std::int64_t expiry = pool.at(number).expiry(now);
        if (expiry == WindowState::kDead) {
          pool.free(number);
          number = 0;
        }
      }
      const auto take = [&] {
        if (!takes) return;
        if (spec.takes_all && random.chance(30)) {
          all.push_back({now, Value::missing(), false});
          if (number == 0) number = pool.make(spec);
          pool.at(number).pass(now);
          return;
        }
        const Value value = feature.argument ? random_word(random, feature.argument->type, texts)
                                             : Value::missing();
        all.push_back({now, value, true});
        if (number == 0) number = pool.make(spec);
        pool.at(number).take(now,
                             feature.argument ? *word_of(value, spec, pool.memory()) : Word{0});
      };
      if (!is_previous) take();
      if (is_today && (zone == nullptr || random.chance(10))) {
        zone = find_zone(plan.zones, feature.window.zone()->op == Op::kLiteral
                                         ? literal_of(*feature.window.zone()).text
                                         : random.pick({"back", "skips", "utc"}));
      }
      if (random.chance(80)) {
        const std::vector<Taken> window = in_window(feature.window, all, now, zone);
        const Value wanted = defined(feature, window);
        // An empty window may be no window at all.
        const Value got = number != 0 ? pool.at(number).read(now, zone) : defined(feature, {});
        CAPTURE(i);
        REQUIRE(shown(got) == shown(wanted));
      }
      if (is_previous) take();
    }
    if (number != 0) pool.free(number);
    CHECK(pool.memory().texts.count() == 0);
    CHECK(pool.count() == 0);
    CHECK(pool.memory().events_lost == 0);
  });
}

TEST_CASE("loop aggregates: the same definitions over the events of a match") {
  tests::for_all_seeds("loop_aggregates", 500, [](Random& random) {
    Feature feature;
    do {
      feature = random_window_feature(random);
    } while (!traits_of(feature.aggregate).of_loops);
    feature.window = {};
    CAPTURE(static_cast<int>(feature.aggregate));
    std::deque<std::string> texts;
    std::vector<Taken> taken;
    const bool counts = feature.aggregate == Aggregate::kCount;
    LoopAggregate aggregate(feature.aggregate, counts ? nullptr : &feature.argument->type);
    const std::size_t events = random.below(20);
    for (std::size_t i = 0; i < events; ++i) {
      if (!counts && random.chance(20)) {
        aggregate.add(Value::missing());
        continue;
      }
      const Value value =
          counts ? Value::missing() : random_word(random, feature.argument->type, texts);
      aggregate.add(value);
      taken.push_back({EventTime{0}, value, true});
    }
    CHECK(shown(aggregate.value()) == shown(defined(feature, taken)));
  });
}
}  // namespace tocsin::cep
