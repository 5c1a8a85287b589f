// The formatter keeps the tree and the comments, and has nothing to do a second time; then its
// layout.
#include "rules/format/format.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "rules/syntax/same_tree.h"
#include "rules/syntax/source_tokens.h"
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

// Every .tocsin file below `folder` of the repository that has no mistakes of syntax.
std::size_t check_files_below(const char* folder) {
  std::size_t checked = 0;
  const std::filesystem::path root(TOCSIN_SOURCE_DIR);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
    if (entry.path().extension() != ".tocsin") continue;
    const std::string name = entry.path().string();
    CAPTURE(name);
    std::ifstream stream(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream),
                           std::istreambuf_iterator<char>()};
    const Formatted made = format_text(text);
    CHECK(made.text.has_value() == made.diagnostics.empty());
    if (!made.text) continue;
    check_promises(text);
    ++checked;
  }
  return checked;
}

TEST_CASE("format: files of the samples and the tests keep their tree and comments") {
  CHECK(check_files_below("samples") > 10);
  CHECK(check_files_below("tests") > 60);
}

TEST_CASE("format: generated files keep their tree and comments, and are done once") {
  for_all_seeds("FORMAT", 10'000, [](Random& random) {
    const int depth_max = random.chance(10) ? 6 : 3;
    const std::string text = random_rule_file(random, {.comments = true, .depth_max = depth_max});
    INFO(text);
    check_promises(text);
  });
}

TEST_CASE("format: a file with a mistake of syntax is not formatted") {
  const Formatted made = format_text("const A = \nkind k=a");
  CHECK_FALSE(made.text.has_value());
  CHECK(made.diagnostics.find("error[E0101]") != std::string::npos);
  // One that the parser understands all the same is a mistake too.
  CHECK_FALSE(format_text("kind k = a where b == 1").text.has_value());
  CHECK_FALSE(format_text("kind k = a // c").text.has_value());
}

