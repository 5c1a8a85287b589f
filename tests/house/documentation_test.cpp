// The pages agree with the tree: folders and links. Their lines are short enough to read.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/house/repository.h"

namespace tocsin::tests {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kColumnsMax = 100;
constexpr std::ptrdiff_t kReadmeLinesMax = 15;
constexpr std::ptrdiff_t kArchitectureWordsMax = 2'500;
const std::vector<std::string> kTops = {"cep", "rules", "runtime", "api", "library"};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::size_t columns_of(const std::string& line) {
  return static_cast<std::size_t>(std::ranges::count_if(
      line, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

struct SourceFolder {
  std::string path;            // "cep/value"
  std::set<std::string> uses;  // DEPENDS of its library
};

// The libraries of one CMakeLists.txt, by the calls of tocsin_folder().
std::vector<SourceFolder> folders_of(const std::string& top) {
  std::vector<SourceFolder> folders;
  const std::string text = read_file(top + "/CMakeLists.txt");
  static const std::regex kCall(R"(tocsin_folder\((\w+)([^)]*)\))");
  for (auto call = std::sregex_iterator(text.begin(), text.end(), kCall);
       call != std::sregex_iterator(); ++call) {
    SourceFolder folder{top + "/" + (*call)[1].str(), {}};
    std::istringstream words((*call)[2].str());
    bool is_use = false;
    for (std::string word; words >> word;) {
      if (word == "DEPENDS" || word.ends_with("LIBRARIES")) {
        is_use = word == "DEPENDS";
      } else if (is_use) {
        folder.uses.insert(word);
      }
    }
    folders.push_back(std::move(folder));
  }
  return folders;
}

// "cep: base, value; rules: text." as folders.
std::set<std::string> folders_named(const std::string& readme) {
  const std::string mark = "- **May include:**";
  const std::size_t begin = readme.find(mark);
  REQUIRE_MESSAGE(begin != std::string::npos, "a README.md says what its folder may include");
  std::istringstream words(readme.substr(begin + mark.size()));
  std::set<std::string> named;
  std::string top;
  for (std::string word; words >> word;) {
    if (word.ends_with(':')) {
      top = word.substr(0, word.size() - 1);
    } else if (!top.empty()) {
      named.insert(top + "/" + word.substr(0, word.find_first_of(",;.")));
    }
  }
  return named;
}

// Pages that a developer reads from beginning to end.
bool is_for_developers(const std::string& path) {
  const fs::path page(path);
  const std::string top = page.begin()->string();
  if (std::ranges::find(kTops, top) != kTops.end()) return page.extension() == ".md";
  return path == "ARCHITECTURE.md" || path == "CHANGELOG.md" || path == "CONTRIBUTING.md" ||
         path == "SECURITY.md" || path == "docs/glossary.md" || path.starts_with("docs/internals/");
}

// The lines of prose of a Markdown page that are too wide, from 1. Code blocks, tables and lines
// that are one word or one link may be wider.
std::vector<std::size_t> wide_prose(const std::string& page) {
  static const std::regex kFence(R"(^ *(`{3,}|~{3,}))");
  static const std::regex kOneLink(R"(^ *(?:[-*] )?(?:\[[^\]]*\]\(\S*\)\S*|\S+)$)");
  std::vector<std::size_t> wide;
  std::string fence;            // of the open code block
  bool may_indent_code = true;  // after a blank line, or a line of indented code
  const std::vector<std::string> lines = lines_of(page);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    std::smatch mark;
    if (!fence.empty()) {
      if (line.substr(std::min(line.find_first_not_of(' '), line.size())) == fence) fence.clear();
      continue;
    }
    if (std::regex_search(line, mark, kFence)) {
      fence = mark[1].str();
      continue;
    }
    const std::size_t first = line.find_first_not_of(' ');
    const bool is_blank = first == std::string::npos;
    const bool is_code = !is_blank && may_indent_code && first >= 4;
    may_indent_code = is_blank || is_code;
    if (is_blank || is_code || line[first] == '|') continue;
    if (columns_of(line) > kColumnsMax && !std::regex_match(line, kOneLink)) wide.push_back(i + 1);
  }
  return wide;
}

TEST_CASE("documentation: each source folder has a README.md, short and true to its library") {
  for (const std::string& top : kTops) {
    const std::vector<SourceFolder> folders = folders_of(top);
    REQUIRE(!folders.empty());
    for (const SourceFolder& folder : folders) {
      CAPTURE(folder.path);
      const std::string readme = read_file(folder.path + "/README.md");
      CHECK(readme.starts_with("# " + folder.path + "\n"));
      CHECK(readme.find("- **Start at:**") != std::string::npos);
      CHECK(std::ranges::count(readme, '\n') <= kReadmeLinesMax);
      CHECK(folders_named(readme) == folder.uses);
    }
  }
}

TEST_CASE("documentation: files that a folder's README.md names are there") {
  static const std::regex kFile(R"(`(\w+\.(?:h|cpp|def))`)");
  for (const std::string& top : kTops) {
    for (const SourceFolder& folder : folders_of(top)) {
      CAPTURE(folder.path);
      const std::string readme = read_file(folder.path + "/README.md");
      for (auto name = std::sregex_iterator(readme.begin(), readme.end(), kFile);
           name != std::sregex_iterator(); ++name) {
        CHECK_MESSAGE(fs::exists(repository_root() / folder.path / (*name)[1].str()),
                      (*name)[1].str());
      }
    }
  }
}

TEST_CASE("documentation: source files that pages for developers name are there") {
  static const std::regex kPath(R"((?:cep|rules|runtime|api|tests)/[\w/]+\.(?:h|cpp|def|py))");
  for (const std::string& path : repository_files()) {
    if (!is_for_developers(path) || path == "CHANGELOG.md") continue;
    CAPTURE(path);
    const std::string page = read_file(path);
    for (auto name = std::sregex_iterator(page.begin(), page.end(), kPath);
         name != std::sregex_iterator(); ++name) {
      CHECK_MESSAGE(fs::exists(repository_root() / name->str()), name->str());
    }
  }
}

TEST_CASE("documentation: links between pages lead somewhere") {
  static const std::regex kLink(R"(\]\(([^)#\s]+)(?:#[^)\s]*)?\))");
  for (const std::string& path : repository_files()) {
    if (!path.ends_with(".md")) continue;
    CAPTURE(path);
    const std::string page = read_file(path);
    for (auto link = std::sregex_iterator(page.begin(), page.end(), kLink);
         link != std::sregex_iterator(); ++link) {
      const std::string target = (*link)[1].str();
      if (target.find("://") != std::string::npos) continue;
      CHECK_MESSAGE(fs::exists(repository_root() / fs::path(path).parent_path() / target), target);
    }
  }
}

TEST_CASE("documentation: pages for developers fit a screen, and the map fits ten minutes") {
  for (const std::string& path : repository_files()) {
    if (!is_for_developers(path)) continue;
    const std::vector<std::string> lines = lines_of(read_file(path));
    for (std::size_t i = 0; i < lines.size(); ++i) {
      CHECK_MESSAGE(columns_of(lines[i]) <= kColumnsMax, path << ":" << i + 1);
    }
  }
  std::istringstream words(read_file("ARCHITECTURE.md"));
  CHECK(std::distance(std::istream_iterator<std::string>(words), {}) <= kArchitectureWordsMax);
}

TEST_CASE("documentation: a wide line of prose is found, not one of code, a table or a link") {
  const std::string word(60, 'x');
  const std::string wide = word + " " + word;
  CHECK(wide_prose(wide) == std::vector<std::size_t>{1});
  CHECK(wide_prose("# T\n\n- a\n  " + wide + "\n") == std::vector<std::size_t>{4});
  CHECK(wide_prose("```sh\n" + wide + "\n```\n" + wide) == std::vector<std::size_t>{4});
  CHECK(wide_prose("````\n```\n" + wide + "\n````\n").empty());
  CHECK(wide_prose("text\n\n    " + wide + "\n    " + wide + "\n").empty());
  CHECK(wide_prose("text\n    " + wide + "\n") == std::vector<std::size_t>{2});
  CHECK(wide_prose("| " + wide + " |\n- https://" + word + word + "\n").empty());
  CHECK(wide_prose("- [" + wide + "](page.md).\n").empty());
  CHECK(wide_prose("see [" + wide + "](page.md)\n").size() == 1);
  const std::string fits = std::string(50, 'y') + " " + std::string(49, 'y');
  CHECK(wide_prose(fits).empty());
  CHECK(wide_prose(fits + "y").size() == 1);
}

TEST_CASE("documentation: prose has at most 100 columns") {
  for (const std::string& path : repository_files()) {
    if (!path.ends_with(".md")) continue;
    for (const std::size_t line : wide_prose(read_file(path))) {
      FAIL_CHECK(path << ":" << line << ": wider than " << kColumnsMax << " columns");
    }
  }
}

}  // namespace
}  // namespace tocsin::tests
