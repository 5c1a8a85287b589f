#include "runtime/replay/archived_arrivals.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "runtime/archive/archive_lines.h"

namespace tocsin::runtime {
namespace {
// Beyond so many it is the disk, not a block.
constexpr std::size_t kDamagesMax = 1000;
}  // namespace

Result<std::unique_ptr<ArchivedArrivals>> ArchivedArrivals::open(
    Files& files, const ReplayedArchive& from, const std::vector<const cep::Program*>& programs) {
  ArchivedLists lists(files, from.blobs, programs);
  const bool follows_lists = from.changes_lists && lists.are_there() && !from.lists_as_of;
  ArchiveQuestion question;
  if (!follows_lists) {
    LineQuestion lines;
    lines.times = from.times;
    question = archive_question(*programs.front(), lines);
    question.keeps_between = true;
  }
  question.reads_ahead = from.reads_ahead;
  Result<ArchiveReader> reader =
      ArchiveReader::open(files, from.archive, from.journal, std::move(question));
  if (!reader) return tl::unexpected(reader.error());
  std::unique_ptr<ArchivedArrivals> arrivals(
      new ArchivedArrivals(*std::move(reader),
                           ReplayedRecords(std::move(lists), follows_lists, from.times,
                                           *programs.front(), from.line_bytes_max),
                           from.end));
  if (arrivals->records_.lists().are_there() && from.lists_as_of) {
    if (auto taken = arrivals->take_lists(files, from); !taken)
      return tl::unexpected(taken.error());
  }
  return arrivals;
}

ArchivedArrivals::ArchivedArrivals(ArchiveReader reader, ReplayedRecords records, std::uint64_t end)
    : reader_(std::move(reader)), records_(std::move(records)) {
  damages_ = reader_.directory().damaged;
  const ArchiveDirectory& archive = reader_.directory();
  first_ = archive.files.empty() ? 1 : archive.files.front().header.first_sequence;
  total_ = std::max({archive.end_sequence(), end, first_}) - first_;
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
    records_.lists().take((*next)->sequence, *command);
  }
}

std::vector<std::string> ArchivedArrivals::lists_lost() const {
  std::vector<std::string> lost = records_.lists().lost();
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
  if (records_.follows_lists() && !begins_at_) begins_at_ = (*next)->sequence;
  next_ = (*next)->sequence + 1;
  if (auto taken = records_.take(intake, (*next)->sequence, (*next)->record); !taken) {
    return tl::unexpected(taken.error());
  }
  return true;
}
}  // namespace tocsin::runtime
