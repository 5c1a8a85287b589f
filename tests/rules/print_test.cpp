// The canonical text of syntax trees.
#include <doctest/doctest.h>

#include <string>

#include "rules/format/print.h"
#include "tests/rules/parse_support.h"
#include "tests/rules/sample_text.h"

namespace tocsin::tests {
using namespace rules;

TEST_CASE("print: the canonical text of a file with every construct, and of no declaration") {
  const Parsed parsed = parse_text(kSampleText);
  REQUIRE(rendered(parsed) == "");
  const std::string printed = rules::print(parsed.file);
  CHECK(printed.find("list test_cards : string = [\"4000-0000\", \"4111-1111\"]\n") !=
        std::string::npos);
  CHECK(printed.find("  probe_total: sum(probes.amount),\n") != std::string::npos);
  const Parsed again = parse_text(printed);
  REQUIRE(rendered(again) == "");
  CHECK(rules::print(again.file) == printed);
  CHECK(rules::print(parse_text("# nothing\n").file).empty());
}

TEST_CASE("print: an expression gets the parentheses that it needs and keeps those that it has") {
  struct Row {
    const char* text;
    const char* printed;
  };
  constexpr Row kRows[] = {
      {"((a))", "(a)"},
      {"a and (b or c)", "a and (b or c)"},
      {"(a and b) or c", "(a and b) or c"},
      {"a-(b-c)", "a - (b - c)"},
      {"not(a)", "not (a)"},
      {"f( a,b )", "f(a, b)"},
      {"a[ 1 ] .b", "a[1].b"},
      {"a in[1,2,]", "a in [1, 2]"},
      {"\"\\u0041\\/\"", "\"A/\""},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const Parsed parsed = parse_text(std::string("kind k = p where ") + row.text);
    REQUIRE(rendered(parsed) == "");
    CHECK(rules::print(condition_of(parsed)) == row.printed);
  }
}
}  // namespace tocsin::tests
