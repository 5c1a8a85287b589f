#include "runtime/archive/archive_directory.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/io/crc32c.h"
#include "runtime/io/numbered_name.h"

namespace tocsin::runtime {
namespace {
constexpr std::string_view kName = "records-";
constexpr std::string_view kUnfinished = ".new";

// Header and footer; nothing where the file is no longer there.
Result<std::optional<ArchiveFile>> look_at(Files& files, const std::string& path) {
  const FileResult<std::unique_ptr<File>> file = files.open(path, OpenMode::kRead);
  if (!file && file.error().code == FileErrc::kNotFound) return std::nullopt;
  if (!file) return tl::unexpected(to_error(file.error()));
  const FileResult<std::uint64_t> size = (*file)->size();
  if (!size) return tl::unexpected(to_error(size.error()));
  if (*size < kArchiveHeaderBytes + kArchiveFooterBytes) {
    return tl::unexpected(archive_damage(path, fmt::format("it has {} bytes", *size)));
  }
  ArchiveFile found;
  found.path = path;
  found.bytes = *size;
  std::string bytes;
  if (const auto read = read_range(**file, 0, kArchiveHeaderBytes, bytes); !read) {
    return tl::unexpected(to_error(read.error()));
  }
  const Result<ArchiveHeader> header = decode_archive_header(bytes, path);
  if (!header) return tl::unexpected(header.error());
  found.header = *header;
  const std::uint64_t footer_at = *size - kArchiveFooterBytes;
  if (const auto read = read_range(**file, footer_at, kArchiveFooterBytes, bytes); !read) {
    return tl::unexpected(to_error(read.error()));
  }
  const Result<ArchiveFooter> footer = decode_archive_footer(bytes, path);
  if (!footer) return tl::unexpected(footer.error());
  found.footer = *footer;
  if (footer->index_offset > footer_at || footer->index_bytes != footer_at - footer->index_offset ||
      footer->end_sequence <= header->first_sequence) {
    return tl::unexpected(archive_damage(path, "its end does not fit its beginning"));
  }
  return found;
}
}  // namespace

std::uint64_t ArchiveDirectory::bytes() const {
  std::uint64_t sum = 0;
  for (const ArchiveFile& file : files) sum += file.bytes;
  return sum;
}

std::string archive_path(const std::string& directory, std::uint64_t first_sequence) {
  return directory + "/" + numbered_name(kName, first_sequence);
}
std::string unfinished_archive_path(const std::string& directory, std::uint64_t first_sequence) {
  return directory + "/" + numbered_name(kName, first_sequence, kUnfinished);
}

Result<ArchiveDirectory> survey_archive(Files& files, const std::string& directory) {
  ArchiveDirectory archive;
  const FileResult<std::vector<std::string>> names = files.list(directory);
  if (!names && names.error().code == FileErrc::kNotFound) return archive;
  if (!names) return tl::unexpected(to_error(names.error()));
  for (const std::string& name : *names) {
    const std::string path = directory + "/" + name;
    if (number_of_name(name, kName, kUnfinished)) archive.unfinished.push_back(path);
    if (!number_of_name(name, kName)) continue;
    Result<std::optional<ArchiveFile>> file = look_at(files, path);
    if (!file && file.error().code == Errc::kCorrupt) {
      archive.damaged.push_back(file.error());
    } else if (!file) {
      return tl::unexpected(file.error());
    } else if (*file) {
      archive.files.push_back(**std::move(file));
    }
  }
  std::ranges::sort(archive.files, {},
                    [](const ArchiveFile& f) { return f.header.first_sequence; });
  for (std::size_t i = 1; i < archive.files.size();) {
    if (archive.files[i].header.first_sequence >= archive.files[i - 1].footer.end_sequence) {
      ++i;
      continue;
    }
    archive.damaged.push_back(archive_damage(
        archive.files[i].path, fmt::format("it repeats records of {}", archive.files[i - 1].path)));
    archive.files.erase(archive.files.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return archive;
}

Result<ArchiveFileReader> ArchiveFileReader::open(Files& files, const std::string& path) {
  const Result<std::optional<ArchiveFile>> found = look_at(files, path);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return fail(Errc::kNotFound, path + " was removed");
  ArchiveFileReader reader;
  reader.path_ = path;
  FileResult<std::unique_ptr<File>> file = files.open(path, OpenMode::kRead);
  if (!file) return tl::unexpected(to_error(file.error()));
  reader.file_ = *std::move(file);
  const ArchiveFooter& footer = (*found)->footer;
  std::string bytes;
  const auto read = read_range(*reader.file_, footer.index_offset, footer.index_bytes, bytes);
  if (!read) return tl::unexpected(to_error(read.error()));
  if (bytes.size() != footer.index_bytes || crc32c(bytes) != footer.index_checksum) {
    return tl::unexpected(archive_damage(path, "the checksum of its index is wrong"));
  }
  Result<ArchiveIndex> index = decode_archive_index(bytes, path);
  if (!index) return tl::unexpected(index.error());
  reader.index_ = *std::move(index);
  return reader;
}

Result<std::string> ArchiveFileReader::read(const ArchiveBlock& block) const {
  const auto damage = [&](const std::string& what) {
    return tl::unexpected(
        archive_damage(path_, fmt::format("{} at offset {}", what, block.offset)));
  };
  std::string packed;
  const auto read = read_range(*file_, block.offset, block.bytes, packed);
  if (!read) return tl::unexpected(to_error(read.error()));
  if (packed.size() != block.bytes || crc32c(packed) != block.checksum) {
    return damage("the checksum is wrong of the records");
  }
  std::string records(block.unpacked_bytes, '\0');
  const std::size_t size =
      ZSTD_decompress(records.data(), records.size(), packed.data(), packed.size());
  if (ZSTD_isError(size) != 0 || size != records.size())
    return damage("no records can be unpacked");
  return records;
}
}  // namespace tocsin::runtime
