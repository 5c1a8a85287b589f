// Files that nobody would write: each ends in a diagnostic, soon.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>

#include "rules/context/rules.h"
#include "rules/format/format.h"
#include "tests/rules/parse_support.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
std::string repeated(std::size_t count, std::string_view piece) {
  std::string text;
  text.reserve(count * piece.size());
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}
double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}
}  // namespace

TEST_CASE("hostile files: a diagnostic, and only so many, in linear time") {
  const std::size_t deep = is_quick() ? 10'000 : 100'000;
  const std::size_t many = is_quick() ? 10'000 : 200'000;
  const std::size_t bytes = is_quick() ? 1'000'000 : 10'000'000;
  // Each takes a small part of a second; the limit is for slow machines and sanitizers.
  constexpr double kSecondsMax = 90;
  struct Row {
    const char* name;
    std::string text;
    const char* code;  // of the first diagnostic
  };
  const auto rule = [](const std::string& pattern) {
    return "rule r \"t\" { when " + pattern + " alert \"x\" }";
  };
  const Row rows[] = {
      {"open parentheses", "kind k = p where " + repeated(deep, "("), "E0115"},
      {"balanced parentheses",
       "kind k = p where " + repeated(deep, "(") + "1" + repeated(deep, ")"), "E0115"},
      {"open braces", repeated(deep, "{"), "E0101"},
      {"braces of an event", "event e " + repeated(deep, "{"), "E0101"},
      {"brackets of all sorts", "kind k = p where " + repeated(deep, "([{"), "E0101"},
      {"not", "kind k = p where " + repeated(deep, "not ") + "a", "E0115"},
      {"unary minus", "kind k = p where " + repeated(deep, "-") + "a", "E0115"},
      {"all of", rule(repeated(deep, "all of { ") + "p" + repeated(deep, " }")), "E0423"},
      {"one of", rule(repeated(deep, "one of { ")), "E0115"},
      {"a choice in a choice", "kind k = p where " + repeated(deep, "if a then "), "E0115"},
      {"closing braces", repeated(many, "}"), "E0114"},
      {"commas", "list l : int = [" + repeated(many, ",") + "]", "E0125"},
      {"quotes", repeated(many + 1, "\""), "E0101"},
      {"slashes", "kind k = p where a matches " + repeated(many, "/"), "E0202"},
      {"a long string that does not end", "const A = \"" + repeated(bytes, "x"), "E0109"},
      {"a long word", repeated(bytes, "a"), "E0120"},
      {"a long number", "const A = " + repeated(bytes, "9"), "E0106"},
      {"a long line", "kind k = nobody where a = 1" + repeated(many, " or a = 1"), "E0202"},
      {"NUL bytes", std::string(bytes, '\0'), "E0103"},
      {"one NUL byte", std::string("event e { a: int }\0", 19), "E0103"},
      {"a long file", repeated(1'000'000, "kind k = p where a = 1 and b = 2 # 50 bytes in all\n"),
       "E0116"},
      {"many mistakes of syntax", repeated(many, "const A =\n"), "E0101"},
      {"many mistakes on one line", repeated(many, "$ "), "E0104"},
      {"many unknown names on one line", rule("p" + repeated(many, " then q")), "E0202"},
      {"many files that are not there", repeated(many, "use \"a\"\n"), "E0213"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto begin = std::chrono::steady_clock::now();
    const rules::Loaded loaded =
        rules::load({"hostile.tocsin"}, [&](const std::string& path) -> Result<std::string> {
          if (path == "hostile.tocsin") return row.text;
          return fail(Errc::kNotFound, "no such file");
        });
    CHECK_FALSE(loaded.rules.has_value());
    REQUIRE_FALSE(loaded.diagnostics.empty());
    CHECK(loaded.diagnostics.size() <= 1001);
    CHECK(rules::code_name(loaded.diagnostics.front().code) == row.code);
    std::size_t shown = 0;
    for (const rules::Diagnostic& diagnostic : loaded.diagnostics)
      shown += rules::render(loaded.sources, diagnostic).size();
    CHECK(shown < 1'000'000);
    CHECK(seconds_since(begin) < kSecondsMax);
  }
}

TEST_CASE("hostile files: what is long but legal is laid out") {
  const std::size_t part = is_quick() ? 10 : 1;
  for (const std::string& text :
       {"list l : int = [" + repeated(100'000 / part, "1, ") + "1]",
        "kind k = p where a = 1" + repeated(50'000 / part, " or a = 1"),
        repeated(100'000 / part, "const A = 1 # a\n\n"), "const A = 1 #" + repeated(1'000'000, "x"),
        "rule r \"t\" { when p" + repeated(20'000 / part, " then p") + " alert \"x\" }",
        "rule r \"t\" { when p alert \"" + repeated(100'000 / part, "{a}") + "\" }"}) {
    rules::SourceMap sources;
    rules::DiagnosticSink sink;
    const std::uint32_t file = sources.add("long.tocsin", text);
    const auto made = rules::format(sources, file, sink);
    REQUIRE(made.has_value());
    CHECK(made->size() >= text.size() / 2);
  }
}
}  // namespace tocsin::tests
