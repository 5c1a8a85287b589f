// The call whose arguments somebody is writing. A `^` in a text is the cursor.
#include "library/language/signature.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "library/language/word_docs.h"

namespace tocsin::tests {
namespace {
std::optional<library::CallSignatures> at_mark(std::string marked) {
  const std::size_t mark = marked.find('^');
  REQUIRE(mark != std::string::npos);
  marked.erase(mark, 1);
  return library::signatures_at(marked, static_cast<std::uint32_t>(mark));
}
// "pow(x, y): y"; "nothing" outside of calls.
std::string shown(const std::string& marked) {
  const auto found = at_mark(marked);
  if (!found) return "nothing";
  const library::Signature& form = found->chosen();
  return form.label + ": " + form.parameters.at(form.active).text;
}
}  // namespace

TEST_CASE("signature: the innermost call and its argument, whatever stands behind the cursor") {
  struct Row {
    const char* text;
    const char* shown;
  };
  constexpr Row kRows[] = {
      {"when payment where substring(^card, 2)", "substring(t, from, count): t"},
      {"when payment where substring(card, ^", "substring(t, from, count): from"},
      {"when payment where substring(card, 1,^ 2) = \"a\"", "substring(t, from, count): count"},
      {"when payment where substring^(card, 1)", "nothing"},
      {"when payment where substring(card, 1)^", "nothing"},
      {"when payment where pow(abs(x^), 2)", "abs(x): x"},
      {"when payment where pow(abs(x), ^2)", "pow(x, y): y"},
      {"when payment where pow (x, ^", "pow(x, y): y"},
      {"feature f = percentile(amount of payment, ^", "percentile(x of KINDS, 95): 95"},
      {"when payment where coalesce(a, b, c, d, ^", "coalesce(a, b, …): …"},
      // Brackets that are no call belong to an argument; a block does not.
      {"when payment where round((a + (b^", "round(x, digits): x"},
      {"when payment where concat(a, if x in [1, 2, ^", "concat(a, b, …): b"},
      {"when payment where round(x { a, ^", "nothing"},
      {"when payment where nothing_known(^", "nothing"},
      {"when payment where x in (1, ^", "nothing"},
      {"when a then first (b or ^", "nothing"},
      {"alert \"m\" { f: first(^amount of payment) }", "first(x of KINDS): x of KINDS"},
      // What is in a text, a comment or a regular expression is none.
      {"when payment where pow(x # , (\n, ^", "pow(x, y): y"},
      {"when payment where split(t, \",(,\", ^", "split(t, separator, part): part"},
      {"when payment where capture(t, /(,)/, ^", "capture(t, /re/, group): group"},
      {"description \"abs(^\"", "nothing"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(shown(row.text) == row.shown);
  }
}

TEST_CASE("signature: within a message, closed or not, and not in its text") {
  struct Row {
    const char* text;
    const char* shown;
  };
  constexpr Row kRows[] = {
      {R"m(alert "of {pow(a, ^)} and")m", "pow(x, y): y"},
      {R"m(alert "of {pow(a, ^)m", "pow(x, y): y"},
      {"alert \"of {pow(a,^\n  x: 1", "pow(x, y): y"},
      {"alert \"of {pow(a,\n  pow(b, ^", "pow(x, y): y"},
      {R"m(alert "{round(a + (^)m", "round(x, digits): x"},
      {R"m(alert "{abs(a)} of {round(^b)}" { x: 1 })m", "round(x, digits): x"},
      {R"m(alert "of pow(a, ^)")m", "nothing"},
      {R"m(alert "{abs(a)} pow(a, ^)")m", "nothing"},
      {R"m(alert "{{abs(^a)}}")m", "nothing"},
      {R"m(alert "{{{abs(^a)}}}")m", "abs(x): x"},
      {R"m(owner "{abs(^a)}")m", "nothing"},
      {R"m(round(alert "{a^}")m", "nothing"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(shown(row.text) == row.shown);
  }
}

TEST_CASE("signature: a call that was left open ends with its declaration") {
  CHECK(shown("feature a = sum(\nfeature b = ^") == "nothing");
  CHECK(shown("feature a = sum(x of p\nrule r \"R\" {\n  when p where abs(^\n") == "abs(x): x");
  CHECK(shown("rule r \"R\" {\n  when p where pow(a,\n    ^") == "pow(x, y): y");
  CHECK(shown("rule r \"R\" { when p where (abs(a } )\nconst c = ^") == "nothing");
}

TEST_CASE(
    "signature: a function and an aggregate of one name are both shown, the likelier chosen") {
  const auto one = at_mark("min(^");
  REQUIRE(one);
  REQUIRE(one->forms.size() == 2);
  CHECK(one->chosen().label == "min(x of KINDS)");
  const auto two = at_mark("min(a, ^");
  REQUIRE(two);
  REQUIRE(two->forms.size() == 2);
  CHECK(two->chosen().label == "min(a, b, …)");
  CHECK(two->chosen().active == 1);
  CHECK(two->chosen().doc == "The least of several values.");
}

TEST_CASE("signature: every function and aggregate has one, with its parameters in their places") {
  std::size_t calls = 0;
  for (const library::WordDoc& doc : library::word_docs()) {
    if (doc.of != library::WordClass::kFunction && doc.of != library::WordClass::kAggregate)
      continue;
    CAPTURE(doc.word);
    ++calls;
    const auto found = at_mark(std::string(doc.word) + "(^");
    REQUIRE(found);
    bool has_form = false;
    for (const library::Signature& form : found->forms) {
      has_form = has_form || form.label == doc.form;
      CHECK_FALSE(form.doc.empty());
      CHECK_FALSE(form.parameters.empty());
      for (const library::SignatureParameter& each : form.parameters)
        CHECK(form.label.substr(each.begin, each.text.size()) == each.text);
    }
    CHECK(has_form);
  }
  CHECK(calls > 40);
}
}  // namespace tocsin::tests
