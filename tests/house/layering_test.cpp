// The picture of the architecture, checked against every #include.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/house/repository.h"

namespace tocsin::tests {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string, std::less<>>;

struct Folder {
  Names ours;                            // folders whose headers it may include
  std::vector<std::string> third_party;  // prefixes it may include in <>
  std::vector<std::string> never;        // standard headers it may not include
  bool any_third_party = false;
  bool posix = false;
};

// "Never holds threads, clocks, I/O", as headers. <cstdio> is what an assert prints with.
const std::vector<std::string> kThreadsAndFiles = {
    "condition_variable", "filesystem",   "fstream",    "future", "iostream", "mutex",
    "semaphore",          "shared_mutex", "stop_token", "thread"};

const std::map<std::string, Folder, std::less<>>& folders() {
  static const std::map<std::string, Folder, std::less<>> kFolders = {
      {"cep",
       {.ours = {"cep"},
        .third_party = {"tl/", "fmt/", "xxhash.h", "hs.h", "openssl/", "utf8proc.h"},
        .never = kThreadsAndFiles}},
      {"rules", {.ours = {"rules", "cep"}, .third_party = {"fmt/"}, .never = {"thread"}}},
      {"runtime",
       {.ours = {"runtime", "cep"},
        .third_party = {"tl/", "fmt/", "rocksdb/", "simdjson.h", "zlib.h", "zstd.h",
                        "zstd_errors.h", "xxhash.h", "librdkafka/", "google/protobuf/"},
        .never = {},
        .posix = true}},
      {"api",
       {.ours = {"api", "library", "rules", "runtime", "cep"},
        .third_party = {},
        .never = {},
        .any_third_party = true,
        .posix = true}},
      {"library",
       {.ours = {"library", "rules", "runtime", "cep"},
        .third_party = {"tl/", "fmt/", "nlohmann/", "tocsin.h"},
        .never = {"condition_variable", "fstream", "future", "iostream", "mutex", "thread"}}},
  };
  return kFolders;
}

// Costly to read or with names of their own: each stays behind a .cpp file.
constexpr std::string_view kHeavy[] = {"hs.h", "rocksdb/", "boost/msm", "httplib.h",
                                       "google/protobuf/"};

constexpr std::string_view kPosixPrefixes[] = {"sys/", "arpa/", "netinet/", "linux/"};
constexpr std::string_view kPosixHeaders[] = {"fcntl.h", "netdb.h",  "poll.h",    "pthread.h",
                                              "sched.h", "signal.h", "termios.h", "unistd.h"};
// Instructions, not a library.
constexpr std::string_view kIntrinsics[] = {"emmintrin.h", "immintrin.h", "nmmintrin.h",
                                            "arm_acle.h", "arm_neon.h"};

struct Include {
  std::string name;
  bool angled;
};

std::vector<Include> includes_of(const std::string& text) {
  static const std::regex kPattern(R"(^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"])",
                                   std::regex::ECMAScript | std::regex::multiline);
  std::vector<Include> found;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), kPattern);
       match != std::sregex_iterator(); ++match) {
    found.push_back({(*match)[2].str(), (*match)[1].str() == "<"});
  }
  return found;
}

