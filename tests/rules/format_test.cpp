// The formatter keeps the tree and the comments, and has nothing to do a second time; then its
// layout.
#include "rules/format.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "rules/same_tree.h"
#include "rules/source_tokens.h"
#include "tests/rules/parse_support.h"
#include "tests/support/random_syntax.h"

namespace tocsin::tests {
namespace {
struct Formatted {
  std::optional<std::string> text;
  std::string diagnostics;
};
Formatted format_text(std::string_view text) {
  rules::SourceMap sources;
  const std::uint32_t file = sources.add("test.tocsin", std::string(text));
  rules::DiagnosticSink sink;
  Formatted made;
  made.text = rules::format(sources, file, sink);
  for (const rules::Diagnostic& diagnostic : sink.take())
    made.diagnostics += rules::render(sources, diagnostic);
  return made;
}
std::string formatted(std::string_view text) {
  const Formatted made = format_text(text);
  CAPTURE(made.diagnostics);
  REQUIRE(made.text.has_value());
  return *made.text;
}

struct Syntax {
  rules::SourceMap sources;
  rules::tree::File tree;
  std::vector<std::string> comments;
};
Syntax syntax_of(const std::string& text) {
  Syntax made;
  const std::uint32_t file = made.sources.add("test.tocsin", text);
  rules::DiagnosticSink sink;
  std::vector<rules::TokenPlace> places;
  made.tree = rules::parse(made.sources, file, sink, {}, &places);
  REQUIRE_FALSE(sink.has_errors());
  const rules::SourceTokens tokens(made.sources.text(file), places);
  for (const rules::Comment& comment : tokens.comments()) made.comments.emplace_back(comment.text);
  return made;
}

// What the formatter promises of any file without mistakes of syntax.
void check_promises(const std::string& text) {
  const std::string once = formatted(text);
  INFO(once);
  const Syntax before = syntax_of(text);
  const Syntax after = syntax_of(once);
  REQUIRE(rules::same_tree(before.tree, after.tree));
  REQUIRE(before.comments == after.comments);
  REQUIRE(formatted(once) == once);
  REQUIRE(once.find_first_of("\r\t") == std::string::npos);
  REQUIRE(once.find(" \n") == std::string::npos);
  REQUIRE(once.find("\n\n\n") == std::string::npos);
  REQUIRE((once.empty() || once.ends_with('\n')));
  REQUIRE_FALSE(once.starts_with('\n'));
  REQUIRE_FALSE(once.ends_with("\n\n"));
}
}  // namespace

TEST_CASE("format: generated files keep their tree and comments, and are done once") {
  for_all_seeds("FORMAT", 10'000, [](Random& random) {
    const int depth_max = random.chance(10) ? 6 : 3;
    const std::string text = random_rule_file(random, {.comments = true, .depth_max = depth_max});
    INFO(text);
    check_promises(text);
  });
}
}  // namespace tocsin::tests
