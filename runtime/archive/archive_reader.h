/// The records that a data directory has, in order: those of its archive, then those that only its
/// journal has yet. Also beside a process that writes both.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "runtime/archive/archive_directory.h"
#include "runtime/archive/archive_keys.h"
#include "runtime/io/files.h"
#include "runtime/io/thread_executor.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::runtime {
/// Which records are wanted. Of the archive whole blocks are passed over that have none; who asks
/// looks closer.
struct ArchiveQuestion {
  std::optional<TimeSpan> taken;  // arrivals taken then, by the clock
  std::optional<TimeSpan> times;  // events of then
  /// Any of these (key_digest()); nothing: of any.
  std::vector<std::uint64_t> keys;
  /// How times and keys are read now (ArchiveKeys). A file that was made when a type was read
  /// otherwise, or had no such key, is read whole; where only types are new, its blocks with lines
  /// of unknown types are.
  std::vector<EventReading> readings;
  std::uint64_t time_readings = 0;  // their digest, of all types
  /// Between the first file that has any of it and the last one nothing is passed over: what was
  /// decided there is wanted too.
  bool keeps_between = false;
  /// The next block is read and unpacked on a thread of the reader, beside its caller's work; the
  /// files are then used by both.
  bool reads_ahead = false;
};
struct ArchivedRecord {
  std::uint64_t sequence = 0;
  JournalRecord record;  // its texts are valid until the next call
};
struct ArchiveGap {
  std::uint64_t first = 0;
  std::uint64_t end = 0;  // of the records that are not there: removed, or never archived
};
struct ArchiveFigures {
  std::uint64_t files_read = 0;
  std::uint64_t blocks_read = 0;
  std::uint64_t blocks_passed = 0;     // without being read
  std::uint64_t files_read_whole = 0;  // for how they were made
};

/// Threading: one caller at a time.
class ArchiveReader {
 public:
  /// `archive` and `journal`: the folders. Fails as survey_archive().
  static Result<ArchiveReader> open(Files& files, std::string archive, std::string journal,
                                    ArchiveQuestion question);
  /// Nothing at the end. Fails with kCorrupt, naming the file, for damage; the call after it goes
  /// on behind the block, or the file, that is damaged, and behind damage in the journal there is
  /// nothing. kOtherVersion for what a newer version wrote.
  Result<std::optional<ArchivedRecord>> next();
  /// Where records are missing, as far as it was read; not those before the first.
  const std::vector<ArchiveGap>& gaps() const { return gaps_; }
  const ArchiveFigures& figures() const { return figures_; }
  const ArchiveDirectory& directory() const { return directory_; }

 private:
  ArchiveReader(Files& files, std::string archive, std::string journal, ArchiveQuestion question);
  Result<bool> load_block();
  Result<std::string> read_block(const ArchiveBlock& block);
  void read_ahead(const ArchiveBlock& block);
  Result<bool> open_next_file();
  Result<std::optional<ArchivedRecord>> next_of_block();
  Result<bool> open_journal();
  Result<void> survey();
  void choose_blocks();
  bool may_have(const ArchiveFile& file) const;
  void reach(std::uint64_t sequence);

  Files* files_;
  std::string archive_;
  std::string journal_;
  ArchiveQuestion question_;
  ArchiveDirectory directory_;
  std::size_t next_file_ = 0;  // into directory_.files
  std::shared_ptr<const ArchiveFileReader> file_;
  std::deque<ArchiveBlock> blocks_;  // of the file, that are still to be read
  std::string records_;              // of a block
  std::size_t at_ = 0;               // of the next one there
  std::uint64_t sequence_ = 0;       // of the next one there
  std::uint64_t position_ = 0;       // all before it was looked at; 0: nothing was
  std::optional<JournalReader> rest_;
  bool has_ended_ = false;
  bool has_begun_ = false;  // a file was read
  std::vector<ArchiveGap> gaps_;
  ArchiveFigures figures_;
  // The block that is read ahead, of the same file.
  struct Ahead;
  std::shared_ptr<Ahead> ahead_;
  std::unique_ptr<ThreadExecutor> reading_ahead_;  // from the first such block on
};
}  // namespace tocsin::runtime
