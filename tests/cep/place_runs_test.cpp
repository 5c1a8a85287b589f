#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cep/stage/place_runs.h"
#include "cep/stage/slot_pool.h"
#include "tests/support/random.h"

using namespace tocsin::cep;
using namespace tocsin::tests;

namespace {
using Runs = PlaceRuns<std::int64_t, std::string>;

// What PlaceRuns is to be: a list that is kept in order, equal places as they came.
class Naive {
 public:
  void add(std::int64_t place, std::string item) {
    const auto behind = std::ranges::upper_bound(items_, place, {}, &Items::value_type::first);
    items_.insert(behind, {place, std::move(item)});
  }
  std::string* last_at(std::int64_t place) {
    const auto behind = std::ranges::upper_bound(items_, place, {}, &Items::value_type::first);
    if (behind == items_.begin() || std::prev(behind)->first != place) return nullptr;
    return &std::prev(behind)->second;
  }
  using Items = std::vector<std::pair<std::int64_t, std::string>>;
  Items& items() { return items_; }

 private:
  Items items_;
};

// Where the next item goes: senders that keep their order, a sender that turns it round, none.
class Places {
 public:
  explicit Places(Random& random) : random_(random), kind_(random.below(4)) {
    at_.resize(1 + random.below(5), 0);
  }
  std::int64_t next() {
    if (kind_ == 0) return random_.between(0, 50);
    if (kind_ == 1) return down_ -= random_.between(0, 2);
    std::int64_t& at = at_[random_.below(at_.size())];
    at += random_.between(0, 3);
    const bool is_behind = kind_ == 3 && random_.chance(10);
    return is_behind ? at - random_.between(0, 20) : at;
  }

 private:
  Random& random_;
  std::size_t kind_;
  std::vector<std::int64_t> at_;
  std::int64_t down_ = 1'000;
};

Naive::Items in_order(const Runs& runs) {
  Naive::Items items;
  runs.each([&](std::int64_t place, const std::string& item) { items.emplace_back(place, item); });
  return items;
}

void check_same(Runs& runs, Naive& naive) {
  REQUIRE(runs.size() == naive.items().size());
  REQUIRE(runs.empty() == naive.items().empty());
  CHECK(in_order(runs) == naive.items());
  if (runs.empty()) {
    CHECK(runs.runs() == 0);
    return;
  }
  CHECK(runs.first() == naive.items().front().first);
  CHECK(runs.first_item() == naive.items().front().second);
  CHECK(runs.last() == naive.items().back().first);
  Naive::Items by_run;
  runs.each_by_run(
      [&](std::int64_t place, std::string& item) { by_run.emplace_back(place, item); });
  std::ranges::stable_sort(by_run, {}, &Naive::Items::value_type::first);
  CHECK(by_run == naive.items());
}
}  // namespace

TEST_CASE("places: runs are an ordered map, whatever comes and goes") {
  for_all_seeds("PLACE_RUNS", 400, [](Random& random) {
    Places places(random);
    Runs runs;
    Naive naive;
    std::uint64_t number = 0;
    for (std::size_t step = 0; step < 30; ++step) {
      for (std::size_t i = random.below(20); i > 0; --i) {
        const std::int64_t place = places.next();
        const std::string item = std::to_string(++number);
        if (random.chance(50)) {
          runs.add(place) = item;
          naive.add(place, item);
          continue;
        }
        const auto [found, is_new] = runs.find_or_add(place);
        std::string* const last = naive.last_at(place);
        if (is_new) {
          found = item;
          naive.add(place, item);
        } else {  // none came to this place since
          REQUIRE(last != nullptr);
          CHECK(found == *last);
          found += "+";
          *last += "+";
        }
      }
      check_same(runs, naive);
      const std::int64_t watermark = places.next();
      while (!runs.empty() && runs.first() <= watermark && random.chance(95)) {
        CHECK(runs.first_item() == naive.items().front().second);
        runs.pop();
        naive.items().erase(naive.items().begin());
      }
      check_same(runs, naive);
    }
  });
}

TEST_CASE("places: a sender that keeps its order needs a run, also while others are behind it") {
  constexpr std::int64_t kSenders = 8;
  Runs runs;
  for (std::int64_t block = 0; block < 50; ++block) {
    for (std::int64_t sender = 0; sender < kSenders; ++sender) {
      for (std::int64_t row = 0; row < 100; ++row) {
        runs.add((block * 100 + row) * kSenders + sender) = "x";
      }
    }
    CHECK(runs.runs() <= kSenders);
    while (!runs.empty() && runs.first() < block * 100 * kSenders) runs.pop();
  }
}

TEST_CASE("places: the worst order costs the logarithm of what waits") {
  struct Counting {
    std::strong_ordering operator()(std::int64_t a, std::int64_t b) const {
      ++*count;
      return a <=> b;
    }
    std::uint64_t* count = &comparisons();
    static std::uint64_t& comparisons() {
      static std::uint64_t count = 0;
      return count;
    }
  };
  constexpr std::int64_t kCount = 1 << 15;
  for (const bool is_random : {false, true}) {
    Random random(1);
    Counting::comparisons() = 0;
    PlaceRuns<std::int64_t, int, Counting> runs;
    for (std::int64_t i = 0; i < kCount; ++i) {
      runs.add(is_random ? static_cast<std::int64_t>(random.next() >> 1U) : -i);
    }
    while (!runs.empty()) runs.pop();
    // 15 in the bisection, 15 up the heap, and twice 15 down it.
    CHECK(Counting::comparisons() < std::uint64_t{kCount} * 70);
  }
}

TEST_CASE("places: slots are used again with what they hold, and given back where many are free") {
  Runs runs;
  const std::string item(100, 'x');
  runs.add(0) = item;
  const char* const text = runs.first_item().data();
  runs.pop();
  CHECK(runs.add(1).data() == text);
  runs.pop();
  constexpr std::size_t kMany = 100'000;
  for (std::size_t i = 0; i < kMany; ++i) runs.add(static_cast<std::int64_t>(i)) = item;
  CHECK(runs.slots() >= kMany);
  CHECK(runs.slots() < kMany + 100);
  CHECK(runs.slot_bytes() >= kMany * sizeof(std::string));
  while (runs.size() > 60'000) runs.pop();
  CHECK(runs.slots() >= kMany);  // fewer are free than in use
  while (!runs.empty()) runs.pop();
  CHECK(runs.slot_bytes() == 0);
  CHECK(runs.slots() <= SlotPool<int>::kKept + 100);
  for (std::size_t i = 0; i < kMany; ++i) runs.add(static_cast<std::int64_t>(i)) = item;
  CHECK(runs.slots() < kMany + 100);
  std::size_t count = 0;
  for (; !runs.empty(); runs.pop()) count += runs.first_item() == item ? 1 : 0;
  CHECK(count == kMany);
}
