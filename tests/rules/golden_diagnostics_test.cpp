// Every diagnostic as a rule's author sees it: tests/golden/diagnostics/CODE_name.tocsin, or a
// folder CODE_name of files that are all asked for, what is said of it in CODE_name.expected, and
// the page docs/errors/CODE.md, whose example and remedy are those files.
//
// The first lines of a case may set what it is checked with:
//   # limit list_values_max 3     a limit of RuleLimits, or of its regular expressions
//   # zones none                  on a machine without time zones
//   # untested warned             as `tocsin check` does
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "rules/context/rules.h"
#include "tests/support/golden.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
namespace fs = std::filesystem;

const fs::path kFolder = fs::path(TOCSIN_SOURCE_DIR) / "tests/golden/diagnostics";
const fs::path kPages = fs::path(TOCSIN_SOURCE_DIR) / "docs/errors";

Result<std::string> read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, "no such file");
  return std::string(std::istreambuf_iterator<char>(in), {});
}
Result<std::string> read_case(const std::string& path) { return read_text(kFolder / path); }

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.is_directory() || entry.path().extension() == ".tocsin")
      names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

// The files of a case, as they are asked for.
std::vector<std::string> files_of(const std::string& name) {
  if (!fs::is_directory(kFolder / name)) return {name + ".tocsin"};
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(kFolder / name))
    if (entry.path().extension() == ".tocsin")
      files.push_back(name + "/" + entry.path().filename().string());
  std::ranges::sort(files);
  return files;
}

void set_limit(rules::RuleLimits& limits, const std::string& name, std::size_t value) {
  const std::pair<const char*, std::size_t*> sizes[] = {
      {"file_bytes_max", &limits.file_bytes_max},
      {"data_file_bytes_max", &limits.data_file_bytes_max},
      {"list_values_max", &limits.list_values_max},
      {"searched_values_max", &limits.searched_values_max},
      {"regexes_max", &limits.regexes_max},
      {"table_cells_max", &limits.table_cells_max},
      {"regex_bytes_max", &limits.regex.bytes_max},
  };
  for (const auto& [known, place] : sizes) {
    if (known == name) *place = value;
  }
  if (name == "mistakes_max") limits.mistakes_max = static_cast<std::uint32_t>(value);
}

rules::LoadOptions options_of(const std::string& text) {
  rules::LoadOptions options;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && line.starts_with("# ");) {
    std::istringstream words(line.substr(2));
    std::string what;
    std::string name;
    std::size_t value = 0;
    words >> what >> name >> value;
    if (what == "limit") set_limit(options.limits, name, value);
    if (what == "untested") options.warn_of_untested = true;
    if (what == "zones") {
      options.read_zone = [](const std::string&) -> Result<std::string> {
        return fail(Errc::kNotFound, "no such file");
      };
    }
  }
  return options;
}

// Loads a case with the files that `read` gives.
rules::Loaded load_case(const std::string& name, const rules::ReadFile& read) {
  const std::vector<std::string> files = files_of(name);
  const Result<std::string> first = read(files.front());
  return rules::load(files, read, options_of(first ? *first : std::string()));
}

bool shows(const rules::Loaded& loaded, const std::string& code) {
  return std::ranges::any_of(loaded.diagnostics, [&](const rules::Diagnostic& diagnostic) {
    return rules::code_name(diagnostic.code) == code;
  });
}

struct CodeRow {
  rules::Code code;
  std::string name;
  std::string title;  // of its page
};
std::vector<CodeRow> all_codes() {
  return {
#define TOCSIN_ERROR(code, title) {rules::Code::k##code, #code, title},
#define TOCSIN_WARNING(code, name, title) {rules::Code::k##code, name, title},
#include "rules/text/diagnostics.def"
#undef TOCSIN_ERROR
#undef TOCSIN_WARNING
  };
}

bool is_case_of(const std::string& name, const std::string& code) {
  return name == code || name.starts_with(code + "_");
}

std::string code_of(const std::string& case_name) {
  for (const CodeRow& row : all_codes()) {
    if (is_case_of(case_name, row.name)) return row.name;
  }
  return "";
}

TEST_CASE("diagnostics: each case shows its own code, and what is said of it is reviewed prose") {
  for (const std::string& name : case_names()) {
    CAPTURE(name);
    const rules::Loaded loaded = load_case(name, read_case);
    CHECK(shows(loaded, code_of(name)));
    check_golden("diagnostics/" + name + ".expected", rendered(loaded));
  }
}

