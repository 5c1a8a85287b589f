/// Backups in a folder, perhaps of another machine's disk that is mounted here.
///
///   FOLDER/FORMAT        "tocsin backups 1"
///   FOLDER/LOCK          held by who changes something here
///   FOLDER/unfinished/   what is being stored; emptied by the next who holds the lock
///   FOLDER/backups/  FOLDER/objects/      api/backup/backup_manifest.h
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/backup/backup_store.h"
#include "runtime/io/files.h"

namespace tocsin::api {
class FolderStore : public BackupStore {
 public:
  FolderStore(runtime::Files& files, std::string folder);
  std::string place_of(std::string_view name) const override;
  Result<void> check() override;
  Result<std::unique_ptr<Hold>> hold() override;
  Result<std::vector<StoredObject>> list(std::string_view folder) override;
  Result<void> read(std::string_view name, const PieceSink& sink) override;
  Result<void> put(std::string_view name, const PieceSource& source) override;
  Result<void> remove(std::string_view name) override;

 private:
  Result<void> make_folders_of(std::string_view name);
  std::string unfinished() const { return folder_ + "/unfinished"; }

  runtime::Files& files_;
  const std::string folder_;
};
}  // namespace tocsin::api
