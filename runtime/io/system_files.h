/// The file system of this machine behind the port Files.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/io/files.h"

namespace tocsin::runtime {
class SystemFiles : public Files {
 public:
  FileResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  FileResult<void> rename(const std::string& from, const std::string& to) override;
  FileResult<void> link(const std::string& from, const std::string& to) override;
  FileResult<void> remove(const std::string& path) override;
  FileResult<void> remove_directory(const std::string& path) override;
  FileResult<bool> is_directory(const std::string& path) override;
  FileResult<FileIdentity> identity(const std::string& path) override;
  FileResult<std::vector<std::string>> list(const std::string& directory) override;
  FileResult<void> make_directory(const std::string& path) override;
  FileResult<void> make_private(const std::string& path) override;
  FileResult<void> sync_directory(const std::string& path) override;
  /// By flock: it ends with the process, however that ends. The file holds the owner's process id.
  FileResult<std::unique_ptr<FileLock>> lock(const std::string& path) override;
};
}  // namespace tocsin::runtime
