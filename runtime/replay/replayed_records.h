/// Records of a journal, given to an intake as they came: lines by their sources, what a clock
/// decided, and changes of lists and tables.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "runtime/archive/archive_format.h"
#include "runtime/archive/event_finder.h"
#include "runtime/event_time/intake.h"
#include "runtime/io/line_splitter.h"
#include "runtime/journal/journal_record.h"
#include "runtime/replay/archived_lists.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class ReplayedRecords {
 public:
  /// `times`: lines are given that are events of then, by the types of `program`, which outlives
  /// it; nothing: all lines. `follows_lists`: lists and tables change as they did.
  ReplayedRecords(ArchivedLists lists, bool follows_lists, const std::optional<TimeSpan>& times,
                  const cep::Program& program, std::size_t line_bytes_max);
  /// Fails where `intake` does.
  Result<void> take(Intake& intake, std::uint64_t sequence, const JournalRecord& record);

  ArchivedLists& lists() { return lists_; }
  const ArchivedLists& lists() const { return lists_; }
  bool follows_lists() const { return follows_lists_; }
  /// Lines of records that were taken by position, so far: their text is in the inputs.
  std::uint64_t lines_by_position() const { return by_position_; }
  /// How often lines that were set aside were put in again, so far.
  std::uint64_t reinjections() const { return reinjections_; }

 private:
  Result<void> take_lines(Intake& intake, std::uint64_t sequence, const ArrivalByValue& record);
  Result<void> take_events(Intake& intake, std::size_t source, std::uint64_t sequence,
                           const ArrivalByValue& record);

  ArchivedLists lists_;
  bool follows_lists_;
  std::optional<EventFinder> finder_;  // with times
  std::optional<TimeSpan> times_;
  LineSplitter splitter_;
  std::string bytes_;
  std::uint64_t by_position_ = 0;
  std::uint64_t reinjections_ = 0;
};
}  // namespace tocsin::runtime
