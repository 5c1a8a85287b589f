// Folders and modules: what CMake says that a folder uses is what its #include lines use, modules
// form no cycle, and no folder is a heap.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/house/repository.h"

namespace tocsin::tests {
namespace {
namespace fs = std::filesystem;
using Graph = std::map<std::string, std::set<std::string>>;

constexpr std::size_t kFilesMax = 48;

// The folders of a CMakeLists.txt, each with those in its DEPENDS.
Graph declared_folders(const std::string& top, const std::string& text) {
  static const std::regex kFolder(R"(tocsin_folder\((\w+)([^)]*)\))");
  static const std::regex kDepends(R"(DEPENDS((?:\s+[a-z_]+/[a-z_]+)+))");
  static const std::regex kName(R"([a-z_]+/[a-z_]+)");
  Graph found;
  for (auto folder = std::sregex_iterator(text.begin(), text.end(), kFolder);
       folder != std::sregex_iterator(); ++folder) {
    std::set<std::string>& uses = found[top + "/" + (*folder)[1].str()];
    const std::string rest = (*folder)[2].str();
    std::smatch depends;
    if (!std::regex_search(rest, depends, kDepends)) continue;
    const std::string names = depends[1].str();
    for (auto name = std::sregex_iterator(names.begin(), names.end(), kName);
         name != std::sregex_iterator(); ++name) {
      uses.insert(name->str());
    }
  }
  return found;
}

// The files that a source includes by a path from the root.
std::vector<std::string> own_includes(const std::string& text) {
  static const std::regex kInclude(R"(^\s*#\s*include\s+\"([^\"]+)\")",
                                   std::regex::ECMAScript | std::regex::multiline);
  std::vector<std::string> found;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), kInclude);
       match != std::sregex_iterator(); ++match) {
    found.push_back((*match)[1].str());
  }
  return found;
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
// A header and the source of its name are one module.
std::string module_of(const std::string& path) { return path.substr(0, path.rfind('.')); }

// A way from a module back to itself, "a > b > a"; empty where there is none.
std::string find_cycle(const Graph& graph) {
  std::set<std::string> done;
  for (const auto& [start, unused] : graph) {
    if (done.contains(start)) continue;
    // Depth first, with the path and what is left of each node on it.
    std::vector<std::pair<std::string, std::vector<std::string>>> path;
    const auto enter = [&](const std::string& node) {
      const auto found = graph.find(node);
      std::vector<std::string> next;
      if (found != graph.end()) next.assign(found->second.begin(), found->second.end());
      path.emplace_back(node, std::move(next));
    };
    enter(start);
    while (!path.empty()) {
      if (path.back().second.empty()) {
        done.insert(path.back().first);
        path.pop_back();
        continue;
      }
      const std::string next = path.back().second.back();
      path.back().second.pop_back();
      const auto again = std::ranges::find(path, next, [](const auto& node) { return node.first; });
      if (again != path.end()) {
        std::string text;
        for (auto node = again; node != path.end(); ++node) text += node->first + " > ";
        return text + next;
      }
      if (!done.contains(next)) enter(next);
    }
  }
  return "";
}

const std::vector<std::string>& top_folders() {
  static const std::vector<std::string> kTops = {"cep", "rules", "runtime", "api", "library"};
  return kTops;
}
Graph all_folders() {
  Graph all;
  for (const std::string& top : top_folders()) {
    all.merge(declared_folders(top, read_file(top + "/CMakeLists.txt")));
  }
  return all;
}
std::vector<std::string> sources() {
  std::vector<std::string> found;
  for (const std::string& path : repository_files()) {
    const bool is_source = path.ends_with(".h") || path.ends_with(".cpp") || path.ends_with(".def");
    const bool is_ours = std::ranges::any_of(
        top_folders(), [&](const std::string& top) { return path.starts_with(top + "/"); });
    if (is_source && is_ours && !is_of_package(path) && fs::exists(repository_root() / path)) {
      found.push_back(path);
    }
  }
  return found;
}

TEST_CASE("folders: the reading of CMake and of cycles") {
  const Graph read = declared_folders(
      "cep",
      "tocsin_folder(base\n  LIBRARIES fmt::fmt)\ntocsin_folder(plan\n  DEPENDS cep/base\n"
      "    cep/value\n  LIBRARIES fmt::fmt)\n");
  CHECK(read == Graph{{"cep/base", {}}, {"cep/plan", {"cep/base", "cep/value"}}});
  CHECK(find_cycle({{"a", {"b", "c"}}, {"b", {"c"}}, {"c", {"d"}}}).empty());
  CHECK(find_cycle({{"a", {"b"}}, {"b", {"c"}}, {"c", {"b"}}}) == "b > c > b");
  CHECK(own_includes("#include <vector>\n  # include \"cep/plan/plan.h\"\n") ==
        std::vector<std::string>{"cep/plan/plan.h"});
}

TEST_CASE("folders: a folder includes what its CMakeLists.txt names, and no more is named") {
  const Graph declared = all_folders();
  REQUIRE(declared.size() > 30);
  Graph used;
  for (const std::string& path : sources()) {
    const std::string folder = folder_of(path);
    if (folder == "api") continue;  // main.cpp
    CHECK_MESSAGE(declared.contains(folder), path << ": a folder that no CMakeLists.txt names");
    for (const std::string& include : own_includes(read_file(path))) {
      const std::string other = folder_of(include);
      if (other != folder) used[folder].insert(other);
    }
  }
  for (const auto& entry : declared) {
    const std::string& folder = entry.first;
    const std::set<std::string>& uses = entry.second;
    const std::set<std::string>& really = used[folder];
    for (const std::string& other : really) {
      CHECK_MESSAGE(uses.contains(other), folder << " includes " << other << " without naming it");
    }
    for (const std::string& other : uses) {
      CHECK_MESSAGE(really.contains(other), folder << " names " << other << " for nothing");
    }
  }
}

TEST_CASE("folders: modules form no cycle") {
  Graph modules;
  for (const std::string& path : sources()) {
    for (const std::string& include : own_includes(read_file(path))) {
      if (module_of(include) != module_of(path)) {
        modules[module_of(path)].insert(module_of(include));
      }
    }
  }
  REQUIRE(modules.size() > 300);
  CHECK(find_cycle(modules) == "");
}

TEST_CASE("folders: none is too large to look through") {
  std::map<std::string, std::size_t> files;
  for (const std::string& path : sources()) ++files[folder_of(path)];
  for (const auto& entry : files) {
    CAPTURE(entry.first);
    CHECK(entry.second <= kFilesMax);
  }
}
}  // namespace
}  // namespace tocsin::tests
