#include "runtime/store/rocks_error.h"

#include <fmt/format.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/status.h>
#include <sys/stat.h>

#include <cstdarg>

namespace tocsin::runtime {
namespace {
class SilentLogger : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    static_cast<void>(format);
    static_cast<void>(arguments);
  }
};

// RocksDB makes files with the permissions 0644 and folders with 0755.
class PrivateFiles : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "tocsin"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override {
    return narrowed(path, FileSystemWrapper::NewWritableFile(path, options, file, context));
  }
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* context) override {
    return narrowed(path, FileSystemWrapper::ReopenWritableFile(path, options, file, context));
  }
  rocksdb::IOStatus NewRandomRWFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                                    rocksdb::IODebugContext* context) override {
    return narrowed(path, FileSystemWrapper::NewRandomRWFile(path, options, file, context));
  }
  rocksdb::IOStatus LockFile(const std::string& path, const rocksdb::IOOptions& options,
                             rocksdb::FileLock** lock, rocksdb::IODebugContext* context) override {
    return narrowed(path, FileSystemWrapper::LockFile(path, options, lock, context));
  }
  rocksdb::IOStatus CreateDir(const std::string& path, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* context) override {
    return narrowed(path, FileSystemWrapper::CreateDir(path, options, context));
  }
  rocksdb::IOStatus CreateDirIfMissing(const std::string& path, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* context) override {
    struct stat found {};
    if (::stat(path.c_str(), &found) == 0)
      return FileSystemWrapper::CreateDirIfMissing(path, options, context);
    return narrowed(path, FileSystemWrapper::CreateDirIfMissing(path, options, context));
  }

 private:
  // The data directory around it is its owner's alone already.
  static rocksdb::IOStatus narrowed(const std::string& path, rocksdb::IOStatus made) {
    struct stat found {};
    if (made.ok() && ::stat(path.c_str(), &found) == 0)
      static_cast<void>(::chmod(path.c_str(), found.st_mode & S_IRWXU));
    return made;
  }
};

Errc code_of(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return Errc::kLimit;
  if (status.IsCorruption()) return Errc::kCorrupt;
  if (status.IsPathNotFound() || status.IsNotFound()) return Errc::kNotFound;
  return Errc::kIo;
}
}  // namespace

Error rocks_error(std::string_view what, const std::string& path, const rocksdb::Status& status) {
  return {code_of(status), fmt::format("cannot {} {}: {}", what, path, status.ToString())};
}

rocksdb::Env* private_rocks_env() {
  static const std::unique_ptr<rocksdb::Env> kEnv =
      rocksdb::NewCompositeEnv(std::make_shared<PrivateFiles>(rocksdb::FileSystem::Default()));
  return kEnv.get();
}

std::shared_ptr<rocksdb::Logger> silent_rocks_logger() { return std::make_shared<SilentLogger>(); }
}  // namespace tocsin::runtime
