/// The records of an archive, and then of the journal beside it, as arrivals of a run.
///
/// Rules were others then, which changes nothing of arrivals. Lists and tables change as they did.
/// Left out are lines that were put in again (counted).
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/value/time.h"
#include "runtime/archive/archive_format.h"
#include "runtime/archive/archive_reader.h"
#include "runtime/event_time/arrivals.h"
#include "runtime/io/files.h"
#include "runtime/replay/archived_lists.h"
#include "runtime/replay/replayed_records.h"

namespace tocsin::runtime {
/// Where it is, and what of it is wanted.
struct ReplayedArchive {
  std::string archive, journal, blobs;  // folders
  /// Only lines that are events of then.
  std::optional<TimeSpan> times;
  /// Lists and tables do not change, and are as they were then, by the clock. Nothing: they change.
  std::optional<cep::EventTime> lists_as_of;
  std::size_t line_bytes_max = 1 << 20;
  /// Records before it are there, in the journal where the archive does not have them: total()
  /// counts them. 0: those of the archive.
  std::uint64_t end = 0;
  /// Blocks of the archive are read on a thread of their own; the files are then used by both.
  bool reads_ahead = false;
  /// Asked while lists are looked for; true ends it with Errc::kStopped. May be empty.
  std::function<bool()> stop_requested = {};
  /// False: lists and tables do not change, and are what the programs have; without `lists_as_of`.
  bool changes_lists = true;
};
class ArchivedArrivals : public Arrivals {
 public:
  /// `programs` run over it; all know the same types of event. These, and `files`, must outlive it.
  /// With lists or tables all files are read, for their changes. Fails as ArchiveReader::open().
  static Result<std::unique_ptr<ArchivedArrivals>> open(
      Files& files, const ReplayedArchive& from, const std::vector<const cep::Program*>& programs);
  Result<bool> give(Intake& intake) override;
  /// Records; those that only the journal has count as done, unless they were named.
  std::uint64_t done() const override { return done_; }
  std::uint64_t total() const override { return total_; }

  const ArchiveReader& reader() const { return reader_; }
  /// What could not be read and was passed over, so far.
  const std::vector<Error>& damages() const { return damages_; }
  /// Lines of records that were taken by position, so far: their text is in the inputs.
  std::uint64_t lines_by_position() const { return records_.lines_by_position(); }
  /// What is not known of lists and tables, so far.
  std::vector<std::string> lists_lost() const;
  /// How often lines that were set aside were put in again, so far.
  std::uint64_t reinjections() const { return records_.reinjections(); }
  /// Behind the last record that was given, or passed over because nothing of it was wanted.
  std::uint64_t next_sequence() const {
    return std::max(next_, reader_.directory().end_sequence());
  }
  /// What follows them may be given on by this.
  ReplayedRecords& records() { return records_; }

 private:
  ArchivedArrivals(ArchiveReader reader, ReplayedRecords records, std::uint64_t end);
  Result<void> take_lists(Files& files, const ReplayedArchive& from);

  ArchiveReader reader_;
  ReplayedRecords records_;
  std::optional<std::uint64_t> begins_at_;  // the first record, where lists are looked up
  std::vector<Error> damages_;
  std::uint64_t first_ = 0, done_ = 0, total_ = 0, next_ = 0;  // records
};
}  // namespace tocsin::runtime
