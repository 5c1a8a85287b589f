/// What a fuzz target has: libFuzzer's entry point, which tests/fuzz/replay.cpp calls too, and a
/// check that ends the process when it does not hold.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// Tries one input; returns 0. Aborts when something does not hold.
// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace tocsin::fuzz {
/// Aborts with `why` when `condition` is false.
inline void require(bool condition, const char* why) {
  if (condition) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", why);
  std::abort();
}
inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}
}  // namespace tocsin::fuzz
