#include "runtime/journal/journal_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tocsin::runtime {
std::string describe(const TornEnd& torn) {
  return fmt::format(
      "journal: what a crash left of an unfinished commit is cut off: {}, offset {}, from record "
      "{} on",
      torn.path, torn.offset, torn.sequence);
}

JournalReader::JournalReader(Files& files, JournalDirectory directory, std::size_t segment,
                             std::uint64_t from, std::uint64_t until)
    : files_(&files),
      directory_(std::move(directory)),
      segment_(segment),
      sequence_(from),
      until_(until),
      bytes_(std::make_unique<std::string>()) {}

Result<JournalReader> JournalReader::open(Files& files, const std::string& directory,
                                          std::uint64_t from, std::uint64_t until) {
  Result<JournalDirectory> found = survey_journal(files, directory);
  if (!found) return tl::unexpected(found.error());
  const std::vector<SegmentFile>& segments = found->segments;
  const std::uint64_t first = segments.empty() ? 1 : segments.front().header.first_sequence;
  if (from < first) {
    return fail(Errc::kNotFound,
                fmt::format("the journal in {} begins with record {}; record {} is no longer there",
                            directory, first, from));
  }
  std::size_t segment = 0;
  while (segment + 1 < segments.size() && segments[segment + 1].header.first_sequence <= from) {
    ++segment;
  }
  return JournalReader(files, *std::move(found), segment, from, until);
}

Result<void> JournalReader::load() {
  const SegmentFile& segment = directory_.segments[segment_];
  const FileResult<std::unique_ptr<File>> file = files_->open(segment.path, OpenMode::kRead);
  if (!file) return tl::unexpected(to_error(file.error()));
  const FileResult<void> read = read_range(**file, 0, UINT64_MAX, *bytes_);
  if (!read) return tl::unexpected(to_error(read.error()));
  scan_.emplace(*bytes_, segment.header);
  ++segment_;
  return {};
}

Result<std::optional<Frame>> JournalReader::finish() {
  if (sequence_ < until_ && until_ != kToEnd) {
    return fail(Errc::kCorrupt,
                fmt::format("the journal ends before record {}, and records up to {} were expected",
                            sequence_, until_ - 1));
  }
  return std::nullopt;
}

Result<std::optional<Frame>> JournalReader::next_frame() {
  for (;;) {
    const bool is_last = segment_ == directory_.segments.size();
    if (scan_) {
      const SegmentFile& segment = directory_.segments[segment_ - 1];
      // A segment's records end where the next segment begins, whatever stands behind them.
      if (is_last || scan_->sequence() < directory_.segments[segment_].header.first_sequence) {
        if (const std::optional<Frame> frame = scan_->next()) return frame;
        const SegmentTail tail = is_last ? scan_->tail()
                                         : SegmentTail{TailKind::kDamaged, true,
                                                       "and the next segment begins behind it"};
        if (tail.kind == TailKind::kDamaged) {
          return fail(Errc::kCorrupt,
                      fmt::format("{} is damaged at offset {}: record {} was "
                                  "expected there, {}",
                                  segment.path, scan_->offset(), scan_->sequence(), tail.reason));
        }
        if (tail.kind == TailKind::kTorn) {
          torn_end_ = TornEnd{segment.path, scan_->offset(), scan_->sequence()};
        }
        if (scan_->sequence() < sequence_) {
          return fail(Errc::kCorrupt,
                      fmt::format("{} ends with record {}, and record {} was expected",
                                  segment.path, scan_->sequence() - 1, sequence_ - 1));
        }
        return finish();
      }
    }
    if (is_last) {
      if (sequence_ > 1) {
        return fail(
            Errc::kCorrupt,
            fmt::format("the journal has no segments, and record {} was expected", sequence_ - 1));
      }
      return finish();
    }
    Result<void> loaded = load();
    if (!loaded) return tl::unexpected(loaded.error());
  }
}

Result<std::optional<JournalEntry>> JournalReader::next() {
  while (sequence_ < until_ || until_ == kToEnd) {
    Result<std::optional<Frame>> frame = next_frame();
    if (!frame) return tl::unexpected(frame.error());
    if (!*frame) return std::nullopt;
    if ((*frame)->head.sequence < sequence_) continue;
    const SegmentFile& segment = directory_.segments[segment_ - 1];
    Result<JournalRecord> record = decode_record((*frame)->body);
    if (!record) {
      return fail(record.error().code,
                  fmt::format("{}, offset {}, record {}: {}", segment.path,
                              scan_->offset() - (*frame)->bytes, (*frame)->head.sequence,
                              record.error().message));
    }
    ++sequence_;
    return JournalEntry{(*frame)->head.sequence, *std::move(record), &segment.header};
  }
  return std::nullopt;
}

Result<JournalExtent> verify_journal(Files& files, const std::string& directory,
                                     const std::function<void(const JournalEntry&)>& visit) {
  Result<JournalDirectory> found = survey_journal(files, directory);
  if (!found) return tl::unexpected(found.error());
  JournalExtent extent;
  extent.segments = found->segments.size();
  if (!found->segments.empty()) {
    extent.first_sequence = found->segments.front().header.first_sequence;
  }
  Result<JournalReader> reader = JournalReader::open(files, directory, extent.first_sequence);
  if (!reader) return tl::unexpected(reader.error());
  for (;;) {
    const Result<std::optional<JournalEntry>> entry = reader->next();
    if (!entry) return tl::unexpected(entry.error());
    if (!*entry) break;
    if (visit) visit(**entry);
  }
  extent.next_sequence = reader->sequence();
  extent.torn_end = reader->torn_end();
  return extent;
}
}  // namespace tocsin::runtime
