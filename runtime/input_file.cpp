#include "runtime/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "cep/identity.h"
#include "runtime/decoder.h"
#include "runtime/system_files.h"

namespace tocsin::runtime {
namespace {
constexpr std::uint64_t kEdgeBytes = std::uint64_t{64} << 10;

// The digests of the first and last bytes of a file's first `size`.
struct Edges {
  RangeDigest head{};
  RangeDigest tail{};
};
Result<Edges> read_edges(const std::string& path, std::uint64_t size) {
  SystemFiles files;
  FileResult<std::unique_ptr<File>> file = files.open(path, OpenMode::kRead);
  if (!file) return tl::unexpected(to_error(file.error()));
  Edges edges;
  std::string bytes;
  const std::uint64_t length = std::min(size, kEdgeBytes);
  FileResult<void> read = read_range(**file, 0, length, bytes);
  if (!read) return tl::unexpected(to_error(read.error()));
  edges.head = digest_range(bytes);
  read = read_range(**file, size - length, length, bytes);
  if (!read) return tl::unexpected(to_error(read.error()));
  edges.tail = digest_range(bytes);
  return edges;
}

struct Status {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
};
Result<Status> status_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    const int error = errno;
    return fail(error == ENOENT ? Errc::kNotFound : Errc::kIo,
                fmt::format("cannot read {}: {}", path, std::generic_category().message(error)));
  }
  if (S_ISDIR(found.st_mode)) {
    return fail(Errc::kIo,
                fmt::format("cannot read {}: {}", path, std::generic_category().message(EISDIR)));
  }
  if (!S_ISREG(found.st_mode)) {
    return fail(Errc::kRefused,
                fmt::format("{} is no regular file, and could not be read again after a crash; "
                            "send it to standard input (--input -)",
                            path));
  }
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return Status{static_cast<std::uint64_t>(found.st_dev), static_cast<std::uint64_t>(found.st_ino),
                static_cast<std::uint64_t>(found.st_size),
                std::int64_t{found.st_mtim.tv_sec} * kNanoseconds + found.st_mtim.tv_nsec};
}

template <typename Number>
bool read_number(std::string_view& text, Number& number) {
  const std::size_t end = std::min(text.find(':'), text.size());
  const auto [rest, error] = std::from_chars(text.data(), text.data() + end, number);
  if (error != std::errc() || rest != text.data() + end) return false;
  text.remove_prefix(std::min(end + 1, text.size()));
  return true;
}
bool read_hex(std::string_view& text, RangeDigest& digest) {
  const std::string_view digits = text.substr(0, digest.size() * 2);
  if (digits.size() != digest.size() * 2) return false;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const char* const at = digits.data() + 2 * i;
    const auto [rest, error] = std::from_chars(at, at + 2, digest[i], 16);
    if (error != std::errc() || rest != at + 2) return false;
  }
  text.remove_prefix(digits.size());
  if (text.empty()) return true;
  if (text.front() != ':' || text.size() == 1) return false;
  text.remove_prefix(1);
  return true;
}

// Reads the bytes [first, next) of an input, unpacked, in parts; false where it has fewer.
template <typename Take>
Result<bool> read_bytes(ByteSource& bytes, std::uint64_t count, const Take& take) {
  std::string part(static_cast<std::size_t>(std::min<std::uint64_t>(count, 4 * kEdgeBytes)), '\0');
  while (count > 0) {
    const Result<std::size_t> got = bytes.read(
        part.data(), static_cast<std::size_t>(std::min<std::uint64_t>(count, part.size())));
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) return false;
    take(std::string_view(part).substr(0, *got));
    count -= *got;
  }
  return true;
}

tl::unexpected<Error> changed(const std::string& path, std::uint64_t bytes, const char* how) {
  return fail(Errc::kRefused,
              fmt::format("{} has changed: the first {} bytes, which were taken before, {}; put "
                          "them back, give the new contents as a file of another name, or begin "
                          "anew in another data directory",
                          path, bytes, how));
}

