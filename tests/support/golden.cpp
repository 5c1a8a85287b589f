#include "tests/support/golden.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace tocsin::tests {
void check_golden(const std::string& name, std::string_view actual) {
  const std::string path = std::string(TOCSIN_SOURCE_DIR) + "/tests/golden/" + name;
  const char* update = std::getenv("UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") {
    std::ofstream out(path, std::ios::binary);
    out << actual;
    REQUIRE_MESSAGE(out.good(), "cannot write " << path);
    return;
  }
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), "cannot read " << path << "; UPDATE_GOLDEN=1 writes it");
  const std::string expected{std::istreambuf_iterator<char>(in), {}};
  if (expected == actual) return;
  std::istringstream expected_lines(expected);
  std::istringstream actual_lines{std::string(actual)};
  std::string expected_line;
  std::string actual_line;
  for (int number = 1;; ++number) {
    const bool more_expected = static_cast<bool>(std::getline(expected_lines, expected_line));
    const bool more_actual = static_cast<bool>(std::getline(actual_lines, actual_line));
    if (!more_expected) expected_line = "(end of file)";
    if (!more_actual) actual_line = "(end of text)";
    CAPTURE(path);
    CAPTURE(number);
    CHECK(expected_line == actual_line);
    if (expected_line != actual_line || (!more_expected && !more_actual)) return;
  }
}

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 0xf];
  }
  return out;
}
}  // namespace tocsin::tests
