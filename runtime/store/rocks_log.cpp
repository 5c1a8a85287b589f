#include "runtime/store/rocks_log.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "cep/base/byte_codec.h"
#include "runtime/io/crc32c.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kBlockBytes = 32 * 1024;
constexpr std::size_t kHeadBytes = 7;
constexpr std::size_t kTypeAt = 6;
// Types of a record's pieces.
constexpr char kFull = 1;
constexpr char kFirst = 2;
constexpr char kLast = 4;
// A batch begins with the number of its first change (u64) and how many it has (u32).
constexpr std::size_t kBatchHeadBytes = 12;

std::uint32_t unmask(std::uint32_t masked) {
  const std::uint32_t rotated = masked - 0xa282ead8U;
  return rotated >> 17 | rotated << 15;
}
bool is_zero(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char byte) { return byte == '\0'; });
}
// The bytes of the piece that `left` begins with, up to the block's end; nothing where it is cut
// short or its checksum does not hold.
std::optional<std::string_view> sound_piece(std::string_view left) {
  if (left.size() < kHeadBytes) return std::nullopt;
  const std::size_t size =
      static_cast<unsigned char>(left[4]) | std::size_t{static_cast<unsigned char>(left[5])} << 8;
  if (kHeadBytes + size > left.size()) return std::nullopt;
  if (crc32c(left.substr(kTypeAt, 1 + size)) != unmask(load_number<std::uint32_t>(left.data())))
    return std::nullopt;
  return left.substr(kHeadBytes, size);
}

std::string contents_of(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::string contents(error ? 0 : static_cast<std::size_t>(size), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(contents.data(), static_cast<std::streamsize>(contents.size()));
  contents.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return contents;
}
// Paths of the logs in `directory`, and of its manifests where wanted, by name.
std::vector<std::string> paths_of(const std::string& directory, bool with_manifests) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".log") || (with_manifests && name.starts_with("MANIFEST-")))
      paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths, {}, [](const std::string& path) {
    return std::pair(path.size(), std::string_view(path));  // by number, however many digits
  });
  return paths;
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

RocksLogExtent read_rocks_log(std::string_view bytes) {
  RocksLogExtent extent;
  std::string head;  // the first bytes of the record that is being read
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t block_left = kBlockBytes - at % kBlockBytes;
    if (block_left < kHeadBytes) {
      at += block_left;
      continue;
    }
    const std::string_view left = bytes.substr(at, block_left);
    if (left.size() >= kHeadBytes && is_zero(left.substr(0, kHeadBytes))) {
      at += left.size();
      continue;
    }
    const std::optional<std::string_view> piece = sound_piece(left);
    if (!piece) {
      extent.is_whole = false;
      return extent;
    }
    const char type = left[kTypeAt];
    if (type == kFull || type == kFirst) head.clear();
    head += piece->substr(0, kBatchHeadBytes - std::min(kBatchHeadBytes, head.size()));
    if ((type == kFull || type == kLast) && head.size() == kBatchHeadBytes) {
      const auto first = load_number<std::uint64_t>(head.data());
      if (extent.first == 0) extent.first = first;
      extent.end = first + load_number<std::uint32_t>(head.data() + sizeof first);
      head.clear();
    }
    at += kHeadBytes + piece->size();
  }
  extent.is_whole = head.empty();
  return extent;
}

RocksLogs survey_rocks_logs(const std::string& directory) {
  RocksLogs logs;
  std::optional<std::string> cut;  // the last one that is not whole
  std::uint64_t cut_end = 0;
  for (const std::string& path : paths_of(directory, false)) {
    const RocksLogExtent extent = read_rocks_log(contents_of(path));
    if (extent.first != 0) {
      if (cut && !logs.cut && extent.first > cut_end) logs.cut = cut;
      cut.reset();
      logs.end = std::max(logs.end, extent.end);
    }
    if (!extent.is_whole) {
      cut = path;
      cut_end = logs.end;
    }
  }
  return logs;
}

std::optional<std::string> find_damaged_rocks_log(const std::string& directory) {
  for (const std::string& path : paths_of(directory, true)) {
    if (!is_sound_rocks_log(contents_of(path))) return path;
  }
  return std::nullopt;
}
}  // namespace tocsin::runtime
