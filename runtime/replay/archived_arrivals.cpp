#include "runtime/replay/archived_arrivals.h"

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

Result<std::unique_ptr<ArchivedArrivals>> ArchivedArrivals::open(Files& files, std::string archive,
                                                                 std::string journal,
                                                                 const cep::Program& program,
                                                                 std::optional<TimeSpan> times,
                                                                 std::size_t line_bytes_max) {
  LineQuestion lines;
  lines.times = times;
  ArchiveQuestion question = archive_question(program, lines);
  question.keeps_between = true;
  Result<ArchiveReader> reader =
      ArchiveReader::open(files, std::move(archive), std::move(journal), std::move(question));
  if (!reader) return tl::unexpected(reader.error());
  return std::unique_ptr<ArchivedArrivals>(
      new ArchivedArrivals(*std::move(reader), program, times, line_bytes_max));
}

ArchivedArrivals::ArchivedArrivals(ArchiveReader reader, const cep::Program& program,
                                   std::optional<TimeSpan> times, std::size_t line_bytes_max)
    : reader_(std::move(reader)), times_(times), splitter_(line_bytes_max) {
  if (times_) finder_.emplace(program);
  damages_ = reader_.directory().damaged;
  if (reader_.directory().files.empty()) return;
  first_ = reader_.directory().files.front().header.first_sequence;
  total_ = reader_.directory().end_sequence() - first_;
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
  const JournalRecord& record = (*next)->record;
  if (const auto* const value = std::get_if<ArrivalByValue>(&record)) {
    if (auto taken = take(intake, (*next)->sequence, *value); !taken) {
      return tl::unexpected(taken.error());
    }
  } else if (const auto* const decision = std::get_if<Decision>(&record)) {
    intake.decide(*decision);
  } else if (const auto* const place = std::get_if<ArrivalByPosition>(&record)) {
    by_position_ += place->count;
  } else if (std::get<Command>(record).name == kReinjectCommand) {
    ++reinjections_;
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