// Long because it is one table of cases.
TEST_CASE("format: the layout") {
  struct Row {
    const char* name;
    const char* text;
    const char* formatted;
  };
  const Row rows[] = {
      {"nothing", "", ""},
      {"blanks only", " \n\t\n", ""},
      {"comments only", "\n\n# a\n\n\n  # b  \n", "# a\n\n# b\n"},
      {"declarations of one kind stand together, as the author grouped them",
       "const A=1\nconst B=2\n\n\n\nconst C=3\nkind k=a",
       "const A = 1\nconst B = 2\n\nconst C = 3\n\nkind k = a\n"},
      {"literals stay as written",
       "const A = 1_0\nconst B = 1.50e1\nlist l : string = [\"\\u0041\\/\", \"é\"]\nfeature "
       "f=count(a) by b over last 60s",
       "const A = 1_0\nconst B = 1.50e1\n\nlist l : string = [\"\\u0041\\/\", \"é\"]\n\nfeature f "
       "= count(a) by b over last 60s\n"},
      {"operators", "kind k = a where -b*(c+d)>=e[f,g].h/2 and not(i)is known or j in[1,2,]",
       "kind k = a where -b * (c + d) >= e[f, g].h / 2 and not (i) is known or j in [1, 2]\n"},
      {"parentheses around parentheses go", "kind k = a where (((b)))and((c)or d)",
       "kind k = a where (b) and ((c) or d)\n"},
      {"their comments do not", "kind k = a where ( # one\n (b) # two\n) # three",
       "kind k = a where (  # one\n    b\n  )  # two\n# three\n"},
      {"entries on one line stay there, each on its own too",
       "event a{b:int,c:string?,}event d{\nb:int,\nc:string id}",
       "event a { b: int, c: string? }\n\nevent d {\n  b: int,\n  c: string id,\n}\n"},
      {"entries that only begin on a new line", "event a {\nb: int, c: int }",
       "event a { b: int, c: int }\n"},
      {"empty braces", "event a {\n\n}\ndefaults a { # c\n}",
       "event a {}\n\ndefaults a {  # c\n}\n"},
      {"a condition that has no room",
       "kind k = a where bbbbbbbbbbbbbbbbbbbbbbbbbbbb = 1 and cccccccccccccccccccccccccccccccc = 2 "
       "and (dddddddddd = 3 or e = 4)",
       "kind k = a where bbbbbbbbbbbbbbbbbbbbbbbbbbbb = 1\n  and cccccccccccccccccccccccccccccccc "
       "= 2\n  and (dddddddddd = 3 or e = 4)\n"},
      {"a pattern that has no room",
       "rule r \"t\" { by card when a as first_one where amount > 100 then next b as second_one "
       "where amount > 200 then no c for 1h alert \"x\" }",
       "rule r \"t\" {\n  by card\n  when a as first_one where amount > 100\n    then next b as "
       "second_one where amount > 200\n    then no c for 1h\n  alert \"x\"\n}\n"},
      {"a list that has no room is packed",
       "list l : int = [100000000, 200000000, 300000000, 400000000, 500000000, 600000000, "
       "700000000, 800000000, 900000000, 1]",
       "list l : int = [\n  100000000, 200000000, 300000000, 400000000, 500000000, 600000000, "
       "700000000, 800000000, 900000000,\n  1,\n]\n"},
      {"fields of an alert, in columns",
       "rule r \"t\" { when a alert \"x\" { score: 5,\ntotal_amount: sum(b), "
       "long_enough_to_have_no_room: ccccccccccccccccccccccccccccccccccccccc } }",
       "rule r \"t\" {\n  when a\n  alert \"x\" {\n    score:        5,\n    total_amount: "
       "sum(b),\n    long_enough_to_have_no_room: ccccccccccccccccccccccccccccccccccccccc,\n  "
       "}\n}\n"},
      {"offsets in one column",
       "test r \"t\" { starting 2026-03-02T12:00:00Z 0s a { b: 1 } 1m30s a {} until 1h expect "
       "alert 2 times at 0s {b:1} expect alert }",
       "test r \"t\" {\n  starting 2026-03-02T12:00:00Z\n  0s     a { b: 1 }\n  1m30s  a {}\n  "
       "until 1h\n  expect alert 2 times at 0s { b: 1 }\n  expect alert\n}\n"},
      {"comments at the ends of lines, in one column",
       "event a { # of a\n b: int, # one\n # own\n card: string # two\n, c: int } # end",
       "event a {  # of a\n  b: int,  # one\n  # own\n  card: string,  # two\n  c: int,\n}  # "
       "end\n"},
      {"comments at the ends of neighbouring lines",
       "event a {\n b: int, # one\n card: string, # two\n\n c: int, # three\n }",
       "event a {\n  b: int,        # one\n  card: string,  # two\n\n  c: int,  # three\n}\n"},
      {"comments inside of a condition",
       "kind k = a where b = 1 # why\n and # because\n c = 2\n # and then\n and d = 3",
       "kind k = a where b = 1  # why\n  and c = 2  # because\n  # and then\n  and d = "
       "3\n"},
      {"comments where no line may end go to the next end",
       "rule # one\n r # two\n \"t\" {\n # three\n\n when a\n\n # four\n alert \"x\" # five\n # "
       "six\n}\n# seven",
       "rule r \"t\" {  # one\n  # two\n  # three\n\n  when a\n\n  # four\n  alert \"x\"  # five\n "
       " # six\n}\n# seven\n"},
      {"single empty lines between clauses and entries stay",
       "rule r \"t\" {\n\n\n by a\n\n\n when b\n alert \"x\" {\n\n c: d,\n\n\n e: f\n\n}\n\n}",
       "rule r \"t\" {\n  by a\n\n  when b\n  alert \"x\" {\n    c: d,\n\n    e: f,\n  }\n}\n"},
      {"lines that end in other ways, and a byte-order mark",
       "\xEF\xBB\xBF# a\r\n\r\nconst A = 1 # b\r\rconst B = 2",
       "# a\n\nconst A = 1  # b\n\nconst B = 2\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(formatted(row.text) == row.formatted);
    check_promises(row.text);
  }
}

TEST_CASE(
    "same_tree: every word, literal and form counts; places, comments and last commas do not") {
  const char* const file =
      "event a from \"A\" { ts: time up to 1m late, b: decimal(2)? evidence = c + 1, d: enum(x, "
      "\"y\") }\n"
      "rule r \"t\" { by a when optional 2..3 each b as c where d in [1, 2] then next e within 5m "
      "alert \"{f}\" { g: h } }\n"
      "test r \"t\" { 0s a { b: 1 } expect alert at 1m { c: -2 } }\n";
  const Syntax tree = syntax_of(file);
  CHECK(rules::same_tree(tree.tree, syntax_of("# x\n" + std::string(file) + "\n").tree));
  const std::string text = file;
  struct Edit {
    const char* from;
    const char* to;
  };
  constexpr Edit kEdits[] = {
      {"event a", "event b"},
      {"\"A\"", "\"B\""},
      {"1m late", "2m late"},
      {"1m late", "60s late"},
      {"decimal(2)", "decimal(3)"},
      {"?", ""},
      {"evidence", "pii"},
      {"c + 1", "c - 1"},
      {"c + 1", "(c + 1)"},
      {"\"y\"", "y"},
      {"by a", "by b"},
      {"optional ", ""},
      {"2..3", "2+"},
      {"each", "next"},
      {"as c", "as `c`"},
      {"[1, 2]", "[1, 2, 3]"},
      {"[1, 2]", "[1, 2.0]"},
      {"next e", "first e"},
      {"within 5m", "until e"},
      {"{f}", "{g}"},
      {"g: h", "g: i"},
      {"0s a", "1s a"},
      {"b: 1", "b: 2"},
      {"at 1m", "2 times"},
      {"-2", "2"},
  };
  for (const Edit& edit : kEdits) {
    CAPTURE(edit.from);
    std::string other = text;
    const std::size_t at = other.find(edit.from);
    REQUIRE(at != std::string::npos);
    other.replace(at, std::string(edit.from).size(), edit.to);
    CHECK_FALSE(rules::same_tree(tree.tree, syntax_of(other).tree));
  }
}
}  // namespace tocsin::tests
