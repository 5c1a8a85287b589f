// Bits over a column: for each kind of processor that this one can be, what the test says of each
// entry.
#include <doctest/doctest.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cep/eval/column_bits.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using Words = std::vector<std::uint64_t>;
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

struct RandomColumn {
  std::vector<std::uint8_t> known;
  std::vector<std::int64_t> words;
  std::uint32_t rows() const { return static_cast<std::uint32_t>(known.size()); }
};

std::int64_t random_word(Random& random) {
  switch (random.below(6)) {
    case 0:
      return kLeast;
    case 1:
      return kMost;
    case 2:
      return static_cast<std::int64_t>(random.next());
    default:
      return random.between(-5, 5);
  }
}

// What is missing has the word 0.
RandomColumn random_column(Random& random) {
  RandomColumn column;
  const std::size_t rows = random.chance(30) ? random.below(4) * 64 : random.below(300);
  const bool is_full = random.chance(30);
  for (std::size_t i = 0; i < rows; ++i) {
    const bool is_known = is_full || random.chance(80);
    column.known.push_back(is_known ? 1 : 0);
    column.words.push_back(is_known ? random_word(random) : 0);
  }
  return column;
}

Words expected(const RandomColumn& column, const std::function<bool(std::size_t)>& holds) {
  Words words((column.rows() + 63) / 64, 0);
  for (std::size_t i = 0; i < column.rows(); ++i) {
    if (holds(i)) words[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  return words;
}
}  // namespace

TEST_CASE("column bits: every kind of processor gives what the test says of each entry") {
  std::vector<std::pair<std::string, const cep::ColumnBits*>> all;
  for (const auto& [name, lanes] :
       {std::pair{"one", cep::ColumnLanes::kOne}, std::pair{"AVX2", cep::ColumnLanes::kAvx2},
        std::pair{"AVX-512", cep::ColumnLanes::kAvx512}}) {
    const cep::ColumnBits* const bits = cep::column_bits(lanes);
    if (bits == nullptr) MESSAGE("this processor has no " << name << ": not tested");
    if (bits != nullptr) all.emplace_back(name, bits);
  }
  REQUIRE(!all.empty());
  CHECK(&cep::column_bits() == all.back().second);
  Random random(5);
  for (int i = 0; i < 3'000; ++i) {
    const RandomColumn column = random_column(random);
    const bool wanted = random.chance(50);
    const std::int64_t low = random_word(random);
    const std::int64_t high = random.chance(20) ? low : random_word(random);
    std::vector<std::int64_t> values;
    for (std::size_t n = random.below(5); n > 0; --n) values.push_back(random_word(random));
    const Words known =
        expected(column, [&](std::size_t at) { return (column.known[at] != 0) == wanted; });
    const Words range = expected(column, [&](std::size_t at) {
      const std::int64_t word = column.words[at];
      return column.known[at] != 0 && (low <= word && word <= high) == wanted;
    });
    const Words equal = expected(column, [&](std::size_t at) {
      const bool found = std::ranges::find(values, column.words[at]) != values.end();
      return column.known[at] != 0 && found == wanted;
    });
    for (const auto& kind : all) {
      CAPTURE(kind.first);
      CAPTURE(i);
      CAPTURE(column.rows());
      const cep::ColumnBits* const bits = kind.second;
      Words out(known.size(), ~std::uint64_t{0});
      bits->known(column.known.data(), column.rows(), wanted, out.data());
      REQUIRE(out == known);
      std::ranges::fill(out, ~std::uint64_t{0});
      bits->range(column.known.data(), column.words.data(), column.rows(), low, high, wanted,
                  out.data());
      REQUIRE(out == range);
      std::ranges::fill(out, ~std::uint64_t{0});
      bits->equal(column.known.data(), column.words.data(), column.rows(), values, wanted,
                  out.data());
      REQUIRE(out == equal);
    }
  }
}

// The address sanitizer's own code at a function's end uses them too.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
// Whether the upper halves of vector registers are in use, as the processor says itself (XINUSE,
// Intel's manual, volume 1, 13.6).
bool upper_halves_in_use() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(1));  // xgetbv
  return (low & 0x44) != 0;
}
void use_upper_halves() { asm volatile("vpcmpeqd %%ymm0, %%ymm0, %%ymm0" : : : "xmm0"); }
void clear_upper_halves() { asm volatile("vzeroupper"); }
// Whether they are in use after each of many calls: after one, an interrupt may have used them.
template <typename Call>
bool leaves_upper_halves_in_use(Call&& call) {
  for (int i = 0; i < 100; ++i) {
    clear_upper_halves();
    call();
    if (!upper_halves_in_use()) return false;
  }
  return true;
}

// Else each SSE instruction that follows, in the whole program, waits for them.
TEST_CASE("column bits: the upper halves of registers are clear afterwards") {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  std::uint32_t d = 0;
  const bool can_tell = __get_cpuid_count(0xd, 1, &a, &b, &c, &d) != 0 && (a & 4) != 0;
  if (!can_tell || cep::column_bits(cep::ColumnLanes::kAvx2) == nullptr) {
    MESSAGE("skipped: this processor cannot tell");
    return;
  }
  if (!leaves_upper_halves_in_use(use_upper_halves) || leaves_upper_halves_in_use([] {})) {
    MESSAGE("skipped: this processor does not tell");
    return;
  }
  const std::vector<std::uint8_t> known(200, 1);
  const std::vector<std::int64_t> words(200, 7);
  const std::vector<std::int64_t> values{3, 7};
  Words out(4);
  for (const cep::ColumnLanes lanes : {cep::ColumnLanes::kAvx2, cep::ColumnLanes::kAvx512}) {
    const cep::ColumnBits* const bits = cep::column_bits(lanes);
    if (bits == nullptr) continue;
    CHECK_FALSE(
        leaves_upper_halves_in_use([&] { bits->known(known.data(), 200, true, out.data()); }));
    CHECK_FALSE(leaves_upper_halves_in_use(
        [&] { bits->range(known.data(), words.data(), 200, 1, 9, true, out.data()); }));
    CHECK_FALSE(leaves_upper_halves_in_use(
        [&] { bits->equal(known.data(), words.data(), 200, values, true, out.data()); }));
  }
}
#endif
}  // namespace tocsin::tests
