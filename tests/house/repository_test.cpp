// What stands in the repository is about the product, and `./do` does what it says.
#include "tests/house/repository.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace tocsin::tests {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char letter) {
    return static_cast<char>(std::tolower(letter));
  });
  return text;
}

// Paths of one machine, and who or what wrote a line. Put together here, so that this file does
// not hold them.
std::vector<std::string> forbidden() {
  const std::string slash = "/";
  return {slash + "work" + slash,
          std::string("..") + slash + "shared",
          slash + "root" + slash,
          std::string("anth") + "ropic",
          std::string("cla") + "ude",
          std::string("open") + "ai",
          std::string("chat") + "gpt",
          std::string("sub") + "agent",
          std::string("co-auth") + "ored-by"};
}

TEST_CASE("repository: no file names a path of one machine or who wrote it") {
  const std::vector<std::string> needles = forbidden();
  for (const std::string& path : repository_files()) {
    if (path == ".ci/run") continue;  // knows where a machine may keep larger data sets
    const std::string text = lower(read_file(path));
    if (text.find('\0') != std::string::npos) continue;
    for (const std::string& needle : needles) {
      const std::size_t place = text.find(needle);
      if (place == std::string::npos) continue;
      const auto line = 1 + std::count(text.begin(), text.begin() + std::ptrdiff_t(place), '\n');
      FAIL_CHECK(path << ":" << line << ": " << needle);
    }
  }
}

// What somebody left by accident would come with every clone.
TEST_CASE("repository: at the top is what belongs there") {
  const std::set<std::string> known = {".ci",
                                       ".clang-format",
                                       ".clang-tidy",
                                       ".editorconfig",
                                       ".gitattributes",
                                       ".gitignore",
                                       "ARCHITECTURE.md",
                                       "CHANGELOG.md",
                                       "CMakeLists.txt",
                                       "CMakePresets.json",
                                       "CONTRIBUTING.md",
                                       "LICENSE",
                                       "README.md",
                                       "SECURITY.md",
                                       "api",
                                       "bench",
                                       "cep",
                                       "cmake",
                                       "console",
                                       "deploy",
                                       "do",
                                       "docs",
                                       "editors",
                                       "include",
                                       "library",
                                       "pyproject.toml",
                                       "python",
                                       "rules",
                                       "runtime",
                                       "samples",
                                       "scripts",
                                       "tests"};
  for (const std::string& path : repository_files()) {
    CHECK_MESSAGE(known.contains(path.substr(0, path.find('/'))), path);
  }
}

TEST_CASE("do: every verb that help lists exists") {
  const CommandResult help = run_command("./do help");
  REQUIRE(help.status == 0);
  const std::string script = read_file("do") + read_file("scripts/script_verbs.sh");
  std::istringstream lines(help.output);
  std::string line;
  int verbs = 0;
  while (std::getline(lines, line)) {
    std::smatch match;
    if (!std::regex_search(line, match, std::regex("^  ([a-z-]+) +[^ ]"))) continue;
    ++verbs;
    CAPTURE(line);
    CHECK(script.find("\nverb_" + match[1].str() + "() {") != std::string::npos);
  }
  CHECK(verbs >= 6);
}

TEST_CASE("do: works from another directory and ends with 2 on an unknown verb") {
  CHECK(run_command("root=$PWD && cd / && \"$root/do\" help").status == 0);
  const CommandResult unknown = run_command("./do nonsense");
  CHECK(unknown.status == 2);
  CHECK(unknown.output.find("no such verb: nonsense") != std::string::npos);
  CHECK(unknown.output.find("  build ") != std::string::npos);
  CHECK(run_command("./do build --nonsense").status == 2);
  CHECK(run_command("./do test --nonsense").status == 2);
}

// Sources that say how many cases there are.
std::string sources_with_cases() {
  std::string all = read_file("scripts/suites.sh");
  for (const std::string& path : repository_files()) {
    const bool is_test = path.starts_with("tests/") || path.starts_with("runtime/flink/src/test/");
    const bool is_source = path.ends_with(".cpp") || path.ends_with(".py") ||
                           path.ends_with(".sh") || path.ends_with(".java");
    if (is_test && is_source) all += read_file(path);
  }
  return all;
}

TEST_CASE("budgets: a test reads every line") {
  const std::string sources = sources_with_cases();
  std::istringstream lines(read_file("tests/budgets.txt"));
  std::string line;
  while (std::getline(lines, line)) {
    if (line.empty() || line[0] == '#') continue;
    CAPTURE(line);
    std::string name = line.substr(0, line.find(' '));
    for (char& letter : name)
      letter = letter == '-' ? '_' : static_cast<char>(std::toupper(letter));
    CHECK((sources.find("(\"" + name + "\"") != std::string::npos ||
           sources.find("TOCSIN_CASES_" + name) != std::string::npos));
  }
}

TEST_CASE("budgets: every line names a suite and two counts, the quick one no larger") {
  std::istringstream lines(read_file("tests/budgets.txt"));
  std::set<std::string> seen;
  std::string line;
  while (std::getline(lines, line)) {
    if (line.empty() || line[0] == '#') continue;
    CAPTURE(line);
    std::istringstream words(line);
    std::string suite;
    std::string rest;
    long cases = 0;
    long quick_cases = 0;
    words >> suite >> cases >> quick_cases;
    REQUIRE_FALSE(words.fail());
    words >> rest;
    CHECK(rest.empty());
    CHECK(quick_cases > 0);
    CHECK(quick_cases <= cases);
    CHECK(seen.insert(suite).second);
  }
}

}  // namespace
}  // namespace tocsin::tests
