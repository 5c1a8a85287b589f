// One type for each name. Two types of one name in one namespace are one to the linker: code of
// templates is kept for one of them, and works on both.
#include <doctest/doctest.h>

#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/house/repository.h"

namespace tocsin::tests {
namespace {
// The types that a source defines in a namespace that has a name: our sources do not indent there.
std::vector<std::string> types_of(const std::string& source) {
  static const std::regex kType(
      R"((?:template <.*> )?(?:struct|class|union|enum class|enum) (\w+)(?: final)?(?: :[^;]*)? ?\{.*)");
  std::vector<std::string> types;
  bool is_unnamed = false;
  std::istringstream lines(source);
  for (std::string line; std::getline(lines, line);) {
    if (line == "namespace {") is_unnamed = true;
    if (line == "}  // namespace") is_unnamed = false;
    std::smatch type;
    if (!is_unnamed && std::regex_match(line, type, kType)) types.push_back(type[1]);
  }
  return types;
}

TEST_CASE("names: what defines a type is recognised") {
  using Types = std::vector<std::string>;
  CHECK(types_of("struct A {\n  struct B {\n  };\n};\nclass C : public A {};\n") ==
        Types{"A", "C"});
  CHECK(types_of("enum class D : int { kOne };\ntemplate <typename T> class E final {\n") ==
        Types{"D", "E"});
  CHECK(types_of("struct A;\nstruct A::B {\nusing F = int;\nstruct A value() {}\n").empty());
  CHECK(types_of("namespace {\nstruct A {\n};\n}  // namespace\nstruct G {\n") == Types{"G"});
}

TEST_CASE("names: no two types of one namespace have the same name") {
  // Each of these folders is one namespace of its own.
  std::map<std::string, std::string> defined;  // folder and name: where
  for (const std::string& path : repository_files()) {
    const std::string folder = path.substr(0, path.find('/'));
    const bool is_product = folder == "cep" || folder == "rules" || folder == "runtime" ||
                            folder == "api" || folder == "library";
    if (!is_product || !(path.ends_with(".h") || path.ends_with(".cpp"))) continue;
    for (const std::string& type : types_of(read_file(path))) {
      const auto [first, is_new] = defined.emplace(folder + "::" + type, path);
      if (!is_new) {
        FAIL_CHECK(path << ": " << first->second << " defines another type " << type
                        << ": give one of them a name of its own");
      }
    }
  }
  CHECK(defined.size() > 500);
}
}  // namespace
}  // namespace tocsin::tests
