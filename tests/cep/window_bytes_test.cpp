// Windows written as bytes and read again, at every position of random streams: the same values to
// the bit from then on, and the same bytes.
#include "cep/aggregate/window_bytes.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "cep/aggregate/feature_window.h"
#include "cep/plan/zone.h"
#include "cep/ring/feature_state.h"
#include "cep/value/identity.h"
#include "tests/cep/random_window.h"
#include "tests/support/plan_parts.h"
#include "tests/support/printing.h"
#include "tests/support/random.h"

namespace tocsin::cep {
namespace {
using tests::Random;
using tests::shown;

// A window of one feature in a pool of its own.
class Window {
 public:
  Window(const WindowSpec& spec, std::uint64_t seed)
      : spec_(spec), pool_(seed), number_(pool_.make(spec)) {}
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
  ~Window() {
    pool_.free(number_);
    CHECK(pool_.memory().texts.count() == 0);
  }
  void take(EventTime now, const Value& value) {
    if (spec_.takes_all && value.is_missing()) return state().pass(now);
    state().take(now, spec_.has_value ? *word_of(value, spec_, pool_.memory()) : Word{0});
  }
  WindowState& state() const { return pool_.at(number_); }
  std::string bytes() const {
    std::string out;
    ByteWriter to(out);
    state().save(to);
    return out;
  }
  std::uint64_t events_lost() { return pool_.memory().events_lost; }