bool starts_with_any(std::string_view name, const auto& prefixes) {
  return std::ranges::any_of(prefixes,
                             [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// Says why a file of `folder` may not include this, or nothing.
std::string objection(std::string_view path, const Include& include) {
  const std::string_view folder_name = path.substr(0, path.find('/'));
  const Folder& folder = folders().find(folder_name)->second;
  const std::string_view name = include.name;
  if (path.ends_with(".h") && starts_with_any(name, kHeavy)) return "heavy header in a .h";
  if (!include.angled) {
    const std::string first(name.substr(0, name.find('/')));
    if (!folders().contains(first)) return "quoted include that does not begin with a folder";
    if (!folder.ours.contains(first)) return "edge that is not in the picture";
    return "";
  }
  if (starts_with_any(name, kIntrinsics)) return "";
  // The one place that asks the system for memory by the page, for all engines of a process.
  if (path == "cep/base/pages.cpp" && (name == "sys/mman.h" || name == "mutex")) return "";
  if (starts_with_any(name, kPosixPrefixes) || std::ranges::count(kPosixHeaders, name) != 0) {
    return folder.posix ? "" : "system call in a folder without any";
  }
  const bool is_standard = name.find_first_of("./") == std::string_view::npos;
  if (is_standard) {
    return std::ranges::count(folder.never, name) != 0 ? "standard header this folder never holds"
                                                       : "";
  }
  if (folders().contains(name.substr(0, name.find('/')))) return "own header in angle brackets";
  if (folder.any_third_party || starts_with_any(name, folder.third_party)) return "";
  return "library this folder may not include";
}

std::vector<std::string> objections(const std::string& path, const std::string& text) {
  std::vector<std::string> found;
  for (const Include& include : includes_of(text)) {
    const std::string why = objection(path, include);
    if (!why.empty()) found.push_back(path + ": " + why + ": " + include.name);
  }
  return found;
}

std::vector<std::string> source_files() {
  std::vector<std::string> found;
  for (const auto& [name, folder] : folders()) {
    for (const auto& entry : fs::recursive_directory_iterator(repository_root() / name)) {
      const std::string extension = entry.path().extension().string();
      const std::string path = fs::relative(entry.path(), repository_root()).generic_string();
      if ((extension == ".h" || extension == ".cpp" || extension == ".def") &&
          !is_of_package(path)) {
        found.push_back(path);
      }
    }
  }
  std::ranges::sort(found);
  return found;
}

// Whether a source below `folder` (empty: any of ours) includes <PREFIX…>.
bool is_included(const std::string& prefix, const std::string& folder) {
  static const std::vector<std::pair<std::string, std::string>> kIncludes = [] {
    std::vector<std::pair<std::string, std::string>> all;  // path and what it includes
    for (const std::string& path : source_files()) {
      for (const Include& include : includes_of(read_file(path))) {
        if (include.angled) all.emplace_back(path, include.name);
      }
    }
    return all;
  }();
  return std::ranges::any_of(kIncludes, [&](const auto& include) {
    return include.first.starts_with(folder) && include.second.starts_with(prefix);
  });
}

TEST_CASE("layering: an include outside the picture is found") {
  struct Row {
    const char* path;
    const char* line;
    bool allowed;
  };
  constexpr Row kRows[] = {
      {"cep/plan/plan.cpp", "#include \"cep/base/result.h\"", true},
      {"cep/plan/plan.cpp", "#include \"rules/syntax/lexer.h\"", false},
      {"cep/plan/plan.cpp", "#include \"plan.h\"", false},
      {"cep/plan/plan.cpp", "#include <cep/plan/plan.h>", false},
      {"cep/plan/plan.cpp", "#include <thread>", false},
      {"cep/plan/plan.cpp", "  #  include <thread>", false},
      {"cep/plan/plan.cpp", "#include <unistd.h>", false},
      {"cep/plan/plan.cpp", "#include <sys/mman.h>", false},
      {"cep/base/pages.cpp", "#include <sys/mman.h>", true},
      {"cep/base/pages.cpp", "#include <thread>", false},
      {"cep/plan/plan.cpp", "#include <vector>", true},
      {"cep/plan/plan.cpp", "#include <stdlib.h>", false},
      {"cep/plan/plan.cpp", "#include <simdjson.h>", false},
      {"cep/plan/plan.cpp", "#include <boost/unordered/unordered_flat_map.hpp>", false},
      {"cep/plan/plan.cpp", "#include <boost/asio.hpp>", false},
      {"cep/text.cpp", "#include <hs.h>", true},
      {"cep/text.h", "#include <hs.h>", false},
      {"rules/load/check.cpp", "#include \"cep/plan/plan.h\"", true},
      {"rules/load/check.cpp", "#include \"runtime/journal/journal.h\"", false},
      {"rules/load/check.cpp", "#include <simdjson.h>", false},
      {"runtime/slice.cpp", "#include \"rules/load/check.h\"", false},
      {"runtime/slice.cpp", "#include \"api/commands/main.h\"", false},
      {"runtime/slice.cpp", "#include <sys/mman.h>", true},
      {"runtime/store/store.cpp", "#include <rocksdb/db.h>", true},
      {"runtime/store/store.h", "#include <rocksdb/db.h>", false},
      {"api/http.cpp", "#include <httplib.h>", true},
      {"api/http.h", "#include <httplib.h>", false},
      {"api/delivery.h", "#include <boost/msm/back/state_machine.hpp>", false},
      {"api/http.cpp", "#include \"runtime/slice.h\"", true},
      {"api/http.cpp", "#include \"tests/support/oracle.h\"", false},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.path);
    CAPTURE(row.line);
    CHECK(objections(row.path, std::string("// a file\n") + row.line + "\n").empty() ==
          row.allowed);
  }
}

TEST_CASE("layering: a library that a folder may include is included there") {
  for (const auto& entry : folders()) {
    const std::string& name = entry.first;
    for (const std::string& library : entry.second.third_party) {
      CAPTURE(name);
      CAPTURE(library);
      CHECK(is_included(library, name));
    }
  }
}

// The libraries that CMakeLists.txt asks for: "fmt", "httplib", ….
std::vector<std::string> required_libraries(const std::string& script) {
  static const std::regex kPattern(
      R"(^[ \t]*(?:find_package|pkg_check_modules)\([ \t]*([A-Za-z0-9_+-]+))",
      std::regex::ECMAScript | std::regex::multiline);
  std::vector<std::string> found;
  for (auto match = std::sregex_iterator(script.begin(), script.end(), kPattern);
       match != std::sregex_iterator(); ++match) {
    found.push_back((*match)[1].str());
  }
  return found;
}

TEST_CASE("dependencies: each library that the build requires is included by a source") {
  // Beginnings of its headers. A library that is missing here is new: say which are its own.
  const std::map<std::string, std::string, std::less<>> headers = {{"Boost", "boost/"},
                                                                   {"CLI11", "CLI/"},
                                                                   {"OpenSSL", "openssl/"},
                                                                   {"Threads", "thread"},
                                                                   {"ZLIB", "zlib.h"},
                                                                   {"fmt", "fmt/"},
                                                                   {"httplib", "httplib.h"},
                                                                   {"hyperscan", "hs.h"},
                                                                   {"nlohmann_json", "nlohmann/"},
                                                                   {"protobuf", "google/protobuf/"},
                                                                   {"rdkafka", "librdkafka/"},
                                                                   {"rocksdb", "rocksdb/"},
                                                                   {"simdjson", "simdjson.h"},
                                                                   {"tl-expected", "tl/"},
                                                                   {"tomlplusplus", "toml++/"},
                                                                   {"utf8proc", "utf8proc.h"},
                                                                   {"zstd", "zstd.h"}};
  const std::vector<std::string> required = required_libraries(read_file("CMakeLists.txt"));
  CHECK(required.size() > 10);
  for (const std::string& library : required) {
    CAPTURE(library);
    if (library == "PkgConfig" || library == "doctest") continue;  // a tool; of the tests
    const auto header = headers.find(library);
    REQUIRE(header != headers.end());
    CHECK(is_included(header->second, ""));
  }
  // The test itself finds what it looks for.
  CHECK(required_libraries("find_package(spdlog REQUIRED)\n") ==
        std::vector<std::string>{"spdlog"});
  CHECK_FALSE(is_included("spdlog/", ""));
}

TEST_CASE("layering: every include is in the picture") {
  for (const std::string& path : source_files()) {
    for (const std::string& line : objections(path, read_file(path))) FAIL_CHECK(line);
  }
}

TEST_CASE("layering: every quoted include names a file from the root") {
  for (const std::string& path : source_files()) {
    for (const Include& include : includes_of(read_file(path))) {
      if (include.angled || fs::exists(repository_root() / include.name)) continue;
      FAIL_CHECK(path << ": no such file: " << include.name);
    }
  }
}

TEST_CASE("layering: only one file of cep includes OpenSSL") {
  std::vector<std::string> users;
  for (const std::string& path : source_files()) {
    if (!path.starts_with("cep/")) continue;
    const std::vector<Include> includes = includes_of(read_file(path));
    if (std::ranges::any_of(includes, [](const Include& include) {
          return include.name.starts_with("openssl/");
        })) {
      users.push_back(path);
    }
  }
  INFO("the digest has one home; the last that includes it: ",
       users.empty() ? "none" : users.back());
  CHECK(users.size() <= 1);
}

TEST_CASE("layering: no file has a name that says nothing") {
  for (const std::string& path : source_files()) {
    const std::string stem = fs::path(path).stem().string();
    CAPTURE(path);
    CHECK(std::regex_match(stem, std::regex("[a-z0-9_]+")));
    for (const char* vague : {"utils", "util", "helpers", "helper", "common", "misc"}) {
      CHECK(stem != vague);
    }
  }
}

}  // namespace
}  // namespace tocsin::tests
