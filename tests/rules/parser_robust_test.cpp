// Whatever the bytes are, parsing ends soon, with a tree and diagnostics that can be shown.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "rules/format/print.h"
#include "tests/rules/parse_support.h"
#include "tests/rules/sample_text.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
std::string random_bytes(Random& random) {
  std::string text(random.below(400), ' ');
  for (char& c : text) c = static_cast<char>(random.below(256));
  return text;
}

// Words and marks of the language in no order at all. Long because they are one table.
std::string random_tokens(Random& random) {
  static const std::vector<std::string> kTokens = {"use",
                                                   "event",
                                                   "kind",
                                                   "list",
                                                   "table",
                                                   "const",
                                                   "feature",
                                                   "features",
                                                   "rule",
                                                   "test",
                                                   "by",
                                                   "when",
                                                   "within",
                                                   "having",
                                                   "alert",
                                                   "once",
                                                   "per",
                                                   "for",
                                                   "each",
                                                   "where",
                                                   "and",
                                                   "or",
                                                   "not",
                                                   "in",
                                                   "is",
                                                   "missing",
                                                   "matches",
                                                   "any",
                                                   "of",
                                                   "then",
                                                   "next",
                                                   "first",
                                                   "no",
                                                   "one",
                                                   "all",
                                                   "if",
                                                   "else",
                                                   "over",
                                                   "last",
                                                   "count",
                                                   "sum",
                                                   "{",
                                                   "}",
                                                   "(",
                                                   ")",
                                                   "[",
                                                   "]",
                                                   ",",
                                                   ":",
                                                   ".",
                                                   "..",
                                                   "=",
                                                   "<",
                                                   "+",
                                                   "-",
                                                   "/",
                                                   "*",
                                                   "%",
                                                   "|",
                                                   "?",
                                                   "!",
                                                   "10m",
                                                   "3",
                                                   "2.50",
                                                   "1e3",
                                                   "\"text\"",
                                                   "\"{a}\"",
                                                   "\"{",
                                                   "\"}",
                                                   "/x/i",
                                                   "payment",
                                                   "card",
                                                   "`quoted`",
                                                   "`",
                                                   "\"",
                                                   "'",
                                                   "$x",
                                                   "==",
                                                   "&&",
                                                   "2027-01-01",
                                                   "\n",
                                                   "\n  ",
                                                   "#",
                                                   "expect",
                                                   "until",
                                                   "event x {",
                                                   "rule r \"t\" {",
                                                   "test r \"t\" {",
                                                   "\xC3\xA9",
                                                   "\xE2\x80\x9C",
                                                   "\xFF"};
  std::string text;
  const std::size_t count = random.below(120);
  for (std::size_t i = 0; i < count; ++i)
    text += random.pick(kTokens) + (random.chance(80) ? " " : "");
  return text;
}

// A good file, damaged in a few places.
std::string mutated(Random& random) {
  std::string text(kSampleText);
  const std::size_t edits = 1 + random.below(8);
  for (std::size_t i = 0; i < edits && !text.empty(); ++i) {
    const std::size_t at = random.below(text.size());
    const std::size_t length = std::min(random.below(20) + 1, text.size() - at);
    switch (random.below(6)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text[at] = static_cast<char>(random.below(256));
        break;
      case 2:
        text.insert(at, text.substr(random.below(text.size()), length));
        break;
      case 3:
        text.insert(at, 1, random.pick({'{', '}', '(', ')', '[', ']', '"', '/', ',', '`'}));
        break;
      case 4:
        text.resize(at);
        break;
      default:
        std::swap(text[at], text[random.below(text.size())]);
        break;
    }
  }
  return text;
}

void check_any(const std::string& text) {
  const Parsed parsed = parse_text(text);
  check_spans(parsed);
  for (const auto& diagnostic : parsed.diagnostics) {
    REQUIRE(!rules::render(parsed.sources, diagnostic, true).empty());
    REQUIRE(!rules::render_json(parsed.sources, diagnostic).empty());
  }
  // What was lost is said, and what was not can be printed.
  if (parsed.file.broken) REQUIRE(!parsed.diagnostics.empty());
  if (!parsed.file.broken) {
    const std::string printed = rules::print(parsed.file);
    const Parsed again = parse_text(printed);
    INFO(printed);
    INFO(rendered(again));
    REQUIRE(again.diagnostics.empty());
    REQUIRE(rules::print(again.file) == printed);
  }
}
}  // namespace

