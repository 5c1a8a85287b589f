#include "api/rules/text_cache.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace tocsin::api {
namespace {
namespace fs = std::filesystem;

TEST_CASE("text cache: gives back what it was given, under its name only") {
  const fs::path folder =
      fs::temp_directory_path() / ("tocsin_text_cache_" + std::to_string(getpid()));
  TextCacheFolder cache((folder / "deep" / "er").string());
  CHECK(!cache.find("a").has_value());
  const std::string bytes("\0x\xFF", 3);
  cache.keep("a", bytes);
  CHECK(cache.find("a") == bytes);
  CHECK(!cache.find("b").has_value());
  cache.keep("a", "other");
  CHECK(cache.find("a") == "other");
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder / "deep" / "er")) files += entry.exists();
  CHECK(files == 1);
  fs::remove_all(folder);
}

TEST_CASE("text cache: a folder that cannot be is no failure") {
  const fs::path file =
      fs::temp_directory_path() / ("tocsin_text_cache_file_" + std::to_string(getpid()));
  std::ofstream(file) << "no folder";
  TextCacheFolder cache((file / "below").string());
  cache.keep("a", "bytes");
  CHECK(!cache.find("a").has_value());
  fs::remove(file);
}
}  // namespace
}  // namespace tocsin::api
