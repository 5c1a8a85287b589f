#include "runtime/inputs/input_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "cep/value/identity.h"
#include "runtime/decode/decoder.h"

namespace tocsin::runtime {
namespace {
constexpr std::uint64_t kEdgeBytes = std::uint64_t{64} << 10;

// Reads so many bytes, in parts; false where there are fewer.
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

// The digests of the first and last bytes of a file's first `size`.
struct Edges {
  RangeDigest head{};
  RangeDigest tail{};
};
Result<Edges> read_edges(InputFiles& files, const std::string& path, std::uint64_t size) {
  const std::uint64_t length = std::min(size, kEdgeBytes);
  const auto read = [&](std::uint64_t from) -> Result<RangeDigest> {
    Result<std::unique_ptr<ByteSource>> stored = files.open_stored(path, {});
    if (!stored) return tl::unexpected(stored.error());
    const Result<std::uint64_t> skipped = (*stored)->skip(from);
    if (!skipped) return tl::unexpected(skipped.error());
    std::string bytes;
    const Result<bool> whole =
        read_bytes(**stored, length, [&](std::string_view part) { bytes += part; });
    if (!whole) return tl::unexpected(whole.error());
    return digest_range(bytes);
  };
  Edges edges;
  const Result<RangeDigest> head = read(0);
  if (!head) return tl::unexpected(head.error());
  const Result<RangeDigest> tail = size == length ? head : read(size - length);
  if (!tail) return tl::unexpected(tail.error());
  edges.head = *head;
  edges.tail = *tail;
  return edges;
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

// What a file holds of what was taken of a source, and what it has behind that.
struct Contents {
  PrefixDigest prefix;
  const char* change = nullptr;  // what became of the bytes that were taken; null: they are there
  bool has_more = false;         // whole lines, or a part of one that is longer than most
  std::uint64_t unfinished_bytes = 0;  // of the beginning of a line, where there is nothing else
};

// Only what the digest needs to be gone on with.
Result<void> read_missing(ByteSource& bytes, const NodeSource& source, Contents& contents) {
  std::string kept;
  ByteWriter writer(kept);
  source.prefix.save(writer);
  ByteReader reader(kept);
  contents.prefix = PrefixDigest::restore(reader);
  const std::uint64_t from = contents.prefix.missing_from();
  const Result<std::uint64_t> skipped = bytes.skip(from);
  if (!skipped) return tl::unexpected(skipped.error());
  std::string missing;
  const Result<bool> read =
      read_bytes(bytes, source.next_offset - from, [&](std::string_view part) { missing += part; });
  if (!read) return tl::unexpected(read.error());
  if (!*read) {
    contents.change = "are no longer there";
  } else if (!contents.prefix.supply(missing)) {
    contents.change = "are others now";
  }
  return {};
}

Result<void> read_taken(ByteSource& bytes, const NodeSource& source, Contents& contents) {
  const Result<bool> read = read_bytes(bytes, source.next_offset,
                                       [&](std::string_view part) { contents.prefix.add(part); });
  if (!read) return tl::unexpected(read.error());
  if (!*read) {
    contents.change = "are no longer all there";
  } else if (contents.prefix.digest() != source.prefix.digest()) {
    contents.change = "are others now";
  }
  return {};
}

// Reads past the accepted bytes, until it is known to be more than the beginning of a line.
// Whoever continues to read meets any damage.
void read_behind(ByteSource& bytes, Contents& contents) {
  constexpr std::uint64_t kLookBytes = std::uint64_t{1} << 20;
  std::string part(kEdgeBytes, '\0');
  while (contents.unfinished_bytes <= kLookBytes) {
    const Result<std::size_t> got = bytes.read(part.data(), part.size());
    if (got && *got == 0) return;
    if (!got || std::memchr(part.data(), '\n', *got) != nullptr) break;
    contents.unfinished_bytes += *got;
  }
  contents.has_more = true;
  contents.unfinished_bytes = 0;
}

// Whether the file's lines begin with what was taken of the source; before anything was, with what
// its file began with.
Result<bool> holds_unpacked(InputFiles& files, const std::string& path, const NodeSource& source,
                            const std::optional<InputIdentity>& identity) {
  Result<std::unique_ptr<ByteSource>> bytes = files.open(path);
  if (!bytes) return tl::unexpected(bytes.error());
  if (source.next_offset != 0) {
    Contents contents;
    if (auto read = read_taken(**bytes, source, contents); !read) {
      return tl::unexpected(read.error());
    }
    return contents.change == nullptr;
  }
  if (!identity || identity->size == 0 || is_packed(source.name)) return false;
  std::string head;
  const Result<bool> read = read_bytes(**bytes, std::min(identity->size, kEdgeBytes),
                                       [&](std::string_view part) { head += part; });
  if (!read) return tl::unexpected(read.error());
  return *read && digest_range(head) == identity->head;
}

// `is_same`: nothing about the file has changed since it was last looked at.
Result<Contents> look_at(InputFiles& files, const std::string& path, const NodeSource& source,
                         bool is_same) {
  Result<std::unique_ptr<ByteSource>> bytes = files.open(path);
  if (!bytes) return tl::unexpected(bytes.error());
  Contents contents;
  const Result<void> read =
      is_same ? read_missing(**bytes, source, contents) : read_taken(**bytes, source, contents);
  if (!read) return tl::unexpected(read.error());
  if (contents.change == nullptr) read_behind(**bytes, contents);
  return contents;
}

// Pairs files with sources, each of either at most once.
class Matching {
 public:
  Matching(InputFiles& files, const std::vector<NodeSource>& sources, std::vector<FileMatch>& found)
      : files_(files), sources_(sources), found_(found), is_paired_(sources.size(), false) {
    for (const NodeSource& source : sources) known_.push_back(read_identity(source.identity));
  }

  Result<void> run() {
    for (const auto find : {&Matching::find_inode, &Matching::find_name, &Matching::find_copy,
                            &Matching::find_packed}) {
      for (FileMatch& file : found_) {
        if (file.source) continue;
        if (auto done = (this->*find)(file); !done) return done;
      }
    }
    for (FileMatch& file : found_) {
      if (file.source) continue;
      const std::optional<std::size_t> index = newest_of(file.path);
      if (index && is_open(*index)) {
        if (auto done = pair_or_refuse(file, *index); !done) return done;
      } else {
        name_anew(file);
      }
    }
    return {};
  }

 private:
  // A file of a source that is paired with none yet.
  bool is_open(std::size_t index) const {
    const NodeSource& source = sources_[index];
    return !is_paired_[index] && !source.series &&
           (source.kind == SourceKind::kByPosition || source.next_offset == 0);
  }
  void pair(FileMatch& file, std::size_t index, Contents contents) {
    file.source = index;
    file.name = sources_[index].name;
    file.prefix = std::move(contents.prefix);
    file.is_finished = sources_[index].has_ended && !contents.has_more;
    file.unfinished_bytes = contents.unfinished_bytes;
    is_paired_[index] = true;
  }
  Result<Contents> look(const FileMatch& file, std::size_t index) {
    return look_at(files_, file.path, sources_[index], known_[index] == file.identity);
  }
  // Pairs them where the file holds what was taken of the source.
  Result<void> pair_if_held(FileMatch& file, std::size_t index) {
    Result<Contents> contents = look(file, index);
    if (!contents) return tl::unexpected(contents.error());
    if (contents->change == nullptr) pair(file, index, *std::move(contents));
    return {};
  }
  Result<void> pair_or_refuse(FileMatch& file, std::size_t index) {
    Result<Contents> contents = look(file, index);
    if (!contents) return tl::unexpected(contents.error());
    if (contents->change == nullptr) {
      pair(file, index, *std::move(contents));
      return {};
    }
    return fail(Errc::kMismatch,
                fmt::format("{} has changed: the first {} bytes, which were taken before, {}; put "
                            "them back, name the file that they were moved to with --input as "
                            "well, give the new contents as a file of another name, or begin anew "
                            "in another data directory",
                            file.path, sources_[index].next_offset, contents->change));
  }

  // The same file, wherever it was moved to.
  Result<void> find_inode(FileMatch& file) {
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (!is_open(i) || !known_[i] || known_[i]->device != file.identity.device ||
          known_[i]->inode != file.identity.inode) {
        continue;
      }
      // Every file begins with nothing.
      if (known_[i]->size == 0 && sources_[i].next_offset != 0) continue;
      const Result<bool> begins = begins_as(file.path, *known_[i], files_);
      if (!begins) return tl::unexpected(begins.error());
      if (*begins) return pair_or_refuse(file, i);
    }
    return {};
  }
  // The newest source of that name.
  Result<void> find_name(FileMatch& file) {
    const std::optional<std::size_t> index = newest_of(file.path);
    return index && is_open(*index) ? pair_if_held(file, *index) : Result<void>();
  }
  // A file that begins with all that another one held; the one of which most was taken.
  Result<void> find_copy(FileMatch& file) {
    std::vector<std::size_t> candidates;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (!is_open(i) || !known_[i] || known_[i]->size == 0) continue;
      const Result<bool> begins = begins_as(file.path, *known_[i], files_);
      if (!begins) return tl::unexpected(begins.error());
      if (*begins) candidates.push_back(i);
    }
    std::ranges::stable_sort(candidates, std::ranges::greater(),
                             [&](std::size_t index) { return sources_[index].next_offset; });
    for (const std::size_t index : candidates) {
      if (auto done = pair_if_held(file, index); !done || file.source) return done;
    }
    return {};
  }
  // What was read to its end and is packed now, or packed otherwise: found in one pass over the
  // file's lines.
  Result<void> find_packed(FileMatch& file) {
    std::vector<std::size_t> candidates;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      const bool is_either = is_packed(file.path) || is_packed(sources_[i].name);
      if (is_open(i) && is_either && sources_[i].has_ended && sources_[i].next_offset != 0) {
        candidates.push_back(i);
      }
    }
    if (candidates.empty()) return {};
    std::ranges::stable_sort(candidates, {},
                             [&](std::size_t index) { return sources_[index].next_offset; });
    Result<std::unique_ptr<ByteSource>> bytes = files_.open(file.path);
    if (!bytes) return tl::unexpected(bytes.error());
    PrefixDigest prefix;
    std::optional<std::size_t> found;
    for (const std::size_t index : candidates) {
      const Result<bool> read = read_bytes(**bytes, sources_[index].next_offset - prefix.bytes(),
                                           [&](std::string_view part) { prefix.add(part); });
      if (!read || !*read) break;  // damage is met when the file is read as a new one
      if (prefix.digest() == sources_[index].prefix.digest()) found = index;
    }
    return found ? pair_if_held(file, *found) : Result<void>();
  }

