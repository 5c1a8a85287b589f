#include "runtime/rocks_log.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "cep/base/byte_codec.h"
#include "runtime/crc32c.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kBlockBytes = 32 * 1024;
constexpr std::size_t kHeadBytes = 7;

std::uint32_t unmask(std::uint32_t masked) {
  const std::uint32_t rotated = masked - 0xa282ead8U;
  return rotated >> 17 | rotated << 15;
}
bool is_zero(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char byte) { return byte == '\0'; });
}
}  // namespace

bool is_sound_rocks_log(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t block_left = kBlockBytes - at % kBlockBytes;
    if (block_left < kHeadBytes) {
      if (!is_zero(bytes.substr(at, block_left))) return false;
      at += block_left;
      continue;
    }
    const std::string_view left = bytes.substr(at, block_left);
    if (left.size() < kHeadBytes) return true;  // cut short
    const std::size_t size =
        static_cast<unsigned char>(left[4]) | std::size_t{static_cast<unsigned char>(left[5])} << 8;
    if (is_zero(left.substr(0, kHeadBytes))) {  // space that was set aside
      at += left.size();
      continue;
    }
    if (kHeadBytes + size > block_left) return false;
    if (kHeadBytes + size > left.size()) return true;  // cut short
    if (crc32c(left.substr(6, 1 + size)) != unmask(load_number<std::uint32_t>(left.data())))
      return false;
    at += kHeadBytes + size;
  }
  return true;
}

std::optional<std::string> find_damaged_rocks_log(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".log") || name.starts_with("MANIFEST-"))
      paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    if (!is_sound_rocks_log(bytes)) return path;
  }
  return std::nullopt;
}
}  // namespace tocsin::runtime
