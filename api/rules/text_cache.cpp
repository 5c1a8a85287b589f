#include "api/rules/text_cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace tocsin::api {
namespace fs = std::filesystem;

std::optional<std::string> TextCacheFolder::find(const std::string& name) {
  const fs::path path = fs::path(folder_) / (name + ".hsdb");
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  if (in.bad() || bytes.empty()) return std::nullopt;
  return bytes;
}

void TextCacheFolder::keep(const std::string& name, std::string_view bytes) {
  std::error_code error;
  const fs::path folder(folder_);
  if (fs::create_directories(folder, error)) {
    fs::permissions(folder, fs::perms::owner_all, error);
  }
  // Whole or not at all, whoever else writes the same.
  static std::atomic<unsigned> number{0};
  const fs::path draft = folder / fmt::format("{}.{}.{}.new", name, getpid(), ++number);
  {
    std::ofstream out(draft, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) {
      fs::remove(draft, error);
      return;
    }
  }
  fs::rename(draft, folder / (name + ".hsdb"), error);
  if (error) fs::remove(draft, error);
}

std::optional<std::string> text_cache_folder() {
  const auto value_of = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
  if (value_of("TOCSIN_TEXT_CACHE") == "off") return std::nullopt;
  const std::string cache = value_of("XDG_CACHE_HOME");
  if (cache.starts_with('/')) return cache + "/tocsin/text";
  const std::string home = value_of("HOME");
  if (home.starts_with('/')) return home + "/.cache/tocsin/text";
  return std::nullopt;
}
}  // namespace tocsin::api
