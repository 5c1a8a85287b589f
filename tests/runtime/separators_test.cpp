// Separators of lines by each set of instructions, against a loop over characters.
#include "runtime/decode/separators.h"

#include <doctest/doctest.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/decode/json_structure.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
struct Naive {
  bool is_sound = true;
  std::vector<std::uint32_t> separators;
  std::vector<std::uint32_t> quotes_before;  // each byte
};
Naive naive_scan(std::string_view lines) {
  Naive naive;
  bool is_inside = false;
  bool is_escaped = false;
  std::uint32_t quotes = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const char c = lines[i];
    naive.quotes_before.push_back(quotes);
    const bool was_escaped = std::exchange(is_escaped, c == '\\' && !is_escaped);
    if (is_inside && static_cast<unsigned char>(c) < 0x20) naive.is_sound = false;
    if (c == '\\' && !is_inside) naive.is_sound = false;
    if (c == '"' && !was_escaped) {
      is_inside = !is_inside;
      ++quotes;
    }
    if (!is_inside && (c == ',' || c == '\n')) {
      naive.separators.push_back(static_cast<std::uint32_t>(i));
    }
  }
  naive.is_sound = naive.is_sound && is_utf8(lines);
  return naive;
}

std::vector<std::pair<const char*, const SeparatorScan*>> all_lanes() {
  std::vector<std::pair<const char*, const SeparatorScan*>> all;
  for (const auto& [name, lanes] : {std::pair{"plain", ScanLanes::kPlain},
                                    {"AVX2", ScanLanes::kAvx2},
                                    {"AVX-512", ScanLanes::kAvx512}}) {
    if (const SeparatorScan* const scan = separator_scan(lanes)) all.emplace_back(name, scan);
  }
  return all;
}

void check(std::string_view lines) {
  // What stands behind is no part of it.
  const std::string padded = std::string(lines) + std::string(kSeparatorPadding, ',');
  lines = std::string_view(padded).substr(0, lines.size());
  CAPTURE(lines);
  const Naive naive = naive_scan(lines);
  for (const auto& lanes : all_lanes()) {
    CAPTURE(lanes.first);
    Separators separators(*lanes.second);
    // What it knew before changes nothing.
    static const std::string kBefore(1'000, '\n');
    static const std::string kPadded = kBefore + std::string(kSeparatorPadding, '"');
    REQUIRE(separators.scan(std::string_view(kPadded).substr(0, kBefore.size())));
    REQUIRE(separators.scan(lines) == naive.is_sound);
    if (!naive.is_sound) continue;
    REQUIRE(std::vector(separators.begin(), separators.end()) == naive.separators);
    REQUIRE(separators.begin()[-1] == Separators::kNone);
    for (std::uint32_t i = 0; i < lines.size(); ++i) {
      REQUIRE(separators.quotes_before(i) == naive.quotes_before[i]);
    }
  }
}

std::string random_string(tests::Random& random) {
  std::string text = "\"";
  for (std::size_t i = random.below(random.chance(10) ? 90 : 8); i > 0; --i) {
    text += random.pick({"a", ",", "{", "\\\"", "\\\\", "\\n", "\xc3\xa9", " ", "\\\\\\\""});
  }
  return text + '"';
}
}  // namespace

TEST_CASE("separators: what a loop over characters finds, by each set of instructions") {
  std::size_t sound = 0;
  const std::size_t cases = 20'000;
  tests::for_all_seeds("runtime", cases, [&](tests::Random& random) {
    std::string lines;
    for (std::size_t i = random.below(40); i > 0; --i) {
      switch (random.weighted({30, 30, 20, 20})) {
        case 0:
          lines += random_string(random);
          break;
        case 1:
          lines += random.pick({",", ", ", ":", "{", "}", "[1,2]", "17", "-1.5e3"});
          break;
        case 2:
          lines += '\n';
          break;
        default:
          lines += std::string(random.below(70), random.pick({' ', 'x', ','}));
      }
    }
    lines += '\n';
    if (lines.size() > 1 && random.chance(40)) {
      const std::size_t at = random.below(lines.size() - 1);
      lines[at] = random.pick({'"', '\\', '\n', '\x01', '\xff', ',', '\t', '\0'});
    }
    sound += naive_scan(lines).is_sound ? 1U : 0U;
    check(lines);
  });
  if (tests::seeds_of("runtime", cases).size() > 1) CHECK(sound > 10);
}

TEST_CASE("separators: texts of every length, and what reaches from one 64 bytes into the next") {
  for (std::size_t size = 1; size < 300; ++size) {
    for (const char c : {',', 'x', ' '}) check(std::string(size - 1, c) + '\n');
    const std::string quoted = '"' + std::string(size, ',') + '"';
    check(quoted + ",\n");
    for (const char* end : {"\\\\\"", "\\\"\"", "\\\\\\\"\"", "\\"}) {
      check('"' + std::string(size, 'x') + end + ",\n");
    }
    check(std::string(size, 'x') + "\"\n\"\n");
  }
  Separators separators;
  const std::string nothing(kSeparatorPadding, '"');
  CHECK_FALSE(separators.scan(std::string_view(nothing).substr(0, 0)));
}

// The address sanitizer's own code at a function's end uses them too.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
namespace {
// Whether the upper halves of vector registers are in use, as the processor says itself (XINUSE,
// Intel's manual, volume 1, 13.6).
bool upper_halves_in_use() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(1));  // xgetbv
  return (low & 0x44) != 0;
}
}  // namespace

// Else each SSE instruction that follows, in the whole program, waits for them.
TEST_CASE("separators: the upper halves of registers are clear afterwards") {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  std::uint32_t d = 0;
  const bool can_tell = __get_cpuid_count(0xd, 1, &a, &b, &c, &d) != 0 && (a & 4) != 0;
  if (!can_tell || separator_scan(ScanLanes::kAvx2) == nullptr) {
    MESSAGE("skipped: this processor cannot tell");
    return;
  }
  const std::string lines = std::string(200, 'x') + "\n" + std::string(kSeparatorPadding, ' ');
  for (const auto& lanes : all_lanes()) {
    CAPTURE(lanes.first);
    Separators separators(*lanes.second);
    bool is_clear = false;
    // After one of many calls: an interrupt may have used them after others.
    for (int i = 0; i < 100 && !is_clear; ++i) {
      asm volatile("vzeroupper");
      separators.scan(std::string_view(lines).substr(0, 201));
      is_clear = !upper_halves_in_use();
    }
    CHECK(is_clear);
  }
}
#endif
}  // namespace tocsin::runtime
