#include "library/explain/explain_text.h"

#include <doctest/doctest.h>

#include <string>

namespace tocsin::library {
namespace {
TEST_CASE("explain text: lines break at blanks, and later ones stand under the first") {
  std::string out;
  append_wrapped(out, "  - ", "one two three four", 13);
  CHECK(out == "  - one two\n    three\n    four\n");
}

TEST_CASE(
    "explain text: a word longer than the line stays whole; characters are counted, not bytes") {
  std::string out;
  append_wrapped(out, "", "a abcdefghijkl b", 8);
  CHECK(out == "a\nabcdefghijkl\nb\n");
  out.clear();
  append_wrapped(out, "", "“äöü” ß", 7);
  CHECK(out == "“äöü” ß\n");
  out.clear();
  append_wrapped(out, "- ", "", 8);
  CHECK(out == "- \n");
}

TEST_CASE("explain text: sequences are numbered, lists are not, and both are indented") {
  const rules::ExplainedAspect aspect{"pattern",
                                      "What has to happen",
                                      {{"one", {{"of these", {{"a"}, {"b"}}, true}}}, {"two"}},
                                      true};
  CHECK(aspect_text(aspect, {80, false}) ==
        "What has to happen\n  1. one\n     - of these\n       1. a\n       2. b\n  2. two\n");
  CHECK(aspect_text(aspect, {80, true}).starts_with("\x1b[1mWhat has to happen\x1b[0m\n"));
}
}  // namespace
}  // namespace tocsin::library
