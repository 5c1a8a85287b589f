#include "api/rules/text_cache.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "api/rules/rule_check.h"
#include "api/rules/rule_loader.h"

namespace tocsin::api {
namespace {
namespace fs = std::filesystem;

TEST_CASE("text cache: gives back what it was given, under its name only") {
  const fs::path folder =
      fs::temp_directory_path() / ("tocsin_text_cache_" + std::to_string(getpid()));
  TextCacheFolder cache({(folder / "deep" / "er").string(), {}});
  CHECK(!cache.find("a").has_value());
  const std::string bytes("\0x\xFF", 3);
  cache.keep("a", bytes);
  CHECK(cache.find("a") == bytes);
  CHECK(!cache.find("b").has_value());
  cache.keep("a", "other");
  CHECK(cache.find("a") == "other");
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder / "deep" / "er")) {
    ++files;
    CHECK(entry.status().permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  }
  CHECK(files == 1);
  fs::remove_all(folder);
}

TEST_CASE("text cache: a folder that cannot be is no failure") {
  const fs::path file =
      fs::temp_directory_path() / ("tocsin_text_cache_file_" + std::to_string(getpid()));
  std::ofstream(file) << "no folder";
  TextCacheFolder cache({(file / "below").string(), {}});
  cache.keep("a", "bytes");
  CHECK(!cache.find("a").has_value());
  fs::remove(file);
}

// A folder of its own, without what was there.
fs::path fresh_folder(const std::string& name) {
  fs::path folder = fs::temp_directory_path() / (name + std::to_string(getpid()));
  fs::remove_all(folder);
  return folder;
}
std::size_t files_in(const fs::path& folder) {
  std::size_t files = 0;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) files += entry.exists() ? 1 : 0;
  return files;
}

TEST_CASE("text cache: what others could have written is not read") {
  const fs::path folder = fresh_folder("tocsin_text_cache_others_");
  TextCacheFolder cache({folder.string(), {}});
  cache.keep("a", "bytes");
  const fs::path file = folder / "a.hsdb";
  CHECK(cache.find("a") == "bytes");
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  CHECK(!cache.find("a").has_value());
  cache.keep("a", "mine");
  CHECK(cache.find("a") == "mine");
  fs::rename(file, folder / "elsewhere");
  fs::create_symlink(folder / "elsewhere", file);
  CHECK(!cache.find("a").has_value());
  fs::remove_all(folder);
}

TEST_CASE("text cache: another folder is read and not written, and old files go") {
  const fs::path folder = fresh_folder("tocsin_text_cache_two_");
  TextCacheFolder other({(folder / "other").string(), {}});
  other.keep("a", "bytes");
  TextCacheFolder cache({(folder / "own").string(), (folder / "other").string()});
  CHECK(cache.find("a") == "bytes");
  cache.keep("old", "old");
  const auto month_ago = fs::file_time_type::clock::now() - std::chrono::hours(24 * 31);
  fs::last_write_time(folder / "own" / "old.hsdb", month_ago);
  cache.keep("b", "more");
  CHECK(cache.find("b") == "more");
  CHECK(!cache.find("old").has_value());
  CHECK(files_in(folder / "own") == 1);
  CHECK(files_in(folder / "other") == 1);
  fs::remove_all(folder);
}

TEST_CASE("text cache: a data directory has its own, unless a folder is named") {
  const fs::path folder = fresh_folder("tocsin_text_cache_data_");
  const std::string before = text_cache_place().folder;
  use_text_cache_of_data(folder.string());  // it is none
  CHECK(text_cache_place().folder == before);
  fs::create_directories(folder);
  std::ofstream(folder / "FORMAT") << "tocsin data 1";
  use_text_cache_of_data(folder.string());
  CHECK(text_cache_place().folder == (folder / "cache").string());
  CHECK(text_cache_place().also_read == before);
  use_text_cache("named");
  CHECK(text_cache_place().folder == "named");
  use_text_cache("off");
  CHECK(text_cache_place().folder.empty());
  use_text_cache("");
  use_text_cache_of_data("");
  fs::remove_all(folder);
}

TEST_CASE("text cache: a check of rules compiles no automaton of many regular expressions") {
  const fs::path folder = fresh_folder("tocsin_text_cache_check_");
  fs::create_directories(folder);
  const std::string file = (folder / "many.tocsin").string();
  use_text_cache((folder / "cache").string());
  for (const std::size_t count : {10, 1'001}) {
    CAPTURE(count);
    std::string text = "event pay { ts: time, id: int id, card: string, memo: string }\n";
    text += "list shapes : regex = [";
    for (std::size_t i = 0; i < count; ++i) text += "/w" + std::to_string(i) + "[xy]/, ";
    text +=
        "]\nrule r \"R\" { by card when pay where memo matches any of shapes alert \"{memo}\" }";
    std::ofstream(file) << text;
    fs::remove_all(folder / "cache");
    const LoadedRules checked = check_rules({file}, {});
    CHECK(checked.errors() == 0);
    CHECK(!checked.program.has_value());
    CHECK(files_in(folder / "cache") == (count > 1'000 ? 0 : 1));
    const LoadedRules loaded = load_rules({file});
    CHECK(loaded.program.has_value());
    CHECK(files_in(folder / "cache") == 1);
  }
  // Each expression is checked all the same.
  std::ofstream(file, std::ios::app) << "\nlist wrong : regex = [/a(/]";
  CHECK(check_rules({file}, {}).errors() == 1);
  use_text_cache("");
  fs::remove_all(folder);
}
}  // namespace
}  // namespace tocsin::api
