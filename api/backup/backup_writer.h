/// Stores the files of a cut that are not stored yet, and then its manifest; removes backups and
/// what no backup needs any more.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/backup/backup_manifest.h"
#include "api/backup/backup_store.h"
#include "api/backup/data_cut.h"
#include "cep/base/result.h"
#include "runtime/io/files.h"

namespace tocsin::api {
/// Called before so many bytes are read or written; may wait. A failure ends the backup.
using BackupPace = std::function<Result<void>(std::uint64_t bytes)>;
/// Called with bytes of the cut that are stored now.
using BackupProgress = std::function<void(std::uint64_t bytes)>;

/// Threading: one caller at a time.
class BackupWriter {
 public:
  BackupWriter(runtime::Files& files, BackupStore& store) : files_(files), store_(store) {}
  /// Finds what is stored. Before stored() and write(); whoever calls holds the store.
  Result<void> look();
  /// As CutPorts has it.
  std::optional<cep::Digest> stored(const FileStamp& stamp) const;
  /// Stores a backup: `facts` has all but files, bytes and stored_bytes, which it is given, and
  /// `ended`, which `now` gives once all objects are stored. What is broken off leaves objects that
  /// the next one uses.
  Result<BackupFacts> write(const DataCut& cut, BackupFacts facts,
                            const std::function<cep::EventTime()>& now, const BackupPace& pace,
                            const BackupProgress& progress);

 private:
  Result<cep::Digest> digest_of(const CutFile& file, const BackupPace& pace) const;
  Result<void> store_file(const CutFile& file, const cep::Digest& digest, const BackupPace& pace);

  runtime::Files& files_;
  BackupStore& store_;
  std::map<std::string, std::uint64_t, std::less<>> objects_;  // sizes by name
  std::map<FileStamp, cep::Digest> seen_;                      // by the last backup
};
/// What all manifests there say of their backups, the newest first. Fails with kCorrupt,
/// kOtherVersion for one that cannot be read.
Result<std::vector<BackupFacts>> stored_backups(BackupStore& store);
/// Likewise, one with its files; kNotFound.
Result<BackupManifest> read_backup(BackupStore& store, std::string_view id);
/// Removes the manifests of `ids`, then every object that no other one names. Nothing is removed
/// where a manifest cannot be read. Whoever calls holds the store.
Result<void> remove_backups(BackupStore& store, const std::vector<std::string>& ids);
}  // namespace tocsin::api