 private:
  const WindowSpec& spec_;
  WindowPool pool_;
  std::uint32_t number_;
};

std::unique_ptr<Window> restored(const WindowSpec& spec, const std::string& bytes,
                                 std::uint64_t seed) {
  auto window = std::make_unique<Window>(spec, seed);
  ByteReader from(bytes);
  REQUIRE(window->state().restore(from));
  REQUIRE(from.is_done());
  REQUIRE(hex({reinterpret_cast<const std::uint8_t*>(window->bytes().data()),
               window->bytes().size()}) ==
          hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
  return window;
}

// Random times and values for a feature.
class Stream {
 public:
  Stream(Random& random, const Feature& feature, const std::vector<Zone>& zones, bool varied)
      : random_(random),
        feature_(feature),
        zones_(zones),
        varied_(varied),
        is_today_(feature.window.kind() == WindowKind::kCalendar),
        now_{random.between(-1'000, 1'000)} {}
  EventTime move() {
    const std::int64_t gap =
        random_.chance(varied_ ? 70 : 30) ? 0 : random_.between(0, random_.chance(10) ? 60 : 6);
    now_.us += is_today_ && !varied_ ? gap * tests::kHour / 4 : gap;
    return now_;
  }
  // Missing where the feature has no argument, and now and then where it takes all.
  Value value() {
    if (!feature_.argument || (feature_.takes_all() && random_.chance(30))) return Value::missing();
    const Type& type = feature_.argument->type;
    if (varied_ && random_.chance(90)) {
      const std::int64_t number = random_.between(-20'000, 20'000);
      if (type.kind == TypeKind::kInt) return Value::integer(number);
      if (type.kind == TypeKind::kFloat) {
        return Value::floating(std::ldexp(static_cast<double>(number) + 0.1,
                                          static_cast<int>(random_.between(-30, 30))));
      }
      if (type.kind == TypeKind::kString) {
        texts_.push_back(fmt::format("text {}", number));
        return Value::string(texts_.back());
      }
    }
    return tests::random_word(random_, type, texts_);
  }
  const Zone* zone() {
    if (!is_today_) return nullptr;
    const Expr& zone = *feature_.window.zone();
    return find_zone(zones_, zone.op == Op::kLiteral ? literal_of(zone).text
                                                     : random_.pick({"back", "skips", "utc"}));
  }

 private:
  Random& random_;
  const Feature& feature_;
  const std::vector<Zone>& zones_;
  bool varied_;
  bool is_today_;
  EventTime now_;
  std::deque<std::string> texts_;
};
}  // namespace

TEST_CASE("window bytes: restored at every position, a window gives the same bits for ever after") {
  tests::for_all_seeds("window_bytes", 1'200, [](Random& random) {
    Plan plan;
    plan.zones = tests::zones_of_windows();
    const Feature feature = tests::random_window_feature(random);
    const WindowSpec spec =
        make_window_spec(plan, feature, random.chance(30) ? random.below(8) + 1 : 1'000'000);
    CAPTURE(static_cast<int>(feature.aggregate));
    CAPTURE(static_cast<int>(feature.window.kind()));
    Stream stream(random, feature, plan.zones, false);
    // The first was never restored, the second is at every step, each other one once.
    std::vector<std::unique_ptr<Window>> windows;
    windows.push_back(std::make_unique<Window>(spec, random.next()));
    windows.push_back(std::make_unique<Window>(spec, random.next()));
    for (std::size_t step = 0; step < 30; ++step) {
      CAPTURE(step);
      const EventTime now = stream.move();
      if (random.chance(70)) {
        const Value value = stream.value();
        for (const auto& window : windows) window->take(now, value);
      }
      if (random.chance(60)) {
        const Zone* const zone = stream.zone();
        const std::string wanted = shown(windows[0]->state().read(now, zone));
        for (const auto& window : windows) {
          REQUIRE(shown(window->state().read(now, zone)) == wanted);
        }
      }
      if (random.chance(30)) {
        const std::int64_t wanted = windows[0]->state().expiry(now);
        for (const auto& window : windows) REQUIRE(window->state().expiry(now) == wanted);
      }
      const std::string bytes = windows[0]->bytes();
      for (const auto& window : windows) REQUIRE(window->bytes() == bytes);
      windows[1] = restored(spec, bytes, random.next());
      windows.push_back(restored(spec, bytes, random.next()));
    }
  });
}

TEST_CASE("window bytes: sketches, and what stands beside them, are restored as they were") {
  tests::for_all_seeds("window_bytes_large", 24, [](Random& random) {
    Plan plan;
    plan.zones = tests::zones_of_windows();
    Feature feature = tests::random_window_feature(random);
    feature.aggregate =
        random.pick({Aggregate::kDistinct, Aggregate::kPercentile, Aggregate::kStddev,
                     Aggregate::kMax, Aggregate::kSum, Aggregate::kMode, Aggregate::kEntropy});
    auto argument = std::make_shared<Expr>();
    argument->op = Op::kField;
    argument->type = tests::type_of(feature.aggregate == Aggregate::kDistinct && random.chance(50)
                                        ? TypeKind::kString
                                    : random.chance(50) ? TypeKind::kFloat
                                                        : TypeKind::kInt);
    feature.argument = argument;
    FeatureWindow& window = feature.window;
    std::visit(
        [&](auto& range) {
          if constexpr (requires { range.events; }) range.events = 1'500;
          if constexpr (requires { range.duration; }) {
            range.duration = Duration{random.between(300, 3'000)};
          }
          if constexpr (requires { range.gap; }) range.gap = Duration{random.between(300, 3'000)};
          if constexpr (requires { range.within; }) {
            if (range.within) range.within = Duration{random.between(300, 3'000)};
          }
          if constexpr (requires { range.every; }) {
            if (range.every) range.every = Duration{random.between(1, range.duration.us)};
          }
          if constexpr (requires { range.excluding; }) {
            if (range.excluding) range.excluding = Duration{random.between(1, 200)};
          }
        },
        window.range);
    const WindowSpec spec = make_window_spec(plan, feature, 1'000'000);
    CAPTURE(static_cast<int>(feature.aggregate));
    CAPTURE(static_cast<int>(feature.window.kind()));
    Stream stream(random, feature, plan.zones, true);
    Window kept(spec, random.next());
    auto other = std::make_unique<Window>(spec, random.next());
    for (std::size_t step = 0; step < 3'000; ++step) {
      const EventTime now = stream.move();
      const Value value = stream.value();
      kept.take(now, value);
      other->take(now, value);
      if (random.chance(1)) {
        CAPTURE(step);
        const Zone* const zone = stream.zone();
        REQUIRE(shown(other->state().read(now, zone)) == shown(kept.state().read(now, zone)));
        other = restored(spec, kept.bytes(), random.next());
        REQUIRE(shown(other->state().read(now, zone)) == shown(kept.state().read(now, zone)));
      }
    }
  });
}

TEST_CASE("window bytes: a budget bites after a restore as it did before") {
  tests::for_all_seeds("window_bytes_budget", 200, [](Random& random) {
    Plan plan;
    plan.zones = tests::zones_of_windows();
    const Feature feature = tests::random_window_feature(random);
    const WindowSpec spec = make_window_spec(plan, feature, random.below(6) + 1);
    Stream stream(random, feature, plan.zones, false);
    Window kept(spec, random.next());
    std::unique_ptr<Window> other = std::make_unique<Window>(spec, random.next());
    std::uint64_t lost = 0;
    for (std::size_t step = 0; step < 60; ++step) {
      const EventTime now = stream.move();
      const Value value = stream.value();
      kept.take(now, value);
      other->take(now, value);
      lost += other->events_lost();
      REQUIRE(kept.events_lost() == lost);
      other = restored(spec, kept.bytes(), random.next());
    }
  });
}

TEST_CASE("windows: a pool gives memory back, and what stays in it says the same") {
  Plan plan;
  plan.zones = tests::zones_of_windows();
  Random random(7);
  Feature feature = tests::random_window_feature(random);
  feature.window = {};
  feature.window.range = EverWindow();
  feature.aggregate = Aggregate::kDistinct;
  auto argument = std::make_shared<Expr>();
  argument->op = Op::kField;
  argument->type = tests::type_of(TypeKind::kString);
  feature.argument = argument;
  const WindowSpec spec = make_window_spec(plan, feature, 1'000'000);
  WindowPool pool(3);
  std::vector<std::uint32_t> numbers;
  for (int i = 0; i < 2'000; ++i) {
    numbers.push_back(pool.make(spec));
    for (int value = 0; value <= i % 50; ++value) {
      const std::string text = fmt::format("text {} of {}", value, i);
      pool.at(numbers.back()).take({value}, *word_of(Value::string(text), spec, pool.memory()));
    }
  }
  const std::size_t full = pool.bytes();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i % 100 != 42) pool.free(numbers[i]);
  }
  CHECK(pool.bytes() > full / 2);
  pool.compact_if_sparse();
  CHECK(pool.bytes() < full / 5);
  for (std::size_t i = 42; i < numbers.size(); i += 100) {
    CHECK(shown(pool.at(numbers[i]).read({100}, nullptr)) ==
          shown(Value::integer(static_cast<Int128>(i % 50 + 1))));
    pool.free(numbers[i]);
  }
  CHECK(pool.bytes() < 4'096);
}

TEST_CASE("window bytes: bytes that were not written so are refused, or are a window's") {
  std::size_t refused = 0;
  std::size_t taken = 0;
  tests::for_all_seeds("window_bytes_damage", 400, [&](Random& random) {
    Plan plan;
    plan.zones = tests::zones_of_windows();
    const Feature feature = tests::random_window_feature(random);
    const WindowSpec spec = make_window_spec(plan, feature, 1'000'000);
    CAPTURE(static_cast<int>(feature.aggregate));
    CAPTURE(static_cast<int>(feature.window.kind()));
    Stream stream(random, feature, plan.zones, false);
    std::string bytes;
    {
      Window window(spec, random.next());
      const std::size_t steps = random.below(20);
      for (std::size_t step = 0; step < steps; ++step) window.take(stream.move(), stream.value());
      bytes = window.bytes();
    }
    for (int round = 0; round < 40; ++round) {
      std::string damaged = bytes;
      if (random.chance(30)) {
        damaged.resize(random.below(damaged.size() + 1));
      } else {
        const std::size_t flips = random.below(3) + 1;
        for (std::size_t i = 0; i < flips && !damaged.empty(); ++i) {
          char& byte = damaged[random.below(damaged.size())];
          byte = static_cast<char>(random.chance(50) ? byte ^ (1 << random.below(8))
                                                     : static_cast<int>(random.below(256)));
        }
        if (random.chance(20)) damaged.insert(random.below(damaged.size() + 1), 1, '\xff');
      }
      Window window(spec, random.next());
      ByteReader from(damaged);
      if (!window.state().restore(from)) {
        ++refused;
        continue;
      }
      ++taken;
      REQUIRE(window.bytes() == damaged.substr(0, damaged.size() - from.left()));
      // It is a window like any other.
      for (int i = 0; i < 5; ++i) {
        const EventTime now = stream.move();
        window.state().expiry(now);
        window.state().read(now, stream.zone());
        window.take({std::max(now.us, kEventTimeMax.us - 100 + i)}, stream.value());
        window.state().read(kEventTimeMax, stream.zone());
      }
    }
  });
  CHECK(refused > 1'000);
  if (!tests::is_quick()) CHECK(taken > 1'000);
}

TEST_CASE("window bytes: the rings in a key's record, at every position") {
  tests::for_all_seeds("ring_bytes", 400, [](Random& random) {
    Feature feature;
    feature.window.range =
        LastWindow{Duration{random.chance(50) ? 50 : std::int64_t{1} << 40}, {}, {}};
    if (random.chance(60)) {
      feature.aggregate = Aggregate::kSum;
      auto argument = std::make_shared<Expr>();
      argument->op = Op::kField;
      argument->type = tests::type_of(TypeKind::kInt);
      feature.argument = argument;
    }
    REQUIRE(has_ring(feature));
    constexpr std::uint32_t kCapacity = 64;
    const RingHeader fresh = make_ring(feature, kCapacity);
    const std::uint32_t words = ring_words(kCapacity, fresh.wide_times != 0, fresh.value);
    const auto make = [&] {
      std::vector<std::uint64_t> memory(words);
      start_ring(fresh, reinterpret_cast<RingHeader*>(memory.data()));
      return memory;
    };
    const auto ring_of = [](std::vector<std::uint64_t>& memory) {
      return reinterpret_cast<RingHeader*>(memory.data());
    };
    const auto bytes_of = [&](std::vector<std::uint64_t>& memory) {
      std::string out;
      ByteWriter to(out);
      save_ring(*ring_of(memory), feature.window.duration()->us, to);
      return out;
    };
    std::vector<std::uint64_t> kept = make();
    std::vector<std::uint64_t> other = make();
    std::int64_t now = random.between(-1'000, 1'000);
    for (int step = 0; step < 60; ++step) {
      now += random.between(0, 20);
      const Value value = Value::integer(
          random.chance(20) ? Int128{INT64_MAX} - random.between(0, 5) : random.between(-9, 9));
      for (auto* memory : {&kept, &other}) {
        // What has left the window may stay until its place is wanted.
        if (feature.argument == nullptr && random.chance(70) && push_time(ring_of(*memory), now)) {
          continue;
        }
        trim_ring(ring_of(*memory), now, feature.window.duration()->us);
        push_ring(ring_of(*memory), now, value);
      }
      std::vector<std::uint64_t> trimmed = kept;
      for (auto* memory : {&trimmed, &other}) {
        trim_ring(ring_of(*memory), now, feature.window.duration()->us);
      }
      for (const std::uint32_t events : {1, 2, 5}) {
        REQUIRE(has_in_window(*ring_of(kept), events, now, feature.window.duration()->us) ==
                (ring_of(trimmed)->count >= events));
      }
      REQUIRE(shown(read_ring(ring_of(other), feature)) ==
              shown(read_ring(ring_of(trimmed), feature)));
      const std::string bytes = bytes_of(kept);
      other = make();
      ByteReader from(bytes);
      const auto count = restore_ring_count(from);
      REQUIRE(count.has_value());
      REQUIRE(restore_ring(ring_of(other), feature, *count, from));
      REQUIRE(from.is_done());
      REQUIRE(bytes_of(other) == bytes);
      std::string damaged = bytes;
      damaged[random.below(damaged.size())] ^= static_cast<char>(1 << random.below(8));
      ByteReader from_damaged(damaged);
      const auto damaged_count = restore_ring_count(from_damaged);
      if (!damaged_count || *damaged_count > kCapacity) continue;
      std::vector<std::uint64_t> third = make();
      if (restore_ring(ring_of(third), feature, *damaged_count, from_damaged)) {
        REQUIRE(bytes_of(third) == damaged.substr(0, damaged.size() - from_damaged.left()));
      }
    }
  });
}
}  // namespace tocsin::cep
