#include "runtime/journal/journal_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/io/numbered_name.h"

namespace tocsin::runtime {
namespace {
constexpr std::string_view kSegment = "segment-";
constexpr std::string_view kSpare = "spare-";
constexpr std::string_view kUnfinished = ".new";

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
  return directory + "/" + numbered_name(kSegment, id);
}
std::string unfinished_path(const std::string& directory, std::uint64_t id) {
  return directory + "/" + numbered_name(kSegment, id, kUnfinished);
}
std::string spare_path(const std::string& directory, std::uint64_t id) {
  return directory + "/" + numbered_name(kSpare, id);
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
    if ((id = number_of_name(name, kSegment))) {
      segments.emplace_back(*id, path);
    } else if ((id = number_of_name(name, kSpare))) {
      spares.emplace_back(*id, path);
    } else if ((id = number_of_name(name, kSegment, kUnfinished))) {
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
