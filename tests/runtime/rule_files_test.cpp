#include "runtime/io/rule_files.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tocsin::runtime {
namespace {
namespace fs = std::filesystem;

// A folder that goes with its test.
class TemporaryFolder {
 public:
  [[nodiscard]] TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "tocsin_rule_files_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const std::string& name, const std::string& text = "") const {
    const fs::path path = path_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

TEST_CASE("rule files: a folder stands for all .tocsin files below it, sorted by path") {
  const TemporaryFolder folder;
  const std::string z = folder.file("z.tocsin");
  const std::string deep = folder.file("m/deep.tocsin");
  const std::string a = folder.file("a.tocsin");
  folder.file("notes.md");
  folder.file(".git/hidden.tocsin");
  folder.file(".swap.tocsin");
  fs::create_directories(fs::path(folder.path()) / "folder.tocsin");
  const auto files = find_rule_files({folder.path()});
  REQUIRE(files.has_value());
  CHECK(*files == std::vector<std::string>{a, deep, z});
}

TEST_CASE("rule files: a file comes once, where it was named first") {
  const TemporaryFolder folder;
  const std::string a = folder.file("a.tocsin");
  const std::string b = folder.file("b.tocsin");
  const auto files = find_rule_files({b, folder.path(), b});
  REQUIRE(files.has_value());
  CHECK(*files == std::vector<std::string>{b, a});
}

TEST_CASE("rule files: a path that is not there is left to the loader") {
  const auto files = find_rule_files({"/nowhere/x.tocsin"});
  REQUIRE(files.has_value());
  CHECK(*files == std::vector<std::string>{"/nowhere/x.tocsin"});
}

TEST_CASE("rule files: a folder without rules is an error that names it") {
  const TemporaryFolder folder;
  folder.file("readme.txt");
  const auto files = find_rule_files({folder.path()});
  REQUIRE_FALSE(files.has_value());
  CHECK(files.error().code == Errc::kNotFound);
  CHECK(files.error().message == "there is no .tocsin file in the folder " + folder.path());
}

TEST_CASE("rule files: a file is read whole, and what cannot be read has its reason") {
  const TemporaryFolder folder;
  const std::string text(100'000, 'x');
  CHECK(read_rule_file(folder.file("a.tocsin", text)) == text);
  CHECK(read_rule_file(folder.path() + "/none").error().code == Errc::kNotFound);
  CHECK(read_rule_file(folder.path()).error().message == "Is a directory");
  const std::string large = folder.file("large.tocsin");
  fs::resize_file(large, (16u << 20) + 1);
  CHECK(read_rule_file(large).error().code == Errc::kLimit);
}
}  // namespace
}  // namespace tocsin::runtime
