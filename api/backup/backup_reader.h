/// Backups read back: checked, and made into a data directory. Needs no server.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/backup/backup_manifest.h"
#include "api/backup/backup_store.h"
#include "cep/base/result.h"
#include "runtime/io/files.h"

namespace tocsin::api {
/// Called with bytes that were read.
using BackupRead = std::function<void(std::uint64_t bytes)>;

struct BackupFinding {
  std::string id;  // of the newest backup that it concerns
  std::string detail;
};
struct BackupCheck {
  std::uint64_t backups = 0;
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
  std::vector<BackupFinding> findings;
};
/// Reads every object of the backup `id`, or with "" of all, once, and compares it with its digest.
/// Damage is a finding. Errors: kNotFound where there is no such backup, or none; kIo.
Result<BackupCheck> verify_backups(BackupStore& store, std::string_view id, const BackupRead& read);

/// Makes a data directory in `to`, which is empty or not there, of the backup `id`, or with "" of
/// the newest. The mark without which nothing starts from it is written last, once every file was
/// compared with its digest and is on disk; a failure removes what was written. Errors: kNotFound,
/// kConflict for a folder that is not empty, kCorrupt, naming the object that is damaged or
/// missing, kLimit without space, kIo.
Result<BackupFacts> restore_backup(BackupStore& store, std::string_view id, runtime::Files& files,
                                   const std::string& to, const BackupRead& read);
}  // namespace tocsin::api