  // Files that came to a path one after the other are PATH, PATH#2, PATH#3, …
  std::optional<std::size_t> newest_of(const std::string& path) const {
    std::optional<std::size_t> newest;
    for (unsigned number = 1;; ++number) {
      const auto found = std::ranges::find(sources_, numbered(path, number), &NodeSource::name);
      if (found == sources_.end()) return newest;
      newest = static_cast<std::size_t>(found - sources_.begin());
    }
  }
  void name_anew(FileMatch& file) const {
    unsigned number = 1;
    do {
      file.name = numbered(file.path, number++);
    } while (std::ranges::find(sources_, file.name, &NodeSource::name) != sources_.end());
  }
  static std::string numbered(const std::string& path, unsigned number) {
    return number == 1 ? path : fmt::format("{}#{}", path, number);
  }

  InputFiles& files_;
  const std::vector<NodeSource>& sources_;
  std::vector<FileMatch>& found_;
  std::vector<bool> is_paired_;
  std::vector<std::optional<InputIdentity>> known_;
};
}  // namespace

std::string write_identity(const InputIdentity& identity) {
  return fmt::format("{}:{}:{}:{}:{}:{}", identity.device, identity.inode, identity.size,
                     identity.modified_ns, cep::hex(identity.head), cep::hex(identity.tail));
}

