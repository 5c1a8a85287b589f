#include "runtime/replay/replayed_records.h"

#include <string_view>
#include <utility>
#include <variant>

#include "runtime/csv/csv_format.h"
#include "runtime/node/node_commands.h"
#include "runtime/node/node_source.h"
#include "runtime/series/series_state.h"

namespace tocsin::runtime {
ReplayedRecords::ReplayedRecords(ArchivedLists lists, bool follows_lists,
                                 const std::optional<TimeSpan>& times, const cep::Program& program,
                                 std::size_t line_bytes_max)
    : lists_(std::move(lists)),
      follows_lists_(follows_lists),
      program_(&program),
      times_(times),
      splitter_(line_bytes_max) {
  if (times_) finder_.emplace(program);
}

Result<void> ReplayedRecords::take(Intake& intake, std::uint64_t sequence,
                                   const JournalRecord& record) {
  if (const auto* const value = std::get_if<ArrivalByValue>(&record)) {
    return take_lines(intake, sequence, *value);
  }
  if (const auto* const decision = std::get_if<Decision>(&record)) {
    intake.decide(*decision);
    return {};
  }
  if (const auto* const place = std::get_if<ArrivalByPosition>(&record)) {
    by_position_ += place->count;
    return {};
  }
  const auto& command = std::get<Command>(record);
  if (command.name == kReinjectCommand) ++reinjections_;
  if (command.name == kFileCommand) return take_file(intake, command);
  if (command.name != kListCommand || !follows_lists_) return {};
  // What is settled comes before it, as it did then.
  if (auto given = intake.flush(); !given) return given;
  if (before_list_change_) before_list_change_();
  lists_.take(sequence, command);
  return {};
}

// As the run did it (runtime/node/node_records.h).
Result<void> ReplayedRecords::take_file(Intake& intake, const Command& command) {
  Result<SeriesBegin> begin = read_series_begin(command.arguments);
  if (!begin) return tl::unexpected(begin.error());
  const Result<const CsvEvents*> csv = csv_of(begin->format);
  if (!csv) return tl::unexpected(csv.error());
  if (!intake.find(begin->source)) {
    intake.decide({DecisionKind::kAwake, command.given_at, begin->source});
  }
  files_.insert_or_assign(begin->source, File{std::move(begin->path), *csv, {begin->lines, false}});
  return {};
}

Result<const CsvEvents*> ReplayedRecords::csv_of(const std::string& format) {
  if (format.empty()) return nullptr;
  if (const auto known = csv_.find(format); known != csv_.end()) return &known->second;
  std::optional<CsvFormat> read = read_csv_format(format);
  if (!read) {
    return fail(Errc::kOtherVersion,
                "rows of CSV were read in a way that this program does not know: use the version "
                "of tocsin that wrote the data directory");
  }
  return &csv_.try_emplace(format, program_->plan(), *std::move(read), OtherColumns::kWritten)
              .first->second;
}

Result<void> ReplayedRecords::take_lines(Intake& intake, std::uint64_t sequence,
                                         const ArrivalByValue& record) {
  const std::string_view stream = stream_of(record.source);
  const std::size_t source = intake.source(stream);
  const auto known = files_.find(record.source);
  File* const file = known == files_.end() ? nullptr : &known->second;
  intake.name_lines(file != nullptr           ? std::string_view(file->path)
                    : stream == record.source ? std::string_view()
                                              : record.source);
  bytes_.assign(record.bytes);
  bytes_.append(kLinePadding, '\n');
  splitter_.resume(file != nullptr ? file->lines : LinePlace{record.first_offset, false});
  splitter_.begin(std::string_view(bytes_).substr(0, record.bytes.size()),
                  file != nullptr ? file->csv : nullptr);
  Result<void> taken;
  if (finder_) {
    taken = take_events(intake, source, sequence, record, file);
  } else {
    Line line;
    for (std::uint32_t i = 0; taken && splitter_.next(line); ++i) {
      taken = intake.take(source, line, {sequence, i}, record.taken_at);
    }
  }
  if (file != nullptr) file->lines = splitter_.place();
  intake.name_lines({});
  return taken;
}

// Those of the time that is asked for. What is no event keeps its number: an empty object.
Result<void> ReplayedRecords::take_events(Intake& intake, std::size_t source,
                                          std::uint64_t sequence, const ArrivalByValue& record,
                                          const File* file) {
  std::string_view lines = std::string_view(bytes_).substr(0, record.bytes.size());
  if (file != nullptr) {
    rows_.clear();
    numbers_.clear();
    Line line;
    while (splitter_.next(line)) {
      const bool is_event = line.fault.empty() && !line.too_long;
      rows_.append(is_event ? line.text : "{}").append(1, '\n');
      numbers_.push_back(line.number);
    }
    rows_.append(kLinePadding, '\n');
    lines = std::string_view(rows_).substr(0, rows_.size() - kLinePadding);
  }
  for (const FoundEvent& event : finder_->find(lines)) {
    if (!times_->has(event.ts)) continue;
    const Line line{event.text,
                    file != nullptr ? numbers_[event.line] : record.first_offset + event.line + 1};
    if (auto taken = intake.take(source, line, {sequence, event.line}, record.taken_at); !taken) {
      return taken;
    }
  }
  return {};
}
}  // namespace tocsin::runtime
