#include "tests/support/random.h"

#include <cstdlib>
#include <string>

namespace tocsin::tests {
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
