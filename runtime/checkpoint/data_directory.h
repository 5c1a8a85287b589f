/// The folder that holds all that a node keeps, and who may work in it:
///
///   DIR/FORMAT        "tocsin data 1": what the folder is, and of which version
///   DIR/LOCK          held by the one process that works here
///   DIR/journal/      runtime/journal/journal_writer.h
///   DIR/blobs/        runtime/journal/blob_store.h
///   DIR/store/        alerts, outbox, late events, dead letters
///   DIR/state/        the working copy of the engine's state, made anew at each start
///   DIR/checkpoints/  DIR/savepoints/  DIR/cache/ (compiled texts, by the program)
///   DIR/archive/      runtime/archive/archive_format.h
///   DIR/ends/         how far journal and store are on disk (runtime/journal/end_mark.h)
#pragma once
#include <memory>
#include <string>

#include "cep/base/result.h"
#include "runtime/io/files.h"

namespace tocsin::runtime {
/// Where everything is below a data directory.
struct DataPaths {
  explicit DataPaths(std::string path);
  std::string directory;
  std::string format, lock, journal, blobs, store, state, checkpoints, savepoints, archive;
  std::string journal_end, store_end;  // their end marks
};

/// A data directory that this process owns until the value goes. Threading: one caller at a time.
class DataDirectory {
 public:
  /// Takes the folder at `path`, made where `may_make`. Fails with kInUse where another process
  /// has it (the message names it), kUnsupported where it holds something else, kOtherVersion for a
  /// newer format; kNotFound where it is not there and may not be made; kCorrupt where its mark is
  /// damaged.
  static Result<DataDirectory> open(Files& files, const std::string& path, bool may_make);
  const DataPaths& paths() const { return paths_; }
  /// It was made now: there is nothing in it.
  bool is_new() const { return is_new_; }

 private:
  explicit DataDirectory(const std::string& path) : paths_(path) {}
  DataPaths paths_;
  std::unique_ptr<FileLock> lock_;
  bool is_new_ = false;
};
/// Whether `path` is a data directory of this format, without taking it; fails as open() does.
Result<void> check_data_directory(Files& files, const std::string& path);
}  // namespace tocsin::runtime
