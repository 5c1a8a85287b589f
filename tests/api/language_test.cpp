// The rule files in tests/language: every test in them passes, and each rule has one.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "library/testing/test_programs.h"
#include "library/testing/test_runner.h"
#include "rules/context/rules.h"

namespace tocsin::api {
namespace {
namespace fs = std::filesystem;

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(Errc::kNotFound, "cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void run_file(const fs::path& path) {
  const rules::Loaded loaded = rules::load({path.string()}, read_file);
  std::string said;
  for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
    said += rules::render(loaded.sources, diagnostic);
  }
  CAPTURE(said);
  REQUIRE(loaded.rules.has_value());
  const Result<cep::Program> program = cep::compile(loaded.rules->plan);
  REQUIRE_MESSAGE(program.has_value(), (program ? std::string() : program.error().message));
  std::set<std::string> tested;
  library::TestPrograms programs(*program, nullptr);
  for (const rules::EmbeddedTest& test : loaded.rules->tests) {
    CAPTURE(test.rule);
    CAPTURE(test.title);
    const Result<library::TestOutcome> outcome = library::run_embedded_test(*program, test);
    REQUIRE_MESSAGE(outcome.has_value(), (outcome ? std::string() : outcome.error().message));
    CHECK_MESSAGE(outcome->differences.empty(),
                  library::describe_failure(*loaded.rules->plan, test, *outcome));
    const Result<library::TestOutcome> alone = programs.run(test);
    CHECK_MESSAGE((alone && alone->passed()), "its rule alone, with what it reads");
    tested.insert(test.rule);
  }
  for (const cep::Rule& rule : loaded.rules->plan->rules) {
    CHECK_MESSAGE(tested.contains(rule.name), rule.name << " has no test");
  }
}

TEST_CASE("language: the tests in the rule files of tests/language pass") {
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(TOCSIN_SOURCE_DIR) / "tests/language")) {
    if (entry.path().extension() != ".tocsin") continue;
    CAPTURE(entry.path().string());
    run_file(entry.path());
    ++files;
  }
  CHECK(files >= 3);
}
}  // namespace
}  // namespace tocsin::api