std::optional<InputIdentity> read_identity(std::string_view text) {
  text = text.substr(0, text.find(' '));
  InputIdentity identity;
  const bool is_good = read_number(text, identity.device) && read_number(text, identity.inode) &&
                       read_number(text, identity.size) &&
                       read_number(text, identity.modified_ns) && read_hex(text, identity.head) &&
                       read_hex(text, identity.tail) && text.empty();
  if (!is_good) return std::nullopt;
  return identity;
}

Result<InputIdentity> identify_file(const std::string& path, InputFiles& files) {
  const Result<InputStatus> status = files.status(path);
  if (!status) return tl::unexpected(status.error());
  const Result<Edges> edges = read_edges(files, path, status->size);
  if (!edges) return tl::unexpected(edges.error());
  return InputIdentity{status->device,      status->inode, status->size,
                       status->modified_ns, edges->head,   edges->tail};
}

Result<bool> begins_as(const std::string& path, const InputIdentity& identity, InputFiles& files) {
  const Result<InputStatus> status = files.status(path);
  if (!status) {
    if (status.error().code == Errc::kNotFound) return false;
    return tl::unexpected(status.error());
  }
  if (status->size < identity.size) return false;
  const Result<Edges> edges = read_edges(files, path, identity.size);
  if (!edges) return tl::unexpected(edges.error());
  return edges->head == identity.head && edges->tail == identity.tail;
}

Result<std::vector<FileMatch>> match_files(const std::vector<std::string>& paths,
                                           const std::vector<NodeSource>& sources,
                                           InputFiles& files) {
  std::vector<FileMatch> found;
  for (const std::string& path : paths) {
    const Result<InputIdentity> identity = identify_file(path, files);
    if (!identity) return tl::unexpected(identity.error());
    FileMatch file;
    file.path = path;
    file.name = path;
    file.identity = *identity;
    found.push_back(std::move(file));
  }
  if (auto done = Matching(files, sources, found).run(); !done) return tl::unexpected(done.error());
  return found;
}

Result<std::string> FileRanges::find(const NodeSource& source) const {
  const std::optional<InputIdentity> identity = read_identity(source.identity);
  std::vector<std::string> places = {source.name};
  places.insert(places.end(), paths_.begin(), paths_.end());
  std::erase(places, "-");
  if (identity) {
    for (const std::string& path : places) {
      const Result<bool> is_it = begins_as(path, *identity, files_);
      if (is_it && *is_it) return path;
    }
  }
  // It may have been packed, or unpacked, in the meantime.
  for (const std::string& path : places) {
    const Result<bool> is_it = holds_unpacked(files_, path, source, identity);
    if (is_it && *is_it) return path;
  }
  // It is no longer what it was: what was taken of it may still be there.
  const Result<InputStatus> status = files_.status(source.name);
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
    Result<std::unique_ptr<ByteSource>> bytes = files_.open(*path);
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