// The digest of what was taken, from the file as it is now; fails where it is no longer that.
Result<PrefixDigest> check_prefix(const std::string& path, const NodeSource& source, bool is_same) {
  Result<std::unique_ptr<ByteSource>> bytes = open_source(path);
  if (!bytes) return tl::unexpected(bytes.error());
  PrefixDigest prefix;
  if (is_same) {
    // Only what the digest needs to be gone on with.
    std::string kept;
    ByteWriter writer(kept);
    source.prefix.save(writer);
    ByteReader reader(kept);
    prefix = PrefixDigest::restore(reader);
    const Result<std::uint64_t> skipped = (*bytes)->skip(prefix.missing_from());
    if (!skipped) return tl::unexpected(skipped.error());
    std::string missing;
    const Result<bool> read = read_bytes(**bytes, source.next_offset - prefix.missing_from(),
                                         [&](std::string_view part) { missing += part; });
    if (!read) return tl::unexpected(read.error());
    if (!*read) return changed(path, source.next_offset, "are no longer there");
    if (!prefix.supply(missing)) return changed(path, source.next_offset, "are others now");
    return prefix;
  }
  const Result<bool> read =
      read_bytes(**bytes, source.next_offset, [&](std::string_view part) { prefix.add(part); });
  if (!read) return tl::unexpected(read.error());
  if (!*read) return changed(path, source.next_offset, "are no longer all there");
  if (prefix.digest() != source.prefix.digest()) {
    return changed(path, source.next_offset, "are others now");
  }
  return prefix;
}

// Pairs files with sources, each once, where `is_it` says so.
template <typename IsIt>
Result<void> pair(std::vector<FileMatch>& files, const std::vector<NodeSource>& sources,
                  std::vector<bool>& is_taken, const IsIt& is_it) {
  for (FileMatch& file : files) {
    if (file.source) continue;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const bool is_stream =
          sources[i].kind != SourceKind::kByPosition && sources[i].next_offset != 0;
      if (is_taken[i] || is_stream) continue;
      const Result<bool> found = is_it(file, sources[i]);
      if (!found) return tl::unexpected(found.error());
      if (!*found) continue;
      file.source = i;
      is_taken[i] = true;
      break;
    }
  }
  return {};
}
}  // namespace

std::string write_identity(const InputIdentity& identity) {
  return fmt::format("{}:{}:{}:{}:{}:{}", identity.device, identity.inode, identity.size,
                     identity.modified_ns, cep::hex(identity.head), cep::hex(identity.tail));
}

std::optional<InputIdentity> read_identity(std::string_view text) {
  InputIdentity identity;
  const bool is_good = read_number(text, identity.device) && read_number(text, identity.inode) &&
                       read_number(text, identity.size) &&
                       read_number(text, identity.modified_ns) && read_hex(text, identity.head) &&
                       read_hex(text, identity.tail) && text.empty();
  if (!is_good) return std::nullopt;
  return identity;
}

Result<InputIdentity> identify_file(const std::string& path) {
  const Result<Status> status = status_of(path);
  if (!status) return tl::unexpected(status.error());
  const Result<Edges> edges = read_edges(path, status->size);
  if (!edges) return tl::unexpected(edges.error());
  return InputIdentity{status->device,      status->inode, status->size,
                       status->modified_ns, edges->head,   edges->tail};
}

Result<bool> begins_as(const std::string& path, const InputIdentity& identity) {
  const Result<Status> status = status_of(path);
  if (!status) {
    if (status.error().code == Errc::kNotFound) return false;
    return tl::unexpected(status.error());
  }
  if (status->size < identity.size) return false;
  const Result<Edges> edges = read_edges(path, identity.size);
  if (!edges) return tl::unexpected(edges.error());
  return edges->head == identity.head && edges->tail == identity.tail;
}

