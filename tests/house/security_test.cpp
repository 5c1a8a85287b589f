// The page about security names tests that there are: suites of ./do test, and words of their
// cases.
#include <doctest/doctest.h>

#include <regex>
#include <sstream>
#include <string>

#include "tests/house/repository.h"

namespace tocsin::tests {
namespace {
using Matches = std::sregex_iterator;

std::string all_tests() {
  std::string text;
  for (const std::string& path : repository_files()) {
    const bool is_test = path.starts_with("tests/") && path != "tests/house/security_test.cpp";
    if (is_test && (path.ends_with(".cpp") || path.ends_with(".py"))) text += read_file(path);
  }
  return text;
}
}  // namespace

TEST_CASE("security: each threat has a test that closes it, and the test is there") {
  const std::string suites = read_file("scripts/suites.sh");
  const std::string tests = all_tests();
  std::istringstream page(read_file("docs/security.md"));
  int rows = 0;
  static const std::regex kRow(R"(\| ([^|]+) \| ([^|]+) \| ([^|]+) \|)");
  static const std::regex kSuite("`([a-z-]+)`");
  static const std::regex kCase("\"([^\"]+)\"");
  for (std::string line; std::getline(page, line);) {
    std::smatch row;
    if (!std::regex_match(line, row, kRow) || row[1] == "threat") continue;
    ++rows;
    CAPTURE(line);
    const std::string shown = row[3].str();
    int named = 0;
    for (auto suite = Matches(shown.begin(), shown.end(), kSuite); suite != Matches(); ++suite) {
      ++named;
      const std::string name = (*suite)[1].str();
      CAPTURE(name);
      const bool is_suite = suites.find("'" + name + "|") != std::string::npos;
      const bool is_unit = std::regex_search(suites, std::regex("unit_suites=\\([^)]*\\b" + name));
      CHECK((is_suite || is_unit));
    }
    CHECK(named > 0);
    for (auto one = Matches(shown.begin(), shown.end(), kCase); one != Matches(); ++one) {
      const std::string words = (*one)[1].str();
      CAPTURE(words);
      CHECK(tests.find(words) != std::string::npos);
    }
  }
  CHECK(rows > 8);
}
}  // namespace tocsin::tests
