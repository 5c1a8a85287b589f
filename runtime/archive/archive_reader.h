/// The records that a data directory has, in order: those of its archive, then those that only its
/// journal has yet. Also beside a process that writes both.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "runtime/archive/archive_directory.h"
#include "runtime/io/files.h"
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
  /// What they are called, as ArchiveIndex::keys has it: "card, merchant". Files that do not know
  /// all of these are read whole.
  std::vector<std::string> key_names;
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
  std::uint64_t blocks_passed = 0;  // without being read
  std::uint64_t files_without_key = 0;
};

/// Threading: one caller at a time.
class ArchiveReader {
 public:
  /// `archive` and `journal`: the folders. Fails as survey_archive().
  static Result<ArchiveReader> open(Files& files, std::string archive, std::string journal,
                                    ArchiveQuestion question);
  /// Nothing at the end. Fails with kCorrupt, naming the file, for damage; the call after it goes
  /// on behind the block, or the file, that is damaged. kOtherVersion for what a newer version
  /// wrote.
  Result<std::optional<ArchivedRecord>> next();
  /// Where records are missing, as far as it was read; not those before the first.
  const std::vector<ArchiveGap>& gaps() const { return gaps_; }
  const ArchiveFigures& figures() const { return figures_; }
  const ArchiveDirectory& directory() const { return directory_; }

 private:
  ArchiveReader(Files& files, std::string archive, std::string journal, ArchiveQuestion question);
  Result<bool> load_block();
  Result<bool> open_next_file();
  Result<bool> open_journal();
  Result<void> survey();
  void choose_blocks();
  void reach(std::uint64_t sequence);

  Files* files_;
  std::string archive_;
  std::string journal_;
  ArchiveQuestion question_;
  ArchiveDirectory directory_;
  std::size_t next_file_ = 0;  // into directory_.files
  std::optional<ArchiveFileReader> file_;
  std::deque<ArchiveBlock> blocks_;  // of the file, that are still to be read
  std::string records_;              // of a block
  std::size_t at_ = 0;               // of the next one there
  std::uint64_t sequence_ = 0;       // of the next one there
  std::uint64_t position_ = 0;       // all before it was looked at; 0: nothing was
  std::optional<JournalReader> rest_;
  std::vector<ArchiveGap> gaps_;
  ArchiveFigures figures_;
};
}  // namespace tocsin::runtime
