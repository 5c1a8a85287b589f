/// The records of a journal, in order, from any of them on.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cep/base/result.h"
#include "runtime/io/files.h"
#include "runtime/journal/journal_directory.h"
#include "runtime/journal/journal_record.h"
#include "runtime/journal/journal_segment.h"

namespace tocsin::runtime {
struct JournalEntry {
  std::uint64_t sequence = 0;
  JournalRecord record;                    // its texts are valid until the next call
  const SegmentHeader* segment = nullptr;  // semantics number and timeline it was written under
};
/// What a crash left behind the last record, and is as if it had never been.
struct TornEnd {
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t sequence = 0;  // of the record that would stand there
};
/// "journal: cut a torn end: …", for a log.
std::string describe(const TornEnd& torn);

/// Holds one segment file in memory. Never writes. Threading: one caller at a time.
class JournalReader {
 public:
  static constexpr std::uint64_t kToEnd = UINT64_MAX;
  /// Begins with record `from` (>= 1) and ends before `until`: for a journal that is being written,
  /// at most what it has said to be durable, and one more. Segments before `from` are not read.
  /// Fails with kNotFound where `from` is no longer there, else as survey_journal().
  static Result<JournalReader> open(Files& files, const std::string& directory, std::uint64_t from,
                                    std::uint64_t until = kToEnd);

  /// Nothing at the end. Fails with kCorrupt, naming file, offset and record, for damage, and for
  /// an end before `from` or before an `until` that was given; kOtherVersion for what a newer
  /// version wrote.
  Result<std::optional<JournalEntry>> next();
  /// Of the record that next() gives.
  std::uint64_t sequence() const { return sequence_; }
  /// After next() gave nothing at the end of the journal.
  const std::optional<TornEnd>& torn_end() const { return torn_end_; }

 private:
  JournalReader(Files& files, JournalDirectory directory, std::size_t segment, std::uint64_t from,
                std::uint64_t until);
  Result<void> load();
  // The next frame in any segment, whatever `from` is.
  Result<std::optional<Frame>> next_frame();
  Result<std::optional<Frame>> finish();

  Files* files_;
  JournalDirectory directory_;
  std::size_t segment_;  // the next to load
  std::uint64_t sequence_;
  std::uint64_t until_;
  std::unique_ptr<std::string>
      bytes_;  // of the segment before segment_; stays where it is in a move
  std::optional<SegmentScan> scan_;
  std::optional<TornEnd> torn_end_;
};

struct JournalExtent {
  std::uint64_t first_sequence = 1;
  std::uint64_t next_sequence = 1;
  std::uint64_t segments = 0;
  std::optional<TornEnd> torn_end;
};
/// Reads all that is there and checks every byte that counts; `visit`, where it is not empty, is
/// given each record. Fails as JournalReader does.
Result<JournalExtent> verify_journal(Files& files, const std::string& directory,
                                     const std::function<void(const JournalEntry&)>& visit = {});
}  // namespace tocsin::runtime
