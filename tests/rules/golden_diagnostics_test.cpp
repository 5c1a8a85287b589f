// Every diagnostic as a rule's author sees it: tests/golden/diagnostics/CODE_name.tocsin and what
// is said of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "rules/rules.h"
#include "tests/support/golden.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
namespace fs = std::filesystem;

const fs::path kFolder = fs::path(TOCSIN_SOURCE_DIR) / "tests/golden/diagnostics";

Result<std::string> read_case(const std::string& path) {
  std::ifstream in(kFolder / path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, "no such file");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".tocsin") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

struct CodeRow {
  rules::Code code;
  std::string name;
};
std::vector<CodeRow> all_codes() {
  return {
#define TOCSIN_ERROR(code, title) {rules::Code::k##code, #code},
#define TOCSIN_WARNING(code, name, title) {rules::Code::k##code, name},
#include "rules/diagnostics.def"
#undef TOCSIN_ERROR
#undef TOCSIN_WARNING
  };
}

bool is_case_of(const std::string& name, const std::string& code) {
  return name == code || name.starts_with(code + "_");
}

TEST_CASE(
    "diagnostics: each golden file shows its own code, and what is said of it is reviewed prose") {
  for (const std::string& name : case_names()) {
    CAPTURE(name);
    const rules::Loaded loaded = rules::load({name + ".tocsin"}, read_case);
    const bool shows_its_code =
        std::ranges::any_of(loaded.diagnostics, [&](const auto& diagnostic) {
          return is_case_of(name, std::string(rules::code_name(diagnostic.code)));
        });
    CHECK(shows_its_code);
    check_golden("diagnostics/" + name + ".expected", rendered(loaded));
  }
}

TEST_CASE("diagnostics: every code has a golden pair and a page") {
  // What no file of a sensible size can show; tests with smaller limits do.
  const std::set<std::string> without_pair = {"E0116", "E0127", "E0224", "E0504",
                                              "E0505", "E0506", "E0508", "E0510"};
  const std::vector<std::string> cases = case_names();
  for (const CodeRow& row : all_codes()) {
    CAPTURE(row.name);
    CHECK(rules::code_name(row.code) == row.name);
    const bool has_pair = std::ranges::any_of(
        cases, [&](const std::string& name) { return is_case_of(name, row.name); });
    CHECK((has_pair || without_pair.contains(row.name)));
    const fs::path page = fs::path(TOCSIN_SOURCE_DIR) / "docs/errors" / (row.name + ".md");
    CHECK_MESSAGE(fs::exists(page), "no page " << page.string());
  }
}

TEST_CASE("diagnostics: every golden file and page is of a code") {
  const std::vector<CodeRow> codes = all_codes();
  for (const std::string& name : case_names()) {
    CAPTURE(name);
    CHECK(
        std::ranges::any_of(codes, [&](const CodeRow& row) { return is_case_of(name, row.name); }));
  }
  for (const auto& entry : fs::directory_iterator(fs::path(TOCSIN_SOURCE_DIR) / "docs/errors")) {
    const std::string page = entry.path().stem().string();
    CAPTURE(page);
    CHECK(std::ranges::any_of(codes, [&](const CodeRow& row) { return row.name == page; }));
  }
}
}  // namespace
}  // namespace tocsin::tests
