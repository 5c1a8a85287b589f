/// Records of a journal, given to an intake as they came: lines by their sources, rows of CSV as
/// their file was read, what a clock decided, and changes of lists and tables.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "runtime/archive/archive_format.h"
#include "runtime/archive/event_finder.h"
#include "runtime/csv/csv_events.h"
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

  /// Calls this before each change of a list or table, once all slices before it were given.
  void before_list_changes(std::function<void()> call) { before_list_change_ = std::move(call); }

  ArchivedLists& lists() { return lists_; }
  const ArchivedLists& lists() const { return lists_; }
  bool follows_lists() const { return follows_lists_; }
  /// Lines of records that were taken by position, so far: their text is in the inputs.
  std::uint64_t lines_by_position() const { return by_position_; }
  /// How often lines that were set aside were put in again, so far.
  std::uint64_t reinjections() const { return reinjections_; }

 private:
  // The file at hand of a source that has several, one after the other.
  struct File {
    std::string path;
    const CsvEvents* csv = nullptr;  // null: JSON lines
    LinePlace lines;
  };

  Result<void> take_file(Intake& intake, const Command& command);
  Result<const CsvEvents*> csv_of(const std::string& format);
  Result<void> take_lines(Intake& intake, std::uint64_t sequence, const ArrivalByValue& record);
  Result<void> take_events(Intake& intake, std::size_t source, std::uint64_t sequence,
                           const ArrivalByValue& record, const File* file);

  ArchivedLists lists_;
  bool follows_lists_;
  std::function<void()> before_list_change_;  // may be empty
  const cep::Program* program_;
  std::map<std::string, File, std::less<>> files_;     // by source
  std::map<std::string, CsvEvents, std::less<>> csv_;  // by write_csv_format()
  std::optional<EventFinder> finder_;                  // with times
  std::optional<TimeSpan> times_;
  LineSplitter splitter_;
  std::string bytes_;
  std::string rows_;                    // as JSON lines
  std::vector<std::uint64_t> numbers_;  // of these in their file
  std::uint64_t by_position_ = 0;
  std::uint64_t reinjections_ = 0;
};
}  // namespace tocsin::runtime
