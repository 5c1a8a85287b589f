// Small windows in a key's record beside those of the pool: the same values, ends and bytes, at
// every position of random streams, also where a window grows beyond what a record holds.
#include "cep/ring/flat_window.h"

#include <doctest/doctest.h>

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "cep/aggregate/feature_window.h"
#include "cep/plan/plan.h"
#include "tests/cep/random_window.h"
#include "tests/support/random.h"

namespace tocsin::cep {
namespace {
using tests::Random;
using tests::shown;

// What a record does with a window: it grows, and becomes one of the pool.
class Kept {
 public:
  explicit Kept(const WindowSpec& spec, std::uint64_t seed) : spec_(spec), pool_(seed) {
    words_.resize(FlatWindow::words_of_new(spec));
    flat().start();
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() {
    if (number_) {
      pool_.free(*number_);
    } else {
      flat().release();
    }
    CHECK(pool_.memory().texts.count() == 0);
  }
  bool is_flat() const { return !number_; }
  void take(EventTime now, const Value& value) {
    const bool counts = !spec_.takes_all || !value.is_missing();
    const Word word = counts && spec_.has_value ? *word_of(value, spec_, pool_.memory()) : Word{0};
    while (is_flat() && !flat().take(now, word, counts)) grow();
    if (is_flat()) return;
    if (counts) {
      window().take(now, word);
    } else {
      window().pass(now);
    }
  }
  Value read(EventTime now) { return is_flat() ? flat().read(now) : window().read(now, nullptr); }
  std::int64_t expiry(EventTime now) {
    return is_flat() ? flat().expiry(now) : window().expiry(now);
  }
  std::string bytes() {
    std::string out;
    ByteWriter to(out);
    if (is_flat()) {
      flat().save(to);
    } else {
      window().save(to);
    }
    return out;
  }
  void restore(const std::string& bytes) {
    ByteReader from(bytes);
    if (const auto events = FlatWindow::events_to_restore(spec_, from)) {
      if (spec_.flat == FlatForm::kEvents) words_.resize(FlatWindow::words_for(spec_, *events));
      flat().start(*events);
      REQUIRE(flat().restore(from));
    } else {
      number_ = pool_.make(spec_);
      REQUIRE(window().restore(from));
    }
    REQUIRE(from.is_done());
  }

 private:
  FlatWindow flat() { return {words_.data(), spec_, pool_.memory()}; }
  WindowState& window() { return pool_.at(*number_); }
  void grow() {
    if (const std::uint32_t events = flat().larger(); events > 0) {
      std::vector<std::uint64_t> larger(FlatWindow::words_for(spec_, events));
      flat().move_to(larger.data(), events);
      words_ = std::move(larger);
      CHECK(words_.size() == FlatWindow::words_of(spec_, words_[0]));
      return;
    }
    const std::uint32_t number = pool_.make(spec_);
    flat().move_to(pool_.at(number));
    number_ = number;
  }

  const WindowSpec& spec_;
  WindowPool pool_;
  std::vector<std::uint64_t> words_;
  std::optional<std::uint32_t> number_;
};
}  // namespace

TEST_CASE("flat windows: what the pool's windows give, at every position and behind a restore") {
  std::size_t flat = 0;
  std::size_t pooled = 0;
  tests::for_all_seeds("flat_window", 2'000, [&](Random& random) {
    Plan plan;
    plan.zones = tests::zones_of_windows();
    const Feature feature = tests::random_window_feature(random);
    const WindowSpec spec = make_window_spec(plan, feature, 1'000'000);
    if (spec.flat == FlatForm::kNone) return;
    CAPTURE(static_cast<int>(feature.aggregate));
    CAPTURE(static_cast<int>(feature.window.kind()));
    WindowPool pool(random.next());
    const std::uint32_t number = pool.make(spec);
    WindowState& wanted = pool.at(number);
    Kept kept(spec, random.next());
    std::deque<std::string> texts;
    EventTime now{random.between(-1'000, 1'000)};
    const int busy = random.chance(30) ? 90 : 50;
    for (int step = 0; step < 60; ++step) {
      CAPTURE(step);
      now.us += random.chance(busy) ? 0 : random.between(0, random.chance(10) ? 60 : 6);
      if (random.chance(70)) {
        const bool passes = !feature.argument || (feature.takes_all() && random.chance(30));
        const Value value =
            passes ? Value::missing() : tests::random_word(random, feature.argument->type, texts);
        if (spec.takes_all && value.is_missing()) {
          wanted.pass(now);
        } else {
          wanted.take(now, spec.has_value ? *word_of(value, spec, pool.memory()) : Word{0});
        }
        kept.take(now, value);
      }
      if (random.chance(60)) REQUIRE(shown(kept.read(now)) == shown(wanted.read(now, nullptr)));
      if (random.chance(30)) REQUIRE(kept.expiry(now) == wanted.expiry(now));
      std::string bytes;
      ByteWriter to(bytes);
      wanted.save(to);
      REQUIRE(kept.bytes() == bytes);
      Kept again(spec, random.next());
      again.restore(bytes);
      REQUIRE(again.bytes() == bytes);
      REQUIRE(shown(again.read(now)) == shown(kept.read(now)));
      shown(wanted.read(now, nullptr));  // what has left the window goes from all three
      ++(kept.is_flat() ? flat : pooled);
    }
    pool.free(number);
  });
  CHECK(flat > pooled);
  CHECK(pooled > 0);
}

TEST_CASE("flat windows: bytes that were not written so are refused, or are a window's") {
  tests::for_all_seeds("flat_window_damage", 1'000, [](Random& random) {
    Plan plan;
    plan.zones = tests::zones_of_windows();
    const Feature feature = tests::random_window_feature(random);
    const WindowSpec spec = make_window_spec(plan, feature, 1'000'000);
    if (spec.flat == FlatForm::kNone) return;
    std::deque<std::string> texts;
    Kept kept(spec, random.next());
    for (std::size_t i = random.below(10); i > 0; --i) {
      kept.take(EventTime{static_cast<std::int64_t>(i)},
                feature.argument ? tests::random_word(random, feature.argument->type, texts)
                                 : Value::missing());
    }
    std::string bytes = kept.bytes();
    bytes[random.below(bytes.size())] ^= static_cast<char>(1 << random.below(8));
    if (random.chance(20)) bytes.resize(random.below(bytes.size() + 1));
    WindowPool pool(random.next());
    ByteReader from(bytes);
    const auto events = FlatWindow::events_to_restore(spec, from);
    if (!events) return;
    std::vector<std::uint64_t> words(spec.flat == FlatForm::kEvents
                                         ? FlatWindow::words_for(spec, *events)
                                         : FlatWindow::words_of_new(spec));
    FlatWindow window(words.data(), spec, pool.memory());
    window.start(*events);
    // The pool's window takes and refuses the same bytes.
    ByteReader other(bytes);
    WindowState& wanted = pool.at(pool.make(spec));
    const bool is_well = window.restore(from);
    REQUIRE(is_well == wanted.restore(other));
    if (!is_well) return;
    std::string again;
    ByteWriter to(again);
    window.save(to);
    REQUIRE(again == bytes.substr(0, bytes.size() - from.left()));
    window.release();
  });
}
}  // namespace tocsin::cep
