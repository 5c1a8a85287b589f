// The pages for developers agree with the tree: folders, links, and what a reader can take in.
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
const std::vector<std::string> kTops = {"cep", "rules", "runtime", "api"};

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

}  // namespace
}  // namespace tocsin::tests
