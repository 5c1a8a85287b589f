#include "runtime/replay/archived_arrivals.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "runtime/archive/archive_lines.h"
#include "runtime/node/node_commands.h"
#include "runtime/node/node_source.h"

namespace tocsin::runtime {
namespace {
// Beyond so many it is the disk, not a block.
constexpr std::size_t kDamagesMax = 1000;
}  // namespace

Result<std::unique_ptr<ArchivedArrivals>> ArchivedArrivals::open(
    Files& files, const ReplayedArchive& from, const std::vector<const cep::Program*>& programs) {
  ArchivedLists lists(files, from.blobs, programs);
  const bool follows_lists = lists.are_there() && !from.lists_as_of;
  ArchiveQuestion question;
  if (!follows_lists) {
    LineQuestion lines;
    lines.times = from.times;
    question = archive_question(*programs.front(), lines);
    question.keeps_between = true;
  }
  Result<ArchiveReader> reader =
      ArchiveReader::open(files, from.archive, from.journal, std::move(question));
  if (!reader) return tl::unexpected(reader.error());
  std::unique_ptr<ArchivedArrivals> arrivals(
      new ArchivedArrivals(*std::move(reader), std::move(lists), from, *programs.front()));
  arrivals->follows_lists_ = follows_lists;
  if (arrivals->lists_.are_there() && from.lists_as_of) {
    if (auto taken = arrivals->take_lists(files, from); !taken)
      return tl::unexpected(taken.error());
  }
  return arrivals;
}

ArchivedArrivals::ArchivedArrivals(ArchiveReader reader, ArchivedLists lists,
                                   const ReplayedArchive& from, const cep::Program& program)
    : reader_(std::move(reader)),
      lists_(std::move(lists)),
      times_(from.times),
      splitter_(from.line_bytes_max) {
  if (times_) finder_.emplace(program);
  damages_ = reader_.directory().damaged;
  if (reader_.directory().files.empty()) return;
  first_ = reader_.directory().files.front().header.first_sequence;
  total_ = reader_.directory().end_sequence() - first_;
}

// All changes up to the time that is asked for.
Result<void> ArchivedArrivals::take_lists(Files& files, const ReplayedArchive& from) {
  Result<ArchiveReader> reader = ArchiveReader::open(files, from.archive, from.journal, {});
  if (!reader) return tl::unexpected(reader.error());
  for (;;) {
    if (from.stop_requested && from.stop_requested()) return fail(Errc::kStopped, "stopped");
    const Result<std::optional<ArchivedRecord>> next = reader->next();
    if (!next && next.error().code == Errc::kCorrupt && damages_.size() < kDamagesMax) {
      damages_.push_back(next.error());
      continue;
    }
    if (!next) return tl::unexpected(next.error());
    if (!*next) return {};
    if (!begins_at_) begins_at_ = (*next)->sequence;
    const auto* const command = std::get_if<Command>(&(*next)->record);
    if (command == nullptr) continue;
    if (command->given_at > *from.lists_as_of) return {};
    lists_.take((*next)->sequence, *command);
  }
}

std::vector<std::string> ArchivedArrivals::lists_lost() const {
  std::vector<std::string> lost = lists_.lost();
  if (begins_at_ && *begins_at_ > 1) {
    lost.insert(lost.begin(),
                fmt::format("changes of lists and tables before record {} are not known: they are "
                            "taken as the rule files declare them",
                            *begins_at_));
  }
  return lost;
}

Result<bool> ArchivedArrivals::give(Intake& intake) {
  const Result<std::optional<ArchivedRecord>> next = reader_.next();
  if (!next && next.error().code == Errc::kCorrupt && damages_.size() < kDamagesMax) {
    damages_.push_back(next.error());
    return true;
  }
  if (!next) return tl::unexpected(next.error());
  if (!*next) {
    done_ = total_;
    return false;
  }
  done_ = std::min(total_, (*next)->sequence - std::min((*next)->sequence, first_));
  if (follows_lists_ && !begins_at_) begins_at_ = (*next)->sequence;
  const JournalRecord& record = (*next)->record;
  if (const auto* const value = std::get_if<ArrivalByValue>(&record)) {
    if (auto taken = take(intake, (*next)->sequence, *value); !taken) {
      return tl::unexpected(taken.error());
    }
  } else if (const auto* const decision = std::get_if<Decision>(&record)) {
    intake.decide(*decision);
  } else if (const auto* const place = std::get_if<ArrivalByPosition>(&record)) {
    by_position_ += place->count;
  } else if (const auto& command = std::get<Command>(record); command.name == kReinjectCommand) {
    ++reinjections_;
  } else if (follows_lists_) {
    // What is settled comes before it, as it did then.
    if (auto given = intake.flush(); !given) return tl::unexpected(given.error());
    lists_.take((*next)->sequence, command);
  }
  return true;
}

Result<void> ArchivedArrivals::take(Intake& intake, std::uint64_t sequence,
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
Result<void> ArchivedArrivals::take_events(Intake& intake, std::size_t source,
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
