#include "runtime/journal/journal_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace tocsin::runtime {
namespace {
constexpr std::string_view kSegment = "segment-";
constexpr std::string_view kSpare = "spare-";
constexpr std::string_view kUnfinished = ".new";

std::string numbered(const std::string& directory, std::string_view word, std::uint64_t id,
                     std::string_view end = {}) {
  return fmt::format("{}/{}{:012}{}", directory, word, id, end);
}

// The number of a name that numbered() gives, and of no other.
std::optional<std::uint64_t> number_of(std::string_view name, std::string_view word,
                                       std::string_view end = {}) {
  if (!name.starts_with(word) || !name.ends_with(end) || name.size() <= word.size() + end.size()) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(word.size(), name.size() - word.size() - end.size());
  std::uint64_t id = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (error != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
  if (id == 0 || fmt::format("{:012}", id) != digits) return std::nullopt;
  return id;
}

Result<SegmentHeader> read_header(Files& files, const std::string& path) {
  const FileResult<std::unique_ptr<File>> file = files.open(path, OpenMode::kRead);
  if (!file) return tl::unexpected(to_error(file.error()));
  std::string block;
  const FileResult<void> read = read_range(**file, 0, kSegmentHeaderBytes, block);
  if (!read) return tl::unexpected(to_error(read.error()));
  return decode_segment_header(block, path);
}

Result<void> check_follows(const SegmentFile& before, const SegmentFile& after) {
  if (after.header.previous_id != before.header.id) {
    return fail(Errc::kCorrupt,
                fmt::format("{} follows segment {}, which is missing: the one before it is {}",
                            after.path, after.header.previous_id, before.header.id));
  }
  if (after.header.first_sequence < before.header.first_sequence) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged: it begins with record {}, and the segment before it "
                            "with record {}",
                            after.path, after.header.first_sequence, before.header.first_sequence));
  }
  return {};
}
}  // namespace

std::string segment_path(const std::string& directory, std::uint64_t id) {
  return numbered(directory, kSegment, id);
}
std::string unfinished_path(const std::string& directory, std::uint64_t id) {
  return numbered(directory, kSegment, id, kUnfinished);
}
std::string spare_path(const std::string& directory, std::uint64_t id) {
  return numbered(directory, kSpare, id);
}
std::string lock_path(const std::string& directory) { return directory + "/lock"; }

Result<JournalDirectory> survey_journal(Files& files, const std::string& directory) {
  const FileResult<std::vector<std::string>> names = files.list(directory);
  if (!names) return tl::unexpected(to_error(names.error()));
  JournalDirectory found;
  std::vector<std::pair<std::uint64_t, std::string>> segments;
  std::vector<std::pair<std::uint64_t, std::string>> spares;
  for (const std::string& name : *names) {
    const std::string path = directory + "/" + name;
    std::optional<std::uint64_t> id;
    if ((id = number_of(name, kSegment))) {
      segments.emplace_back(*id, path);
    } else if ((id = number_of(name, kSpare))) {
      spares.emplace_back(*id, path);
    } else if ((id = number_of(name, kSegment, kUnfinished))) {
      found.unfinished.push_back(path);
    } else {
      continue;
    }
    found.id_max = std::max(found.id_max, *id);
  }
  std::sort(segments.begin(), segments.end());
  std::sort(spares.begin(), spares.end());
  for (auto& [id, path] : spares) found.spares.push_back(std::move(path));
  for (auto& [id, path] : segments) {
    Result<SegmentHeader> header = read_header(files, path);
    if (!header) return tl::unexpected(header.error());
    if (header->id != id) {
      return fail(Errc::kCorrupt, fmt::format("{} is not what its name says: it holds segment {}",
                                              path, header->id));
    }
    SegmentFile segment{std::move(path), *std::move(header)};
    if (!found.segments.empty()) {
      Result<void> follows = check_follows(found.segments.back(), segment);
      if (!follows) return tl::unexpected(follows.error());
    }
    found.segments.push_back(std::move(segment));
  }
  return found;
}
}  // namespace tocsin::runtime
