/// The files of an archive's folder, by name, header and footer.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "runtime/archive/archive_format.h"
#include "runtime/io/files.h"

namespace tocsin::runtime {
struct ArchiveFile {
  std::string path;
  std::uint64_t bytes = 0;
  ArchiveHeader header;
  ArchiveFooter footer;
};
struct ArchiveDirectory {
  std::vector<ArchiveFile> files;       // by first sequence; none has a record of another
  std::vector<std::string> unfinished;  // left by a crash: to be removed
  std::vector<Error> damaged;           // of files that are not among `files`

  /// Behind the last record; 1 where there is none.
  std::uint64_t end_sequence() const {
    return files.empty() ? 1 : files.back().footer.end_sequence;
  }
  std::uint64_t bytes() const;
};
/// "DIR/records-000000000812", by the first record.
std::string archive_path(const std::string& directory, std::uint64_t first_sequence);
/// While it is being written.
std::string unfinished_archive_path(const std::string& directory, std::uint64_t first_sequence);
/// Reads what files begin and end with; a folder that is not there has none. A file that goes while
/// it is looked at is left out. Fails with kIo, and kOtherVersion for a newer format.
Result<ArchiveDirectory> survey_archive(Files& files, const std::string& directory);

/// One file, to be read block by block. Threading: one caller at a time.
class ArchiveFileReader {
 public:
  /// Fails with kNotFound where it was removed, kCorrupt for damage, kOtherVersion.
  static Result<ArchiveFileReader> open(Files& files, const std::string& path);
  const ArchiveIndex& index() const { return index_; }
  /// The records of a block: body bytes u32 | body, one after the other. Fails with kCorrupt.
  Result<std::string> read(const ArchiveBlock& block) const;

 private:
  std::string path_;
  std::unique_ptr<File> file_;
  ArchiveIndex index_;
};
}  // namespace tocsin::runtime
