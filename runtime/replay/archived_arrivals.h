/// The records of an archive, and then of the journal beside it, as arrivals of a run.
///
/// Rules were others then, which changes nothing of arrivals. Left out is what the server was told
/// to do: lines that were put in again (counted), and changes of lists.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "runtime/archive/archive_format.h"
#include "runtime/archive/archive_reader.h"
#include "runtime/archive/event_finder.h"
#include "runtime/event_time/arrivals.h"
#include "runtime/io/files.h"
#include "runtime/io/line_splitter.h"

namespace tocsin::runtime {
class ArchivedArrivals : public Arrivals {
 public:
  /// `archive` and `journal`: the folders. With `times` only lines that are events of then, by the
  /// types of `program`. `files` must outlive it. Fails as ArchiveReader::open().
  static Result<std::unique_ptr<ArchivedArrivals>> open(Files& files, std::string archive,
                                                        std::string journal,
                                                        const cep::Program& program,
                                                        std::optional<TimeSpan> times,
                                                        std::size_t line_bytes_max);
  Result<bool> give(Intake& intake) override;
  /// Records; those that only the journal has count as done.
  std::uint64_t done() const override { return done_; }
  std::uint64_t total() const override { return total_; }

  const ArchiveReader& reader() const { return reader_; }
  /// What could not be read and was passed over, so far.
  const std::vector<Error>& damages() const { return damages_; }
  /// Lines of records that were taken by position, so far: their text is in the inputs.
  std::uint64_t lines_by_position() const { return by_position_; }
  /// How often lines that were set aside were put in again, so far.
  std::uint64_t reinjections() const { return reinjections_; }

 private:
  ArchivedArrivals(ArchiveReader reader, const cep::Program& program, std::optional<TimeSpan> times,
                   std::size_t line_bytes_max);
  Result<void> take(Intake& intake, std::uint64_t sequence, const ArrivalByValue& record);
  Result<void> take_events(Intake& intake, std::size_t source, std::uint64_t sequence,
                           const ArrivalByValue& record);

  ArchiveReader reader_;
  std::optional<EventFinder> finder_;  // with times
  std::optional<TimeSpan> times_;
  LineSplitter splitter_;
  std::string bytes_;
  std::vector<Error> damages_;
  std::uint64_t by_position_ = 0;
  std::uint64_t reinjections_ = 0;
  std::uint64_t first_ = 0, done_ = 0, total_ = 0;  // records
};
}  // namespace tocsin::runtime
