// Files and what they use.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/random.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
TEST_CASE("load: `use` is relative to the file that says it, and a file is read once") {
  std::map<std::string, int> reads;
  const RuleFiles files = {{"rules/main.tocsin",
                            "use \"lib/kinds.tocsin\" use \"../schema.tocsin\" rule r \"r\" { by "
                            "card when small alert \"x\" }"},
                           {"rules/lib/kinds.tocsin",
                            "use \"../../schema.tocsin\" kind small = payment where amount < 2"},
                           {"schema.tocsin", kRuleSchema}};
  const rules::Loaded loaded = rules::load({"rules/./main.tocsin", "rules/main.tocsin"},
                                           [&](const std::string& path) -> Result<std::string> {
                                             ++reads[path];
                                             const auto found = files.find(path);
                                             if (found == files.end())
                                               return fail(Errc::kNotFound, "no such file");
                                             return found->second;
                                           });
  CHECK(rendered(loaded) == "");
  REQUIRE(loaded.rules);
  CHECK(loaded.rules->rule_files ==
        std::vector<std::string>{"rules/main.tocsin", "rules/lib/kinds.tocsin", "schema.tocsin"});
  CHECK(reads.size() == 3);
  for (const auto& read : reads) {
    CAPTURE(read.first);
    CHECK(read.second == 1);
  }
}

TEST_CASE("load: rules stand in the order of their files, used ones first") {
  const RuleFiles files = {
      {"a.tocsin", "use \"b.tocsin\" rule a \"a\" { by card when payment alert \"x\" }"},
      {"b.tocsin", "use \"schema.tocsin\" rule b \"b\" { by card when payment alert \"x\" }"},
      {"schema.tocsin", kRuleSchema}};
  const rules::Loaded loaded = load_files(files, {"a.tocsin"});
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  REQUIRE(loaded.rules->plan->rules.size() == 2);
  CHECK(loaded.rules->plan->rules[0].name == "b");
  CHECK(loaded.rules->plan->rules[1].name == "a");
}

TEST_CASE("load: a circle of files is told once, where it closes") {
  const RuleFiles files = {{"a.tocsin", "use \"b.tocsin\""},
                           {"b.tocsin", "use \"c.tocsin\""},
                           {"c.tocsin", "\nuse \"a.tocsin\""}};
  const rules::Loaded loaded = load_files(files, {"a.tocsin"});
  CHECK(!loaded.rules);
  CHECK(places_of(loaded) == "c.tocsin E0222 2:5");
  CHECK(loaded.diagnostics.front().notes ==
        std::vector<std::string>{"a.tocsin uses b.tocsin uses c.tocsin uses a.tocsin"});
}

TEST_CASE(
    "load: a missing file is told at its `use`, and names it may declare are not complained of") {
  const RuleFiles files = {{"a.tocsin",
                            "use \"b.tocsin\"\nkind k = somewhere where amount > 5\nrule r \"r\" { "
                            "by card when elsewhere where x > 5 alert \"{y}\" }"}};
  CHECK(places_of(load_files(files, {"a.tocsin"})) == "a.tocsin E0213 1:5");
}

TEST_CASE("load: a file that the caller names and that is missing is told by its name") {
  const rules::Loaded loaded = load_files({}, {"a.tocsin"});
  CHECK(!loaded.rules);
  CHECK(places_of(loaded) == "a.tocsin E0213 1:1");
}

TEST_CASE("load: a name declared in two files is told at the second and shows the first") {
  const RuleFiles files = {{"a.tocsin", "use \"schema.tocsin\"\nconst LIMIT = 5"},
                           {"b.tocsin", "use \"schema.tocsin\"\n\n  const LIMIT = 6"},
                           {"schema.tocsin", kRuleSchema}};
  const rules::Loaded loaded = load_files(files, {"a.tocsin", "b.tocsin"});
  CHECK(places_of(loaded) == "b.tocsin E0205 3:9");
  REQUIRE(loaded.diagnostics.front().labels.size() == 1);
  CHECK(loaded.sources.path(loaded.diagnostics.front().labels.front().span.file) == "a.tocsin");
}

TEST_CASE("load: diagnostics of several files come in the order of the files") {
  const RuleFiles files = {
      {"a.tocsin", "use \"b.tocsin\"\nkind x = login\nevent e { ts: string }"},
      {"b.tocsin", "event login { ts: time, a: strng }\nkind y = logn where b > 1"}};
  CHECK(places_of(load_files(files, {"a.tocsin"})) ==
        "a.tocsin E0216 3:15, b.tocsin E0101 1:28, b.tocsin E0202 2:10");
}

TEST_CASE("load: nothing asked for is an empty set") {
  const rules::Loaded loaded = load_files({}, {});
  REQUIRE(loaded.rules);
  CHECK(loaded.rules->plan->rules.empty());
  CHECK(loaded.rules->rule_files.empty());
}

TEST_CASE("load: a long chain of files and of kinds needs no deep recursion") {
  RuleFiles files = {{"f0.tocsin", "event e { ts: time, n: int }\nkind k0 = e"}};
  constexpr int kLength = 3000;
  for (int i = 1; i <= kLength; ++i) {
    const std::string before = std::to_string(i - 1);
    files["f" + std::to_string(i) + ".tocsin"] =
        "use \"f" + before + ".tocsin\"\nkind k" + std::to_string(i) + " = k" + before;
  }
  const rules::Loaded loaded = load_files(files, {"f" + std::to_string(kLength) + ".tocsin"});
  CHECK(rendered(loaded) == "");
}

TEST_CASE("load: of a thousand mistakes in one file the first are shown, and those of others" *
          doctest::skip(is_quick())) {
  std::string many;
  for (int i = 0; i < 3000; ++i)
    many += "kind k" + std::to_string(i) + " = nope" + std::to_string(i) + "\n";
  const RuleFiles files = {{"a.tocsin", many}, {"b.tocsin", "kind k = nope"}};
  const rules::Loaded loaded = load_files(files, {"a.tocsin", "b.tocsin"});
  REQUIRE_FALSE(loaded.rules);
  REQUIRE(loaded.diagnostics.size() == 1002);
  CHECK(loaded.diagnostics[999].primary.span.file == 0);
  CHECK(rules::code_name(loaded.diagnostics[1000].code) == "E0127");
  CHECK(loaded.sources.place(0, loaded.diagnostics[1000].primary.span.begin).line == 1001);
  CHECK(loaded.sources.path(loaded.diagnostics[1001].primary.span.file) == "b.tocsin");
}
}  // namespace
}  // namespace tocsin::tests
