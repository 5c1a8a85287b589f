// Warnings switched off: where, how far, and what is said of an `allow` that does nothing.
#include <doctest/doctest.h>

#include <string>

#include "rules/format/print.h"
#include "tests/rules/parse_support.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
const std::string kSchema = "event pay { ts: time, card: string, amount: int }\n";
const std::string kEndless = "by card when pay as a then pay alert \"{a.amount}\" }\n";

std::string found_in(const std::string& text) {
  return places_of(load_files({{"rules.tocsin", kSchema + text}}, {"rules.tocsin"}));
}

TEST_CASE("allow: a clause is for its rule, a declaration for its file") {
  CHECK(found_in("rule r \"r\" { " + kEndless) == "endless_state 2:6");
  CHECK(found_in("rule r \"r\" { allow endless_state \"few cards\" " + kEndless) == "");
  CHECK(found_in("allow endless_state \"few cards\"\nrule r \"r\" { " + kEndless) == "");
  CHECK(found_in("rule r \"r\" { allow endless_state \"few cards\" " + kEndless +
                 "rule s \"s\" { " + kEndless) == "endless_state 3:6");
  CHECK(found_in("rule r \"r\" { allow no_key \"x\" allow endless_state \"few\" when pay as a then "
                 "pay alert \"{a.amount}\" }") == "");
}

TEST_CASE("allow: a declaration does not reach into other files") {
  const rules::Loaded loaded = load_files(
      {{"schema.tocsin", kSchema},
       {"one.tocsin",
        "use \"schema.tocsin\"\nallow endless_state \"few cards\"\nrule r \"r\" { " + kEndless},
       {"rules.tocsin", "use \"schema.tocsin\"\nrule s \"s\" { " + kEndless}},
      {"one.tocsin", "rules.tocsin"});
  CHECK(places_of(loaded) == "endless_state 2:6");
}

TEST_CASE("allow: one that leaves nothing out is warned of, unless the rules are wrong") {
  const std::string right = "by card when pay as a then pay within 1h alert \"{a.amount}\" }\n";
  CHECK(found_in("rule r \"r\" { allow endless_state \"few\" " + right) == "unused_allowance 2:20");
  CHECK(found_in("allow no_key \"x\"\nrule r \"r\" { " + right) == "unused_allowance 2:7");
  CHECK(found_in("allow no_key \"x\"\nallow unused_allowance \"x\"\nrule r \"r\" { " + right) ==
        "");
  CHECK(found_in("allow unused_allowance \"x\"\nrule r \"r\" { " + right) ==
        "unused_allowance 2:7");
  CHECK(found_in(
            "allow no_key \"x\"\nrule r \"r\" { by card when pay where amont > 1 alert \"x\" }") ==
        "E0201 3:37");
  // Only `check` looks for tests.
  CHECK(found_in("allow untested_rule \"x\"\nrule r \"r\" { " + right) == "");
}

TEST_CASE("allow: what is no warning") {
  CHECK(found_in("allow no_kye \"x\"") == "E0230 2:7");
  CHECK(found_in("allow E0201 \"x\"") == "E0230 2:7");
  CHECK(found_in("allow no_key") == "E0101 2:13");
  CHECK(found_in("rule r \"r\" { allow whatever \"x\" " + kEndless) ==
        "endless_state 2:6, E0230 2:20");
}

TEST_CASE("allow: the word is a name wherever nothing is allowed") {
  CHECK(
      found_in(
          "event allow { ts: time, card: string, allow: bool }\nrule r \"r\" { by card when allow "
          "where allow alert \"x\" }") == "");
}

TEST_CASE("allow: printed as written") {
  const std::string text =
      "allow no_key \"all of them\"\n\nrule r \"r\" {\n  when pay\n  allow endless_state \"one\"\n"
      "  except \"a\" where card = \"x\"\n  allow no_key \"two\"\n  alert \"x\"\n}\n";
  const Parsed parsed = parse_text(text);
  CHECK(rules::print(parsed.file) == text);
}
}  // namespace
}  // namespace tocsin::tests
