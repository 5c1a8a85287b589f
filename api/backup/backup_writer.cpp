#include "api/backup/backup_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/backup/sha256_stream.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr std::size_t kManifestBytesMax = std::size_t{1} << 30;

Result<std::unique_ptr<runtime::File>> open_source(runtime::Files& files, const CutFile& file) {
  auto opened = files.open(file.source, runtime::OpenMode::kRead);
  if (!opened) return tl::unexpected(runtime::to_error(opened.error()));
  return *std::move(opened);
}

// The next piece of a file of the cut, of as many bytes as it had then.
Result<void> read_piece(runtime::File& from, const CutFile& file, std::uint64_t offset,
                        const BackupPace& pace, std::string& piece) {
  const std::uint64_t bytes = std::min<std::uint64_t>(kPieceBytes, file.bytes - offset);
  if (auto waited = pace(bytes); !waited) return waited;
  if (const auto read = runtime::read_range(from, offset, bytes, piece); !read)
    return tl::unexpected(runtime::to_error(read.error()));
  if (piece.size() == bytes) return {};
  return fail(Errc::kIo, fmt::format("{} has changed while it was read", file.source));
}
}  // namespace

Result<void> BackupWriter::look() {
  auto objects = store_.list(kObjectFolder);
  if (!objects) return tl::unexpected(objects.error());
  objects_.clear();
  for (StoredObject& object : *objects) objects_.emplace(std::move(object.name), object.bytes);
  return {};
}

std::optional<cep::Digest> BackupWriter::stored(const FileStamp& stamp) const {
  const auto seen = seen_.find(stamp);
  if (seen == seen_.end()) return std::nullopt;
  const auto object = objects_.find(object_name(seen->second));
  if (object == objects_.end() || object->second != stamp.bytes) return std::nullopt;
  return seen->second;
}

Result<cep::Digest> BackupWriter::digest_of(const CutFile& file, const BackupPace& pace) const {
  if (file.source.empty()) return file.digest;
  if (file.stamp) {
    if (const auto seen = seen_.find(*file.stamp); seen != seen_.end()) return seen->second;
  }
  const auto from = open_source(files_, file);
  if (!from) return tl::unexpected(from.error());
  Sha256Stream digest;
  std::string piece;
  for (std::uint64_t offset = 0; offset < file.bytes; offset += piece.size()) {
    if (auto read = read_piece(**from, file, offset, pace, piece); !read)
      return tl::unexpected(read.error());
    digest.add(piece);
  }
  return digest.finish();
}

Result<void> BackupWriter::store_file(const CutFile& file, const cep::Digest& digest,
                                      const BackupPace& pace) {
  const auto from = open_source(files_, file);
  if (!from) return tl::unexpected(from.error());
  Sha256Stream again;
  std::string piece;
  std::uint64_t offset = 0;
  const PieceSource source = [&]() -> Result<std::string_view> {
    if (offset < file.bytes) {
      if (auto read = read_piece(**from, file, offset, pace, piece); !read)
        return tl::unexpected(read.error());
      offset += piece.size();
      again.add(piece);
      return piece;
    }
    if (again.finish() == digest) return std::string_view();
    return fail(Errc::kIo, fmt::format("{} has changed while it was read", file.source));
  };
  const std::string name = object_name(digest);
  if (auto put = store_.put(name, source); !put) return put;
  objects_[name] = file.bytes;
  return {};
}

Result<BackupFacts> BackupWriter::write(const DataCut& cut, BackupFacts facts,
                                        const std::function<cep::EventTime()>& now,
                                        const BackupPace& pace, const BackupProgress& progress) {
  BackupManifest manifest{std::move(facts), {}};
  std::map<FileStamp, cep::Digest> seen;
  for (const CutFile& file : cut.files) {
    const Result<cep::Digest> digest = digest_of(file, pace);
    if (!digest) return tl::unexpected(digest.error());
    const auto object = objects_.find(object_name(*digest));
    // One of another size is damaged: it is stored again.
    if (object == objects_.end() || object->second != file.bytes) {
      if (auto stored = store_file(file, *digest, pace); !stored)
        return tl::unexpected(stored.error());
      manifest.facts.stored_bytes += file.bytes;
    }
    if (file.stamp) seen.emplace(*file.stamp, *digest);
    manifest.facts.bytes += file.bytes;
    manifest.files.push_back({file.path, file.bytes, *digest});
    progress(file.bytes);
  }
  manifest.facts.files = manifest.files.size();
  manifest.facts.ended = now();
  const std::string text = encode_backup(manifest);
  if (auto put = put_text(store_, manifest_name(manifest.facts.id), text); !put)
    return tl::unexpected(put.error());
  seen_ = std::move(seen);
  return std::move(manifest.facts);
}

Result<BackupManifest> read_backup(BackupStore& store, std::string_view id) {
  const std::string name = manifest_name(id);
  const Result<std::string> text = read_object(store, name, kManifestBytesMax);
  if (!text && text.error().code == Errc::kNotFound)
    return fail(Errc::kNotFound, fmt::format("there is no backup {}", id));
  if (!text) return tl::unexpected(text.error());
  Result<BackupManifest> manifest = decode_backup(*text, store.place_of(name));
  if (manifest && manifest->facts.id != id) {
    return fail(Errc::kCorrupt, fmt::format("{} is damaged: it is the manifest of {}",
                                            store.place_of(name), manifest->facts.id));
  }
  return manifest;
}

Result<std::vector<BackupFacts>> stored_backups(BackupStore& store) {
  const Result<std::vector<StoredObject>> names = store.list(kBackupFolder);
  if (!names) return tl::unexpected(names.error());
  std::vector<BackupFacts> backups;
  for (const StoredObject& object : *names) {
    const std::string id = id_of_manifest(object.name);
    if (id.empty()) continue;
    Result<BackupManifest> manifest = read_backup(store, id);
    if (!manifest) return tl::unexpected(manifest.error());
    backups.push_back(std::move(manifest->facts));
  }
  std::ranges::sort(backups, std::greater<>(), &BackupFacts::id);
  return backups;
}

Result<void> remove_backups(BackupStore& store, const std::vector<std::string>& ids) {
  const Result<std::vector<BackupFacts>> all = stored_backups(store);
  if (!all) return tl::unexpected(all.error());
  std::set<std::string, std::less<>> needed;
  for (const BackupFacts& facts : *all) {
    if (std::ranges::count(ids, facts.id) != 0) continue;
    const Result<BackupManifest> manifest = read_backup(store, facts.id);
    if (!manifest) return tl::unexpected(manifest.error());
    for (const BackupFile& file : manifest->files) needed.insert(object_name(file.digest));
  }
  for (const std::string& id : ids) {
    if (auto removed = store.remove(manifest_name(id)); !removed) return removed;
  }
  const Result<std::vector<StoredObject>> objects = store.list(kObjectFolder);
  if (!objects) return tl::unexpected(objects.error());
  for (const StoredObject& object : *objects) {
    if (needed.contains(object.name)) continue;
    if (auto removed = store.remove(object.name); !removed) return removed;
  }
  return {};
}
}  // namespace tocsin::api