TEST_CASE("diagnostics: every code has a case and a page, and every case and page is of a code") {
  const std::vector<std::string> cases = case_names();
  std::set<std::string> names;
  for (const CodeRow& row : all_codes()) {
    CAPTURE(row.name);
    names.insert(row.name);
    CHECK(rules::code_name(row.code) == row.name);
    CHECK(std::ranges::any_of(cases,
                              [&](const std::string& name) { return is_case_of(name, row.name); }));
    CHECK(fs::exists(kPages / (row.name + ".md")));
  }
  for (const std::string& name : cases) {
    CAPTURE(name);
    CHECK_FALSE(code_of(name).empty());
  }
  for (const auto& entry : fs::directory_iterator(kPages)) {
    const std::string page = entry.path().stem().string();
    CAPTURE(page);
    CHECK(names.contains(page));
  }
}

// ---- pages
// The text between a line "```kind" and the next "```"; nothing where there is none.
std::optional<std::string> block_of(const std::string& page, const std::string& kind) {
  const std::string fence = "\n```" + kind + "\n";
  const std::size_t begin = page.find(fence);
  if (begin == std::string::npos) return std::nullopt;
  const std::size_t first = begin + fence.size();
  const std::size_t end = page.find("```", first);
  if (end == std::string::npos) return std::nullopt;
  return page.substr(first, end - first);
}

// Applies the hunks of a page's remedy, separated by lines of three points: lines that begin with
// `-` go, with `+` come, with a blank stay. Each hunk fits exactly one place.
bool apply(const std::string& remedy, std::string& text) {
  std::istringstream lines(remedy + "...\n");
  std::string before;
  std::string after;
  for (std::string line; std::getline(lines, line);) {
    if (line == "...") {
      const std::size_t at = ("\n" + text).find("\n" + before);
      if (at == std::string::npos || ("\n" + text).find("\n" + before, at + 1) != std::string::npos)
        return false;
      text.replace(at, before.size(), after);
      before.clear();
      after.clear();
      continue;
    }
    if (line.empty()) line = " ";
    if (line[0] != '+') before += line.substr(1) + "\n";
    if (line[0] != '-') after += line.substr(1) + "\n";
  }
  return true;
}

TEST_CASE("diagnostics: each page shows what its case gives, and its remedy is one") {
  // Nothing in the rules is wrong, or nothing that a page could show.
  const std::set<std::string> without_remedy = {"E0102", "E0103", "E0115", "E0224"};
  for (const CodeRow& row : all_codes()) {
    CAPTURE(row.name);
    const Result<std::string> page = read_text(kPages / (row.name + ".md"));
    if (!page) continue;  // told above
    const std::string title = "# " + row.name + ": " + row.title;
    CHECK(page->starts_with(title + "\n"));
    CHECK(page->find("**What to do.**") != std::string::npos);
    const std::optional<std::string> shown = block_of(*page, "text");
    REQUIRE(shown);
    const std::size_t arrow = shown->find("--> ");
    REQUIRE(arrow != std::string::npos);
    const std::string path =
        shown->substr(arrow + 4, shown->find(':', arrow + 4) - arrow - 4);  // up to the line
    std::string name;  // of the case that is shown
    for (const std::string& candidate : case_names()) {
      if (!is_case_of(candidate, row.name)) continue;
      const Result<std::string> expected = read_text(kFolder / (candidate + ".expected"));
      if (expected && expected->find(*shown) != std::string::npos) name = candidate;
    }
    CHECK_MESSAGE(!name.empty(), "the page shows what no case gives");
    if (name.empty()) continue;

    const std::optional<std::string> remedy = block_of(*page, "diff");
    CHECK(remedy.has_value() != without_remedy.contains(row.name));
    if (!remedy) continue;
    bool applied = false;
    const rules::Loaded loaded = load_case(name, [&](const std::string& read) {
      Result<std::string> text = read_case(read);
      if (text && read == path) applied = apply(*remedy, *text);
      return text;
    });
    CHECK_MESSAGE(applied, "the remedy does not fit the example");
    CHECK_FALSE(shows(loaded, row.name));
    CHECK_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  }
}
}  // namespace
}  // namespace tocsin::tests
