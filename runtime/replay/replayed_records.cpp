#include "runtime/replay/replayed_records.h"

#include <string_view>
#include <utility>
#include <variant>

#include "runtime/node/node_commands.h"
#include "runtime/node/node_source.h"

namespace tocsin::runtime {
ReplayedRecords::ReplayedRecords(ArchivedLists lists, bool follows_lists,
                                 const std::optional<TimeSpan>& times, const cep::Program& program,
                                 std::size_t line_bytes_max)
    : lists_(std::move(lists)),
      follows_lists_(follows_lists),
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
  if (command.name != kListCommand || !follows_lists_) return {};
  // What is settled comes before it, as it did then.
  if (auto given = intake.flush(); !given) return given;
  lists_.take(sequence, command);
  return {};
}

Result<void> ReplayedRecords::take_lines(Intake& intake, std::uint64_t sequence,
                                         const ArrivalByValue& record) {
  const std::string_view stream = stream_of(record.source);
  const std::size_t source = intake.source(stream);
  intake.name_lines(stream == record.source ? std::string_view() : record.source);
  bytes_.assign(record.bytes);
  bytes_.append(kLinePadding, '\n');
  Result<void> taken;
  if (finder_) {
    taken = take_events(intake, source, sequence, record);
  } else {
    splitter_.resume({record.first_offset, false});
    splitter_.begin(std::string_view(bytes_).substr(0, record.bytes.size()));
    Line line;
    for (std::uint32_t i = 0; taken && splitter_.next(line); ++i) {
      taken = intake.take(source, line, {sequence, i}, record.taken_at);
    }
  }
  intake.name_lines({});
  return taken;
}

// Those of the time that is asked for.
Result<void> ReplayedRecords::take_events(Intake& intake, std::size_t source,
                                          std::uint64_t sequence, const ArrivalByValue& record) {
  for (const FoundEvent& event :
       finder_->find(std::string_view(bytes_).substr(0, record.bytes.size()))) {
    if (!times_->has(event.ts)) continue;
    const Line line{event.text, record.first_offset + event.line + 1};
    if (auto taken = intake.take(source, line, {sequence, event.line}, record.taken_at); !taken) {
      return taken;
    }
  }
  return {};
}
}  // namespace tocsin::runtime
