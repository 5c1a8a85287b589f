#include "tests/support/random.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tocsin::tests {
namespace {
constexpr std::array<int, 2> kCrashes{SIGABRT, SIGSEGV};
std::atomic<std::uint64_t> noted_seed{0};
std::size_t nested = 0;  // objects of SeedOfCrash
std::array<struct sigaction, kCrashes.size()> handled_before;

void set_handlers_before() {
  for (std::size_t i = 0; i < kCrashes.size(); ++i) {
    sigaction(kCrashes[i], &handled_before[i], nullptr);
  }
}

// Then what handled the signal before does, as it is delivered again.
void print_seed(int signal) {
  constexpr std::string_view kText = "replay alone with TOCSIN_SEED=";
  std::array<char, kText.size() + 24> line;
  char* end = std::copy(kText.begin(), kText.end(), line.data());
  end = std::to_chars(end, line.data() + line.size() - 1, noted_seed.load()).ptr;
  *end++ = '\n';
  [[maybe_unused]] const auto written =
      write(STDERR_FILENO, line.data(), static_cast<std::size_t>(end - line.data()));
  set_handlers_before();
  if (signal == SIGABRT) raise(signal);
}
}  // namespace

SeedOfCrash::SeedOfCrash() {
  if (nested++ > 0) return;
  struct sigaction action = {};
  action.sa_handler = print_seed;
  action.sa_flags = SA_ONSTACK;
  for (std::size_t i = 0; i < kCrashes.size(); ++i) {
    sigaction(kCrashes[i], &action, &handled_before[i]);
  }
}
SeedOfCrash::~SeedOfCrash() {
  if (--nested == 0) set_handlers_before();
}
void SeedOfCrash::note(std::uint64_t seed) { noted_seed = seed; }

bool is_quick() {
  const char* quick = std::getenv("TOCSIN_QUICK");
  return quick != nullptr && *quick == '1';
}

std::vector<std::uint64_t> seeds_of(const char* suite, std::size_t cases) {
  if (const char* seed = std::getenv("TOCSIN_SEED")) return {std::strtoull(seed, nullptr, 10)};
  const std::string variable = std::string("TOCSIN_CASES_") + suite;
  if (const char* count = std::getenv(variable.c_str())) {
    cases = static_cast<std::size_t>(std::strtoull(count, nullptr, 10));
  } else if (is_quick()) {
    cases = (cases + 9) / 10;
  }
  std::uint64_t first = 0;
  if (const char* from = std::getenv("TOCSIN_SEED_FROM")) first = std::strtoull(from, nullptr, 10);
  std::vector<std::uint64_t> seeds(cases);
  for (std::size_t i = 0; i < cases; ++i) seeds[i] = first + i;
  return seeds;
}
}  // namespace tocsin::tests
