/// Randomness for tests: one seed gives one sequence, the same on every machine.
#pragma once
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace tocsin::tests {
/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// 0 <= result < n; n > 0.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  /// low <= result <= high.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::size_t>(high - low + 1)));
  }
  /// True in so many of a hundred cases.
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <typename T>
  const T& pick(const std::vector<T>& items) {
    return items[below(items.size())];
  }
  template <typename T>
  T pick(std::initializer_list<T> items) {
    return items.begin()[below(items.size())];
  }
  /// An index, each as often as its weight says.
  std::size_t weighted(std::initializer_list<std::size_t> weights) {
    std::size_t total = 0;
    for (const std::size_t weight : weights) total += weight;
    std::size_t at = below(total);
    std::size_t index = 0;
    for (const std::size_t weight : weights) {
      if (at < weight) return index;
      at -= weight;
      ++index;
    }
    return 0;
  }

 private:
  std::uint64_t state_;
};

/// Whether `./do test --quick` runs: it takes a part of what is tried otherwise.
bool is_quick();

/// The seeds that a property is tried with: as many as `cases` or the environment variable
/// TOCSIN_CASES_<suite> says, from 0 or TOCSIN_SEED_FROM on; TOCSIN_SEED=n gives n alone. Without
/// that variable it is a tenth of `cases` where is_quick().
std::vector<std::uint64_t> seeds_of(const char* suite, std::size_t cases);

/// While it lives, a crash of the program prints the seed that was last noted.
class SeedOfCrash {
 public:
  SeedOfCrash();
  ~SeedOfCrash();
  SeedOfCrash(const SeedOfCrash&) = delete;
  SeedOfCrash& operator=(const SeedOfCrash&) = delete;
  static void note(std::uint64_t seed);
};

/// Calls `body(random)` for each seed; a failed check or a crash prints the seed, a failed REQUIRE
/// ends the test. Returns the number of cases.
template <typename Body>
std::size_t for_all_seeds(const char* suite, std::size_t cases, const Body& body) {
  const std::vector<std::uint64_t> seeds = seeds_of(suite, cases);
  const SeedOfCrash of_crash;
  for (const std::uint64_t seed : seeds) {
    SeedOfCrash::note(seed);
    INFO("replay alone with TOCSIN_SEED=", seed);
    Random random(seed);
    body(random);
  }
  return seeds.size();
}
}  // namespace tocsin::tests