Result<std::vector<FileMatch>> match_files(const std::vector<std::string>& paths,
                                           const std::vector<NodeSource>& sources) {
  std::vector<FileMatch> files;
  for (const std::string& path : paths) {
    const Result<InputIdentity> identity = identify_file(path);
    if (!identity) return tl::unexpected(identity.error());
    FileMatch file;
    file.path = path;
    file.name = path;
    file.identity = *identity;
    files.push_back(std::move(file));
  }
  std::vector<bool> is_taken(sources.size(), false);
  // The same file, wherever it was moved to; else one of that name; else a copy.
  const auto is_moved = [](const FileMatch& file, const NodeSource& source) -> Result<bool> {
    const std::optional<InputIdentity> known = read_identity(source.identity);
    if (!known || known->device != file.identity.device || known->inode != file.identity.inode) {
      return false;
    }
    return begins_as(file.path, *known);
  };
  const auto is_named = [](const FileMatch& file, const NodeSource& source) -> Result<bool> {
    return source.name == file.path;
  };
  const auto is_copy = [](const FileMatch& file, const NodeSource& source) -> Result<bool> {
    const std::optional<InputIdentity> known = read_identity(source.identity);
    return known && known->size != 0 && known->size == file.identity.size &&
           known->head == file.identity.head && known->tail == file.identity.tail;
  };
  if (auto paired = pair(files, sources, is_taken, is_moved); !paired)
    return tl::unexpected(paired.error());
  if (auto paired = pair(files, sources, is_taken, is_named); !paired)
    return tl::unexpected(paired.error());
  if (auto paired = pair(files, sources, is_taken, is_copy); !paired)
    return tl::unexpected(paired.error());

  const auto has_name = [&](std::string_view name) {
    return std::ranges::find(sources, name, &NodeSource::name) != sources.end();
  };
  for (FileMatch& file : files) {
    if (!file.source) {
      for (unsigned number = 2; has_name(file.name); ++number) {
        file.name = fmt::format("{}#{}", file.path, number);
      }
      continue;
    }
    const NodeSource& source = sources[*file.source];
    file.name = source.name;
    const std::optional<InputIdentity> known = read_identity(source.identity);
    const bool is_same = known == file.identity;
    Result<PrefixDigest> prefix = check_prefix(file.path, source, is_same);
    if (!prefix) return tl::unexpected(prefix.error());
    file.prefix = *std::move(prefix);
    file.is_finished = source.has_ended && known && known->size == file.identity.size;
  }
  return files;
}

Result<std::string> FileRanges::find(const NodeSource& source) const {
  const std::optional<InputIdentity> identity = read_identity(source.identity);
  std::vector<std::string> places = {source.name};
  places.insert(places.end(), paths_.begin(), paths_.end());
  if (identity) {
    for (const std::string& path : places) {
      if (path == "-") continue;
      const Result<bool> is_it = begins_as(path, *identity);
      if (is_it && *is_it) return path;
    }
  }
  // It is no longer what it was: what was taken of it may still be there.
  const Result<Status> status = status_of(source.name);
  if (status) return source.name;
  return fail(status.error().code,
              fmt::format("{}; its events are needed to go on: put it back, or name its new place "
                          "with --input",
                          status.error().message));
}

Result<FileRanges::Open*> FileRanges::open(const NodeSource& source, std::uint64_t first) {
  Open& file = open_[source.name];
  if (file.bytes == nullptr || file.at > first) {
    Result<std::string> path = find(source);
    if (!path) return tl::unexpected(path.error());
    Result<std::unique_ptr<ByteSource>> bytes = open_source(*path);
    if (!bytes) return tl::unexpected(bytes.error());
    file = {*std::move(path), *std::move(bytes), 0};
  }
  if (file.at < first) {
    const Result<std::uint64_t> skipped = file.bytes->skip(first - file.at);
    if (!skipped) return tl::unexpected(skipped.error());
    file.at += *skipped;
  }
  return &file;
}

Result<std::string_view> FileRanges::read(const NodeSource& source, std::uint64_t first,
                                          std::uint64_t next) {
  buffer_.clear();
  const Result<Open*> file = open(source, first);
  if (!file) return tl::unexpected(file.error());
  if ((*file)->at == first) {
    const Result<bool> read = read_bytes(*(*file)->bytes, next - first, [&](std::string_view part) {
      buffer_ += part;
      (*file)->at += part.size();
    });
    if (!read) return tl::unexpected(read.error());
  }
  const std::size_t size = buffer_.size();
  buffer_.append(kLinePadding, '\n');
  return std::string_view(buffer_).substr(0, size);
}
}  // namespace tocsin::runtime
