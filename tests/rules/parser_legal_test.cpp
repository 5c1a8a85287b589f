// Random legal files, in which every name may be a keyword of some other place: none of them is
// taken for a mistake.
#include <doctest/doctest.h>

#include <string>

#include "rules/format/print.h"
#include "tests/rules/parse_support.h"
#include "tests/support/random_syntax.h"

namespace tocsin::tests {
TEST_CASE(
    "parser: legal files are read without a word, whatever their names, and print back the same") {
  for_all_seeds("RULES", 2000, [](Random& random) {
    const std::string text = random_rule_file(random);
    INFO(text);
    const Parsed parsed = parse_text(text);
    INFO(rendered(parsed));
    REQUIRE(parsed.diagnostics.empty());
    check_spans(parsed);
    const std::string printed = rules::print(parsed.file);
    INFO(printed);
    const Parsed again = parse_text(printed);
    INFO(rendered(again));
    REQUIRE(again.diagnostics.empty());
    REQUIRE(rules::print(again.file) == printed);
  });
}
}  // namespace tocsin::tests
