// How diagnostics look.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "rules/text/diagnostics.h"

namespace tocsin::tests {
namespace {
using rules::Diagnostic;
using rules::SourceMap;
using rules::SourceSpan;

SourceSpan span_of(const SourceMap& sources, std::uint32_t file, std::string_view word) {
  const std::size_t at = sources.text(file).find(word);
  REQUIRE(at != std::string_view::npos);
  return {file, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + word.size())};
}
Diagnostic made(SourceSpan span, std::string label = {}) {
  Diagnostic diagnostic;
  diagnostic.code = rules::Code::kE0101;
  diagnostic.message = "something is wrong";
  diagnostic.primary = {span, std::move(label)};
  return diagnostic;
}
}  // namespace

TEST_CASE("render: the line, a caret under the word, labels, notes and helps") {
  SourceMap sources;
  const std::uint32_t file =
      sources.add("rules/cards.tocsin", "a\n\n  when probe where amount > country\n");
  Diagnostic diagnostic = made(span_of(sources, file, ">"));
  diagnostic.labels = {{span_of(sources, file, "amount"), "`decimal(2)`"},
                       {span_of(sources, file, "country"), "`string`"}};
  diagnostic.notes = {"a note"};
  diagnostic.helps = {"a help\non two lines"};
  CHECK(rules::render(sources, diagnostic) ==
        "error[E0101]: something is wrong\n"
        " --> rules/cards.tocsin:3:27\n"
        "  |\n"
        "3 |   when probe where amount > country\n"
        "  |                    ------ ^ ------- `string`\n"
        "  |                    `decimal(2)`\n"
        "  |\n"
        "  = a note\n"
        "  = help: a help\n"
        "    on two lines\n"
        "\n");
}

TEST_CASE("render: three labels on one line hang below each other") {
  SourceMap sources;
  const std::uint32_t file = sources.add("f", "one two three\n");
  Diagnostic diagnostic = made(span_of(sources, file, "two"), "B");
  diagnostic.labels = {{span_of(sources, file, "one"), "A"},
                       {span_of(sources, file, "three"), "C"}};
  CHECK(rules::render(sources, diagnostic) ==
        "error[E0101]: something is wrong\n"
        " --> f:1:5\n"
        "  |\n"
        "1 | one two three\n"
        "  | --- ^^^ ----- C\n"
        "  | |   B\n"
        "  | A\n"
        "\n");
}

TEST_CASE("render: labels on other lines and in other files have their own lines") {
  SourceMap sources;
  const std::uint32_t rules_file = sources.add("rules", "\n\n\n\n\n\n\n\n\nbad\nnear\n\nfar\n");
  const std::uint32_t schema = sources.add("schema", "x\nfield\n");
  Diagnostic diagnostic = made(span_of(sources, rules_file, "bad"));
  diagnostic.labels = {{span_of(sources, rules_file, "far"), "this"},
                       {span_of(sources, rules_file, "near"), ""},
                       {span_of(sources, schema, "field"), "declared here"}};
  CHECK(rules::render(sources, diagnostic) ==
        "error[E0101]: something is wrong\n"
        "  --> rules:10:1\n"
        "   |\n"
        "10 | bad\n"
        "   | ^^^\n"
        "11 | near\n"
        "   | ----\n"
        "...\n"
        "13 | far\n"
        "   | --- this\n"
        "  ::: schema:2:1\n"
        "   |\n"
        " 2 | field\n"
        "   | ----- declared here\n"
        "\n");
}

TEST_CASE(
    "render: columns count code points, tabs and wide characters keep the caret under the word") {
  SourceMap sources;
  const std::uint32_t file =
      sources.add("f", "\t\xC3\xA9\t\xE4\xB8\xAD\xE6\x96\x87 word\x1b[31m\n");
  CHECK(rules::render(sources, made(span_of(sources, file, "word"))) ==
        "error[E0101]: something is wrong\n"
        " --> f:1:7\n"
        "  |\n"
        "1 |     \xC3\xA9   \xE4\xB8\xAD\xE6\x96\x87 word\xEF\xBF\xBD[31m\n"
        "  |              ^^^^\n"
        "\n");
}

