// Rules said back in plain English: the words of each sample pack and of each construct, and that
// all that a random plan says is said.
#include "rules/explain/explain.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "rules/context/rules.h"
#include "rules/explain/explain_words.h"
#include "rules/explain/expression_text.h"
#include "tests/rules/explain_support.h"
#include "tests/support/golden.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
namespace fs = std::filesystem;

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, "no such file");
  return std::string{std::istreambuf_iterator<char>(in), {}};
}
std::shared_ptr<const cep::Plan> plan_of(const std::string& path, const rules::ReadFile& read) {
  const rules::Loaded loaded = rules::load({path}, read);
  if (!loaded.rules) {
    std::string errors;
    for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
      errors += rules::render(loaded.sources, diagnostic);
    }
    FAIL(errors);
  }
  return loaded.rules->plan;
}
std::shared_ptr<const cep::Plan> plan_of_text(const std::string& text) {
  return plan_of("a.tocsin", [&](const std::string&) -> Result<std::string> { return text; });
}

std::string text_of(const cep::Plan& plan) {
  std::string out;
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    out += fmt::format("{}rule {}\n{}", i == 0 ? "" : "\n", plan.rules[i].name,
                       explained_text(plan, cep::RuleIndex(i)));
  }
  return out;
}

// Sentences that no plan should give: holes where a word was to be.
void check_well_formed(const std::string& text) {
  CHECK(text.find("  -  ") == std::string::npos);
  CHECK(text.find("``") == std::string::npos);
  CHECK(text.find(" ,") == std::string::npos);
  CHECK(text.find("()") == std::string::npos);
  CHECK(text.find("where  ") == std::string::npos);
  CHECK(text.find(" is  ") == std::string::npos);
  CHECK(text.find(" of  ") == std::string::npos);
  std::size_t line_begin = 0;
  while (line_begin < text.size()) {
    const std::size_t end = text.find('\n', line_begin);
    const std::string line = text.substr(line_begin, end - line_begin);
    CAPTURE(line);
    CHECK(std::count(line.begin(), line.end(), '`') % 2 == 0);
    const bool says_something =
        line.empty() || line.find_first_not_of(" -0123456789.") != std::string::npos;
    CHECK(says_something);
    line_begin = end + 1;
  }
}
}  // namespace

TEST_CASE("explain: the sample packs, read aloud") {
  const fs::path root = TOCSIN_SOURCE_DIR;
  for (const fs::directory_entry& entry : fs::directory_iterator(root / "samples/rules")) {
    if (entry.path().extension() != ".tocsin") continue;
    const std::string stem = entry.path().stem().string();
    const std::shared_ptr<const cep::Plan> plan = plan_of(entry.path().string(), read_file);
    if (plan->rules.empty()) continue;
    const std::string text = text_of(*plan);
    check_well_formed(text);
    check_golden("explain/" + stem + ".txt", text);
  }
}

TEST_CASE("explain: every construct of the language, read aloud") {
  const Result<std::string> source =
      read_file(std::string(TOCSIN_SOURCE_DIR) + "/tests/golden/explain/constructs.tocsin");
  REQUIRE(source);
  const std::string text = text_of(*plan_of_text(*source));
  check_well_formed(text);
  check_golden("explain/constructs.txt", text);
}

TEST_CASE("explain: a random plan is said whole, and always the same way") {
  for_all_seeds("RULES", 400, [](Random& random) {
    const cep::Plan plan = random_language_plan(random);
    for (std::size_t i = 0; i < plan.rules.size(); ++i) {
      const cep::Rule& rule = plan.rules[i];
      const std::string text = explained_text(plan, cep::RuleIndex(i));
      CAPTURE(text);
      check_well_formed(text);
      CHECK(text == explained_text(plan, cep::RuleIndex(i)));
      const auto says = [&](const std::string& what) {
        CAPTURE(what);
        CHECK(text.find(what) != std::string::npos);
      };
      for (const cep::Variable& variable : rule.variables) {
        if (!variable.name.empty()) says(rules::in_code(variable.name));
      }
      for (const cep::KeyPart& part : rule.key.parts) says(rules::in_code(part.name));
      // `within` means something where a match can be of more than one event.
      std::size_t events = 0;
      walk_elements(rule.pattern, [&](const cep::Element& element) {
        const bool repeats = !element.quantifier().max || *element.quantifier().max > 1;
        if (element.is_step() || repeats) events += repeats ? 2 : 1;
      });
      if (rule.within && !rule.window && events > 1) says(rules::duration_text(*rule.within));
      walk_elements(rule.pattern, [&](const cep::Element& element) {
        if (element.events().empty()) return;
        const bool said =
            text.find(rules::kind_noun(plan, element.events())) != std::string::npos ||
            text.find(rules::kind_plural(plan, element.events())) != std::string::npos;
        CHECK(said);
        if (element.gap) says(rules::duration_text(*element.gap));
      });
      walk(rule, [&](const cep::Expr& expr) {
        if (expr.op == cep::Op::kLiteral) says(rules::value_text(literal_of(expr)));
        if (expr.op == cep::Op::kFeature) {
          const cep::Feature& feature = plan.features[feature_of(expr).value];
          says(feature.name.starts_with('$') ? rules::feature_noun(plan, feature)
                                             : rules::in_code(feature.name));
        }
      });
    }
  });
}
}  // namespace tocsin::tests
