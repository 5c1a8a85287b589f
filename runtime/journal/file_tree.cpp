#include "runtime/journal/file_tree.h"

#include <vector>
#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include <algorithm>

namespace tocsin::runtime {
namespace {
constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20;

tl::unexpected<Error> failed(const FileError& error) { return tl::unexpected(to_error(error)); }

// Gives the file's pieces to `take`.
template <typename Take>
Result<FileDigest> read_pieces(Files& files, const std::string& path, const BytesRead& read,
                               const Take& take) {
  const FileResult<std::unique_ptr<File>> file = files.open(path, OpenMode::kRead);
  if (!file) return failed(file.error());
  DigestStream stream;
  FileDigest digest;
  std::string piece;
  for (;;) {
    const FileResult<void> got = read_range(**file, digest.bytes, kPieceBytes, piece);
    if (!got) return failed(got.error());
    if (piece.empty()) break;
    stream.add(piece);
    const FileResult<void> taken = take(digest.bytes, piece);
    if (!taken) return failed(taken.error());
    digest.bytes += piece.size();
    if (read) read(piece.size());
  }
  digest.digest = stream.finish();
  return digest;
}
}  // namespace

struct DigestStream::State {
  XXH3_state_t xxh;
};
DigestStream::DigestStream() : state_(std::make_unique<State>()) {
  XXH3_INITSTATE(&state_->xxh);
  XXH3_128bits_reset(&state_->xxh);
}
DigestStream::~DigestStream() = default;
void DigestStream::add(std::string_view bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}
RangeDigest DigestStream::finish() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_->xxh));
  RangeDigest digest{};
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), digest.begin());
  return digest;
}

Result<FileDigest> digest_file(Files& files, const std::string& path, const BytesRead& read) {
  return read_pieces(files, path, read,
                     [](std::uint64_t, std::string_view) { return FileResult<void>(); });
}

Result<FileDigest> copy_file(Files& files, const std::string& from, const std::string& to,
                             const BytesRead& read) {
  const FileResult<std::unique_ptr<File>> file = files.open(to, OpenMode::kCreate);
  if (!file) return failed(file.error());
  Result<FileDigest> digest =
      read_pieces(files, from, read, [&](std::uint64_t offset, std::string_view piece) {
        return write_all(**file, offset, piece);
      });
  if (!digest) return digest;
  const FileResult<void> synced = (*file)->sync();
  if (!synced) return failed(synced.error());
  return digest;
}

Result<void> write_synced(Files& files, const std::string& path, std::string_view contents) {
  const FileResult<std::unique_ptr<File>> file = files.open(path, OpenMode::kCreate);
  if (!file) return failed(file.error());
  FileResult<void> done = write_all(**file, 0, contents);
  if (done) done = (*file)->sync();
  if (!done) return failed(done.error());
  return {};
}

Result<void> put_file(Files& files, const std::string& path, std::string_view contents) {
  const std::string part = path + std::string(kUnfinishedEnding);
  if (auto gone = remove_tree(files, part); !gone) return gone;
  if (auto written = write_synced(files, part, contents); !written) return written;
  FileResult<void> named = files.rename(part, path);
  if (named) named = files.sync_directory(parent_path(path));
  if (!named) return tl::unexpected(to_error(named.error()));
  return {};
}

Result<void> sync_file(Files& files, const std::string& path) {
  const FileResult<std::unique_ptr<File>> file = files.open(path, OpenMode::kRead);
  if (!file) return failed(file.error());
  const FileResult<void> synced = (*file)->sync();
  if (!synced) return failed(synced.error());
  return {};
}

Result<void> remove_tree(Files& files, const std::string& path) {
  // Folders after what is in them.
  struct Visit {
    std::string path;
    bool is_listed = false;
  };
  std::vector<Visit> left{{path}};
  while (!left.empty()) {
    Visit visit = left.back();
    const FileResult<bool> is_directory = files.is_directory(visit.path);
    if (!is_directory) {
      if (is_directory.error().code != FileErrc::kNotFound) return failed(is_directory.error());
      left.pop_back();
      continue;
    }
    if (*is_directory && !visit.is_listed) {
      left.back().is_listed = true;
      const FileResult<std::vector<std::string>> names = files.list(visit.path);
      if (!names) return failed(names.error());
      for (const std::string& name : *names) left.push_back({visit.path + "/" + name});
      continue;
    }
    left.pop_back();
    const FileResult<void> removed =
        *is_directory ? files.remove_directory(visit.path) : files.remove(visit.path);
    if (!removed && removed.error().code != FileErrc::kNotFound) return failed(removed.error());
  }
  return {};
}

Result<bool> exists(Files& files, const std::string& path) {
  const FileResult<bool> found = files.is_directory(path);
  if (found) return true;
  if (found.error().code == FileErrc::kNotFound) return false;
  return failed(found.error());
}

std::string parent_path(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}
}  // namespace tocsin::runtime