TEST_CASE("render: a byte-order mark is no column, and the end of a file has a caret") {
  SourceMap sources;
  const std::uint32_t marked = sources.add("marked", "\xEF\xBB\xBFword");
  CHECK(sources.place(marked, 3).column == 1);
  CHECK(sources.place(marked, 0).column == 1);
  const std::uint32_t file = sources.add("f", "word");
  CHECK(rules::render(sources, made({file, 4, 4})) ==
        "error[E0101]: something is wrong\n"
        " --> f:1:5\n"
        "  |\n"
        "1 | word\n"
        "  |     ^\n"
        "\n");
  const std::uint32_t empty = sources.add("empty", "");
  CHECK(rules::render(sources, made({empty, 0, 0})) ==
        "error[E0101]: something is wrong\n"
        " --> empty:1:1\n"
        "\n");
}

TEST_CASE("render: a long line is cut around the caret") {
  SourceMap sources;
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "filling ";
  text.replace(12'000, 7, "wording");
  text.replace(20'000, 7, "further");
  const std::uint32_t file = sources.add("f", text);
  Diagnostic diagnostic = made(span_of(sources, file, "wording"), "here");
  diagnostic.labels = {{span_of(sources, file, "further"), "there"}};
  const std::string shown = rules::render(sources, diagnostic);
  CHECK(shown ==
        "error[E0101]: something is wrong\n"
        " --> f:1:12001\n"
        "  |\n"
        "1 | \xE2\x80\xA6 lling filling filling filling wording filling filling filling filling "
        "filling filling "
        "filling filling filling \xE2\x80\xA6\n"
        "  |                                 ^^^^^^^ here\n"
        "1 | \xE2\x80\xA6 lling filling filling filling further filling filling filling filling "
        "filling filling "
        "filling filling filling \xE2\x80\xA6\n"
        "  |                                 ------- there\n"
        "\n");
}

TEST_CASE("render: colours frame the same text") {
  SourceMap sources;
  const std::uint32_t file = sources.add("f", "word\n");
  Diagnostic diagnostic = made(span_of(sources, file, "word"), "label");
  diagnostic.helps = {"help"};
  std::string coloured = rules::render(sources, diagnostic, true);
  CHECK(coloured.starts_with("\x1b[1;31merror[E0101]\x1b[0m"));
  std::string plain;
  for (std::size_t i = 0; i < coloured.size(); ++i) {
    if (coloured[i] == '\x1b') {
      i = coloured.find('m', i);
    } else {
      plain += coloured[i];
    }
  }
  CHECK(plain == rules::render(sources, diagnostic));
}

TEST_CASE("render: one line of JSON for an editor") {
  SourceMap sources;
  const std::uint32_t file = sources.add("a\"b", "x\nsome w\xC3\xB6rd\n");
  Diagnostic diagnostic = made(span_of(sources, file, "w\xC3\xB6rd"), "label");
  diagnostic.labels = {{span_of(sources, file, "some"), "other"}};
  diagnostic.helps = {"help"};
  diagnostic.edit = rules::Edit{diagnostic.primary.span, "word"};
  CHECK(
      rules::render_json(sources, diagnostic) ==
      R"({"code":"E0101","level":"error","message":"something is wrong","file":"a\"b","line":2,"column":6,)"
      R"("end_line":2,"end_column":10,"label":"label","labels":[{"file":"a\"b","line":2,"column":1,"end_line":2,)"
      R"("end_column":5,"text":"other"}],"notes":[],"helps":["help"],"edit":{"file":"a\"b","line":2,"column":6,)"
      R"("end_line":2,"end_column":10,"text":"word"}})");
}

TEST_CASE(
    "diagnostics: a sink gives them by file and place, those of one place in the order reported") {
  rules::DiagnosticSink sink;
  for (const SourceSpan span : {SourceSpan{1, 0, 1}, SourceSpan{0, 9, 9}, SourceSpan{0, 4, 5}})
    sink.report(made(span));
  sink.report(made({0, 4, 9}));
  CHECK(sink.has_errors());
  const auto taken = sink.take();
  REQUIRE(taken.size() == 4);
  CHECK(taken[0].primary.span.end == 5);
  CHECK(taken[1].primary.span.end == 9);
  CHECK(taken[2].primary.span.begin == 9);
  CHECK(taken[3].primary.span.file == 1);
  CHECK_FALSE(sink.has_errors());
  CHECK(sink.take().empty());
}
}  // namespace tocsin::tests
