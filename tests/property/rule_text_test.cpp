// Printing a plan as rule text, parsing and lowering it gives the plan back.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "cep/plan.h"
#include "rules/rules.h"
#include "tests/support/plan_source.h"
#include "tests/support/random.h"
#include "tests/support/random_plan.h"

namespace tocsin::tests {
namespace {
rules::Loaded load_text(const std::string& text) {
  return rules::load({"random.tocsin"},
                     [&](const std::string&) -> Result<std::string> { return text; });
}

// Both texts from the first line that differs.
std::string first_difference(const std::string& a, const std::string& b) {
  std::size_t line = 0;
  for (std::size_t i = 0; i < a.size() && i < b.size() && a[i] == b[i]; ++i) {
    if (a[i] == '\n') line = i + 1;
  }
  const auto line_at = [&](const std::string& text) {
    return line < text.size() ? text.substr(line, text.find('\n', line) - line) : std::string();
  };
  return fmt::format("  plan: {}\n  text: {}\n", line_at(a), line_at(b));
}
}  // namespace

TEST_CASE("rules: a random plan printed as text is read back as the same plan") {
  for_all_seeds("PROPERTY", 2000, [](Random& random) {
    const cep::Plan plan = random_plan(random);
    const std::string text = plan_source(plan);
    const rules::Loaded loaded = load_text(text);
    if (!loaded.rules) {
      std::string errors;
      for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
        if (rules::level_of(diagnostic.code) == rules::Level::kError) {
          errors += rules::render(loaded.sources, diagnostic);
        }
      }
      FAIL(errors << text);
    }
    const std::string before = cep::describe(plan);
    const std::string after = cep::describe(*loaded.rules->plan);
    if (before != after) FAIL(first_difference(before, after) << text);
  });
}
}  // namespace tocsin::tests
