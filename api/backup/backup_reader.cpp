#include "api/backup/backup_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "api/backup/backup_writer.h"
#include "api/backup/sha256_stream.h"
#include "runtime/journal/file_tree.h"

namespace tocsin::api {
namespace {
using runtime::FileErrc;
using runtime::FileResult;

tl::unexpected<Error> failed(const runtime::FileError& error) {
  return tl::unexpected(runtime::to_error(error));
}

// Reads an object to `sink`: kCorrupt, naming it, unless it is what the file had.
Result<void> read_checked(BackupStore& store, const BackupFile& file, const PieceSink& sink) {
  const std::string name = object_name(file.digest);
  Sha256Stream digest;
  std::uint64_t bytes = 0;
  const auto checked = [&](std::string_view piece) -> Result<void> {
    digest.add(piece);
    bytes += piece.size();
    return sink(piece);
  };
  Result<void> done = store.read(name, checked);
  if (!done && done.error().code == Errc::kNotFound) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is missing: it has {}", store.place_of(name), file.path));
  }
  if (!done) return done;
  if (bytes == file.bytes && digest.finish() == file.digest) return {};
  return fail(Errc::kCorrupt,
              fmt::format("{} is damaged: its {} bytes are not the {} bytes of {} that were stored",
                          store.place_of(name), bytes, file.bytes, file.path));
}

// The ids of the backups there, the newest first, whether their manifests can be read or not.
Result<std::vector<std::string>> ids_in(BackupStore& store) {
  const Result<std::vector<StoredObject>> objects = store.list(kBackupFolder);
  if (!objects) return tl::unexpected(objects.error());
  std::vector<std::string> ids;
  for (const StoredObject& object : *objects) {
    if (std::string id = id_of_manifest(object.name); !id.empty()) ids.push_back(std::move(id));
  }
  std::ranges::sort(ids, std::greater<>());
  if (ids.empty())
    return fail(Errc::kNotFound, fmt::format("there is no backup in {}", store.place_of("")));
  return ids;
}

class Restore {
 public:
  Restore(BackupStore& store, runtime::Files& files, std::string to, const BackupRead& read)
      : store_(store), files_(files), to_(std::move(to)), read_(read) {}

  Result<void> check_target() {
    const FileResult<std::vector<std::string>> names = files_.list(to_);
    if (!names && names.error().code == FileErrc::kNotFound) return {};
    if (!names) return failed(names.error());
    if (names->empty()) return {};
    return fail(Errc::kConflict,
                fmt::format("{} is not empty: name a folder that is, or that is not there", to_));
  }
  Result<void> write(const BackupManifest& manifest) {
    const auto mark = std::ranges::find(manifest.files, kFormatFile, &BackupFile::path);
    if (mark == manifest.files.end()) {
      return fail(Errc::kCorrupt, fmt::format("the backup {} has no {}: it is no data directory",
                                              manifest.facts.id, kFormatFile));
    }
    if (const auto made = runtime::make_durable_directory(files_, to_); !made)
      return failed(made.error());
    folders_.insert(to_);
    for (const BackupFile& file : manifest.files) {
      if (file.path == kFormatFile) continue;
      if (auto done = write_file(file); !done) return done;
    }
    if (auto done = sync_folders(); !done) return done;
    if (auto done = write_file(*mark); !done) return done;
    return sync_folders();
  }
  void clear() {
    const FileResult<std::vector<std::string>> names = files_.list(to_);
    if (!names) return;
    for (const std::string& name : *names) (void)runtime::remove_tree(files_, to_ + "/" + name);
  }

 private:
  Result<void> write_file(const BackupFile& file) {
    for (std::size_t slash = file.path.find('/'); slash != std::string::npos;
         slash = file.path.find('/', slash + 1)) {
      const std::string folder = to_ + "/" + file.path.substr(0, slash);
      if (!folders_.insert(folder).second) continue;
      if (const auto made = files_.make_directory(folder); !made) return failed(made.error());
    }
    const auto written = files_.open(to_ + "/" + file.path, runtime::OpenMode::kCreate);
    if (!written) return failed(written.error());
    std::uint64_t offset = 0;
    const auto sink = [&](std::string_view piece) -> Result<void> {
      if (const auto done = runtime::write_all(**written, offset, piece); !done)
        return failed(done.error());
      offset += piece.size();
      read_(piece.size());
      return {};
    };
    if (auto done = read_checked(store_, file, sink); !done) return done;
    if (const auto synced = (*written)->sync(); !synced) return failed(synced.error());
    return {};
  }
  Result<void> sync_folders() {
    for (const std::string& folder : folders_) {
      if (const auto synced = files_.sync_directory(folder); !synced) return failed(synced.error());
    }
    return {};
  }

  BackupStore& store_;
  runtime::Files& files_;
  const std::string to_;
  const BackupRead& read_;
  std::set<std::string> folders_;
};
}  // namespace

Result<BackupCheck> verify_backups(BackupStore& store, std::string_view id,
                                   const BackupRead& read) {
  std::vector<std::string> ids{std::string(id)};
  if (id.empty()) {
    Result<std::vector<std::string>> all = ids_in(store);
    if (!all) return tl::unexpected(all.error());
    ids = *std::move(all);
  }
  BackupCheck check;
  std::set<std::string> done;
  const auto sink = [&](std::string_view piece) -> Result<void> {
    check.bytes += piece.size();
    read(piece.size());
    return {};
  };
  for (const std::string& one : ids) {
    const Result<BackupManifest> manifest = read_backup(store, one);
    if (!manifest && manifest.error().code == Errc::kCorrupt) {
      check.findings.push_back({one, manifest.error().message});
      continue;
    }
    if (!manifest) return tl::unexpected(manifest.error());
    ++check.backups;
    for (const BackupFile& file : manifest->files) {
      if (!done.insert(object_name(file.digest)).second) continue;
      ++check.objects;
      const Result<void> good = read_checked(store, file, sink);
      if (!good && good.error().code != Errc::kCorrupt) return tl::unexpected(good.error());
      if (!good) check.findings.push_back({one, good.error().message});
    }
  }
  return check;
}

Result<BackupFacts> restore_backup(BackupStore& store, std::string_view id, runtime::Files& files,
                                   const std::string& to, const BackupRead& read) {
  std::string chosen(id);
  if (chosen.empty()) {
    const Result<std::vector<std::string>> all = ids_in(store);
    if (!all) return tl::unexpected(all.error());
    chosen = all->front();
  }
  Restore restore(store, files, to, read);
  if (auto checked = restore.check_target(); !checked) return tl::unexpected(checked.error());
  const Result<BackupManifest> manifest = read_backup(store, chosen);
  if (!manifest) return tl::unexpected(manifest.error());
  if (auto written = restore.write(*manifest); !written) {
    restore.clear();
    return fail(written.error().code, written.error().message + "; nothing was restored");
  }
  return manifest->facts;
}
}  // namespace tocsin::api
