/// The console's files, which are part of the program. cmake/console_assets.cmake writes the source
/// of this header.
#pragma once
#include <span>
#include <string_view>

namespace tocsin::api {
struct ConsoleAsset {
  std::string_view path;          // "/console/index.html"
  std::string_view content_type;  // with its character set
  std::string_view packed;        // by gzip
  std::string_view digest;        // of `packed`, in hex
  bool is_immutable = false;      // its name has a digest: under it, it never changes
};
/// All of them, by path. There is always /console/index.html, the page.
std::span<const ConsoleAsset> console_assets();
}  // namespace tocsin::api