TEST_CASE("parser: any bytes, any tokens and damaged files end in a tree and diagnostics") {
  for_all_seeds("RULES", 2000, [](Random& random) {
    const std::string text = random.chance(15)   ? random_bytes(random)
                             : random.chance(40) ? random_tokens(random)
                                                 : mutated(random);
    INFO(text);
    check_any(text);
  });
}

TEST_CASE("parser: every beginning of a good file ends in a tree and diagnostics") {
  const std::string text(kSampleText);
  for (std::size_t length = 0; length <= text.size(); length += length < 600 ? 1 : 7) {
    CAPTURE(length);
    check_any(text.substr(0, length));
  }
}

TEST_CASE("parser: too deep a place gives one diagnostic") {
  constexpr std::size_t kMany = 100'000;
  const auto repeated = [](std::string_view piece) {
    std::string text;
    for (std::size_t i = 0; i < kMany; ++i) text += piece;
    return text;
  };
  struct Row {
    const char* name;
    std::string text;
  };
  const Row rows[] = {
      {"open parentheses", "kind k = p where " + repeated("(")},
      {"balanced parentheses", "kind k = p where " + repeated("(") + "1" + repeated(")")},
      {"not", "kind k = p where " + repeated("not ") + "a"},
      {"minus", "kind k = p where " + repeated("- ") + "a"},
      {"exclamation marks apart",
       "rule r \"t\" {\n  when p where " + repeated("-") + "a\n  alert \"x\"\n}"},
      {"brackets", "const C = " + repeated("[")},
      {"calls", "kind k = p where " + repeated("f(")},
      {"indices", "kind k = p where a" + repeated("[a")},
      {"choices", "kind k = p where " + repeated("if a then ")},
      {"groups", "rule r \"t\" {\n  when " + repeated("(") + "\n  alert \"x\"\n}"},
      {"alternatives", "rule r \"t\" {\n  when " + repeated("one of { ") + "\n  alert \"x\"\n}"},
      {"a long sum", "kind k = p where " + repeated("1 + ") + "1 = 2"},
      {"a long path", "kind k = p where a" + repeated(".b") + " = 2"},
      {"in a message", "rule r \"t\" {\n  alert \"{" + repeated("(") + "}\"\n  when p\n}"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Parsed parsed = parse_text(row.text);
    REQUIRE(parsed.diagnostics.size() == 1);
    CHECK(rules::code_name(parsed.diagnostics[0].code) == "E0115");
    CHECK(parsed.file.broken);
  }
}

TEST_CASE("parser: what is long but flat is read") {
  std::string list = "list l: int = [1";
  std::string any = "kind k = p where a = 1";
  for (int i = 0; i < 50'000; ++i) {
    list += ", " + std::to_string(i);
    any += " or a = " + std::to_string(i);
  }
  const Parsed parsed = parse_text(list + "]\n" + any + "\n");
  CHECK(rendered(parsed) == "");
  REQUIRE(parsed.file.items.size() == 2);
  CHECK(std::get<rules::tree::List>(parsed.file.items[0]).values.size() == 50'001);
}

TEST_CASE("parser: limits on the size of a file and on its mistakes") {
  rules::ParseLimits limits;
  limits.bytes_max = 20;
  CHECK(summary(parse_text("const ABCDEFGHIJ = 123", limits)) ==
        "E0116 1:1 the file has 22 bytes, more than the 20 that are read\n");
  CHECK(summary(parse_text("const ABCDEFGH = 123", limits)) == "");

  std::string text;
  for (int i = 0; i < 2000; ++i) text += "const C = \n";
  const Parsed parsed = parse_text(text);
  REQUIRE(parsed.diagnostics.size() == 1001);
  CHECK(rules::code_name(parsed.diagnostics.back().code) == "E0127");
}
}  // namespace tocsin::tests
