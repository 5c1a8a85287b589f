#include "runtime/journal/journal_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "runtime/io/crash_point.h"
#include "runtime/journal/journal_segment.h"

namespace tocsin::runtime {
namespace {
constexpr std::uint64_t kSegmentBytesMin = std::uint64_t{8} << 10;
constexpr std::size_t kZeroBytes = std::size_t{64} << 10;
alignas(kDirectBytes) constexpr std::array<char, kZeroBytes> kZeros{};

std::string_view zeros() { return {kZeros.data(), kZeros.size()}; }
std::size_t place_in_block(std::uint64_t at) { return static_cast<std::size_t>(at % kDirectBytes); }
std::uint64_t segment_bytes_of(const JournalOptions& options) {
  return direct_floor(std::max(options.segment_bytes, kSegmentBytesMin));
}
}  // namespace

bool JournalGroup::add(std::uint64_t sequence, const JournalRecord& record,
                       std::size_t frame_bytes_max) {
  front_.clear();
  const std::string_view rest = encode_front(record, front_);
  const std::size_t bytes = frame_bytes(front_.size() + rest.size());
  if (bytes > frame_bytes_max) return false;
  bytes_.reserve(end_ + bytes);
  write_frame(data() + end_, sequence, front_, rest);
  end_ += bytes;
  return true;
}

void JournalGroup::begin_at(std::size_t place) {
  TOCSIN_ASSERT(empty(), "frames stay where they are");
  begin_ = end_ = place;
}

void JournalGroup::move_to(std::size_t place) {
  if (place_in_block(begin_) == place) return;
  const std::size_t bytes = end_ - begin_;
  bytes_.reserve(place + bytes);
  std::memmove(data() + place, data() + begin_, bytes);
  begin_ = place;
  end_ = place + bytes;
}

JournalWriter::JournalWriter(Files& files, Clock& clock, std::string directory,
                             const JournalOptions& options)
    : files_(files), clock_(clock), directory_(std::move(directory)), options_(options) {
  options_.segment_bytes = segment_bytes_of(options_);
}

Result<std::unique_ptr<JournalWriter>> JournalWriter::open(Files& files, Clock& clock,
                                                           std::string directory,
                                                           const JournalOptions& options) {
  std::unique_ptr<JournalWriter> writer(
      new JournalWriter(files, clock, std::move(directory), options));
  Result<void> begun = writer->begin();
  if (!begun) return tl::unexpected(begun.error());
  return writer;
}

Result<void> JournalWriter::begin() {
  const FileResult<void> made = make_durable_directory(files_, directory_);
  if (!made) return tl::unexpected(to_error(made.error()));
  FileResult<std::unique_ptr<FileLock>> lock = files_.lock(lock_path(directory_));
  if (!lock) return tl::unexpected(to_error(lock.error()));
  lock_ = *std::move(lock);
  Result<JournalDirectory> found = survey_journal(files_, directory_);
  if (!found) return tl::unexpected(found.error());
  // The names that are seen may not be on disk: a sync of the folder may have failed before.
  const FileResult<void> synced = files_.sync_directory(directory_);
  if (!synced) return tl::unexpected(to_error(synced.error()));
  for (const std::string& path : found->unfinished) {
    const FileResult<void> removed = files_.remove(path);
    if (!removed) return tl::unexpected(to_error(removed.error()));
  }
  spares_ = std::move(found->spares);
  while (spares_.size() > options_.spares_max) {
    const FileResult<void> removed = files_.remove(spares_.back());
    if (!removed) return tl::unexpected(to_error(removed.error()));
    spares_.pop_back();
  }
  id_max_ = found->id_max;
  segments_ = std::move(found->segments);
  if (Result<void> asked = ask_end_mark(); !asked) return asked;
  if (segments_.empty()) {
    if (options_.first_sequence < options_.known_end) {
      return fail(Errc::kCorrupt,
                  fmt::format("{} is damaged: its segments are missing, and records up to {} were "
                              "on disk",
                              directory_, options_.known_end - 1));
    }
    durable_end_ = options_.first_sequence;
    must_roll_ = true;
  } else {
    Result<void> resumed =
        check_last(segments_.back().header).and_then([&] { return resume(segments_.back()); });
    if (!resumed) return resumed;
  }
  if (must_roll_ && roll() != CommitState::kDurable) {
    return fail(failed() ? Errc::kIo : Errc::kLimit, failed() ? failure_ : no_space_);
  }
  if (options_.end_mark.empty()) return {};
  Result<std::unique_ptr<EndMark>> mark = EndMark::open(files_, options_.end_mark, durable_end_);
  if (!mark) return tl::unexpected(mark.error());
  end_mark_ = *std::move(mark);
  return {};
}

JournalWriter::~JournalWriter() {
  if (end_mark_) end_mark_->sync();
}

Result<void> JournalWriter::ask_end_mark() {
  if (options_.end_mark.empty()) return {};
  const Result<KnownEnd> known = read_end_mark(files_, options_.end_mark);
  if (!known) return tl::unexpected(known.error());
  options_.known_end = std::max(options_.known_end, known->end);
  return {};
}

Result<void> JournalWriter::check_last(const SegmentHeader& header) const {
  if (header.semantics == options_.semantics || options_.accept_other_semantics) return {};
  return fail(
      Errc::kOtherVersion,
      fmt::format("{} was written under semantics {}, and this program runs under semantics "
                  "{}: its alerts may differ; use the version of Tocsin that wrote it, or go on "
                  "with --replay-as-new, which tells what differs and does not send it",
                  segments_.back().path, header.semantics, options_.semantics));
}

Result<void> JournalWriter::resume(const SegmentFile& last) {
  FileResult<std::unique_ptr<File>> file = files_.open(last.path, OpenMode::kWrite);
  if (!file) return tl::unexpected(to_error(file.error()));
  file_ = *std::move(file);
  std::string bytes;
  FileResult<void> read = read_range(*file_, 0, UINT64_MAX, bytes);
  if (!read) return tl::unexpected(to_error(read.error()));
  extent_ = bytes.size();
  SegmentScan scan(bytes, last.header);
  while (scan.next()) {
  }
  const SegmentTail tail = scan.tail();
  if (tail.kind == TailKind::kDamaged) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged at offset {}: record {} was expected there, {}",
                            last.path, scan.offset(), scan.sequence(), tail.reason));
  }
  if (scan.sequence() < options_.known_end) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged at offset {}, or segments after it are lost: record {} "
                            "was expected there{}{}, and records up to {} were on disk",
                            last.path, scan.offset(), scan.sequence(),
                            tail.reason.empty() ? "" : ", ", tail.reason, options_.known_end - 1));
  }
  if (tail.kind == TailKind::kTorn) {
    torn_end_ = TornEnd{last.path, scan.offset(), scan.sequence()};
  }
  offset_ = scan.offset();
  seed_ = frame_seed(last.header);
  durable_end_ = scan.sequence();
  const std::string_view commit =
      std::string_view(bytes).substr(scan.commit_offset(), scan.offset() - scan.commit_offset());
  const FileResult<void> rewritten = rewrite(commit);
  if (!rewritten) return tl::unexpected(to_error(rewritten.error()));
  block_.assign(bytes, static_cast<std::size_t>(direct_floor(offset_)), place_in_block(offset_));
  file_->bypass_cache();
  must_roll_ =
      tail.has_frames || options_.begin_timeline || last.header.semantics != options_.semantics;
  return {};
}

FileResult<void> JournalWriter::rewrite(std::string_view commit) {
  FileResult<void> written = write_all(*file_, offset_ - commit.size(), commit);
  if (!written) return written;
  written = write_all(*file_, offset_, zeros().substr(0, kEndMarkBytes));
  if (!written) return written;
  extent_ = std::max(extent_, offset_ + kEndMarkBytes);
  crash_point("journal.resume");
  return file_->sync();
}

std::size_t frame_bytes_max(const JournalOptions& options) {
  const std::uint64_t room = segment_bytes_of(options) - kSegmentHeaderBytes - kEndMarkBytes;
  return static_cast<std::size_t>(std::min<std::uint64_t>(room, std::uint64_t{1} << 30) / 8 * 8);
}

bool JournalWriter::has_room(std::size_t bytes) const {
  return offset_ + bytes + kEndMarkBytes <= options_.segment_bytes;
}

CommitState JournalWriter::note(const FileError& error) {
  if (error.code != FileErrc::kNoSpace) return fail_for_good(error);
  no_space_ = error.message;
  return CommitState::kNoSpace;
}

CommitState JournalWriter::fail_for_good(const FileError& error) {
  failure_ = fmt::format("{}; nothing more is written or acknowledged: start again to recover",
                         error.message);
  return CommitState::kFailed;
}

FileResult<std::unique_ptr<File>> JournalWriter::take_file(std::uint64_t id, std::string& path,
                                                           std::uint64_t& extent) {
  if (!spares_.empty()) {
    path = spares_.back();
    FileResult<std::unique_ptr<File>> file = files_.open(path, OpenMode::kWrite);
    if (!file) return file;
    const FileResult<std::uint64_t> size = (*file)->size();
    if (!size) return tl::unexpected(size.error());
    extent = *size;
    return file;
  }
  path = unfinished_path(directory_, id);
  FileResult<std::unique_ptr<File>> file = files_.open(path, OpenMode::kCreate);
  // It is there where the last try found no space.
  if (!file && file.error().code == FileErrc::kExists) file = files_.open(path, OpenMode::kWrite);
  extent = 0;
  return file;
}

CommitState JournalWriter::roll() {
  const std::uint64_t id = id_max_ + 1;
  std::string path;
  std::uint64_t extent = 0;
  FileResult<std::unique_ptr<File>> file = take_file(id, path, extent);
  if (!file) return note(file.error());
  SegmentHeader header;
  header.id = id;
  header.first_sequence = durable_end_;
  header.semantics = options_.semantics;
  header.made_at = clock_.now();
  header.timeline = options_.timeline;
  if (!segments_.empty()) {
    header.previous_id = segments_.back().header.id;
    if (!options_.begin_timeline) header.timeline = segments_.back().header.timeline;
  }
  FileResult<void> written = write_all(**file, 0, encode_segment_header(header));
  if (!written) return note(written.error());
  crash_point("journal.segment_written");
  written = (*file)->sync();
  if (!written) return fail_for_good(written.error());
  crash_point("journal.segment_synced");
  const std::string final_path = segment_path(directory_, id);
  written = files_.rename(path, final_path);
  if (!written) return note(written.error());
  if (!spares_.empty() && path == spares_.back()) spares_.pop_back();
  crash_point("journal.segment_named");
  written = files_.sync_directory(directory_);
  if (!written) return fail_for_good(written.error());
  crash_point("journal.segment_made");
  // By its name from now on, which messages tell.
  file = files_.open(final_path, OpenMode::kWrite);
  if (!file) return fail_for_good(file.error());
  id_max_ = id;
  segments_.push_back({final_path, header});
  file_ = *std::move(file);
  file_->bypass_cache();
  offset_ = kSegmentHeaderBytes;
  block_.clear();
  kept_from_ = 0;
  extent_ = std::max<std::uint64_t>(extent, kSegmentHeaderBytes);
  seed_ = frame_seed(header);
  must_roll_ = false;
  options_.begin_timeline = false;
  return CommitState::kDurable;
}

CommitState JournalWriter::commit(JournalGroup& group) {
  while (!failed() && !group.empty()) {
    const std::size_t first = unsealed_bytes(group.data() + group.begin_);
    if (must_roll_ || !has_room(first)) {
      const CommitState state = roll();
      if (state != CommitState::kDurable) return state;
    }
    const CommitState state = write_piece(group);
    if (state != CommitState::kDurable) return state;
  }
  if (failed()) return CommitState::kFailed;
  no_space_.clear();
  group.begin_at(place_in_block(offset_));
  return CommitState::kDurable;
}

CommitState JournalWriter::write_piece(JournalGroup& group) {
  group.move_to(place_in_block(offset_));
  std::size_t end = group.begin_;
  std::uint64_t count = 0;
  while (end < group.end_) {
    char* const frame = group.data() + end;
    const std::size_t bytes = unsealed_bytes(frame);
    if (!has_room(end - group.begin_ + bytes)) break;
    seal_frame(frame, seed_, durable_end_);
    TOCSIN_ASSERT(load_number<std::uint64_t>(frame + 8) == durable_end_ + count,
                  "groups hold sequences without gaps");
    end += bytes;
    ++count;
  }
  crash_point("journal.before_write");
  FileResult<void> written = write_frames(group, end);
  if (!written) return note(written.error());
  crash_point("journal.after_write");
  const std::uint64_t after = offset_ + (end - group.begin_);
  if (const std::uint64_t written_to = direct_ceiling(after + kEndMarkBytes);
      written_to > extent_) {
    extent_ = written_to;
    // For a large group it costs little that its sync makes the file longer too, and to write as
    // much in zeros before would cost as much again.
    constexpr std::uint64_t kPart = 16;
    if (end - group.begin_ < options_.extend_bytes / kPart) {
      extend(std::min(options_.segment_bytes, extent_ + options_.extend_bytes));
      crash_point("journal.extended");
    }
  }
  written = file_->sync();
  if (!written) return fail_for_good(written.error());
  crash_point("journal.after_fsync");
  offset_ = after;
  block_.assign(group.data() + direct_floor(end), place_in_block(end));
  // The journal is read after a crash alone: it leaves the memory to others.
  constexpr std::uint64_t kLetGoBytes = std::uint64_t{1} << 20;
  if (offset_ >= kept_from_ + kLetGoBytes) {
    file_->let_go(kept_from_, offset_);
    kept_from_ = offset_;
  }
  durable_end_ += count;
  if (end_mark_) end_mark_->advance(durable_end_);
  group.begin_ = end;
  return CommitState::kDurable;
}

FileResult<void> JournalWriter::write_frames(JournalGroup& group, std::size_t end) {
  const std::size_t begin = static_cast<std::size_t>(direct_floor(group.begin_));
  const std::uint64_t at = direct_floor(offset_);
  const std::size_t padded = static_cast<std::size_t>(direct_ceiling(end + kEndMarkBytes));
  if (end == group.end_) group.bytes_.reserve(padded);
  block_.copy(group.data() + begin, block_.size());
  if (end == group.end_) {
    // One write with the end mark.
    std::memset(group.data() + end, 0, padded - end);
    return write_all(*file_, at, {group.data() + begin, padded - begin});
  }
  // The frames of the next segment stand behind these.
  const std::size_t whole = static_cast<std::size_t>(direct_floor(end));
  FileResult<void> written = write_all(*file_, at, {group.data() + begin, whole - begin});
  if (!written) return written;
  crash_point("journal.without_end_mark");
  AlignedBytes last;
  last.reserve(padded - whole);
  std::memcpy(last.data(), group.data() + whole, end - whole);
  std::memset(last.data() + (end - whole), 0, padded - end);
  return write_all(*file_, at + (whole - begin), {last.data(), padded - whole});
}

void JournalWriter::extend(std::uint64_t to) {
  for (to = direct_ceiling(to); extent_ < to;) {
    const std::string_view part = zeros().substr(
        0, static_cast<std::size_t>(std::min<std::uint64_t>(to - extent_, kZeroBytes)));
    // Without space for zeros the records grow the file themselves, as long as they can.
    if (!write_all(*file_, extent_, part)) return;
    extent_ += part.size();
  }
}

Result<void> JournalWriter::begin_segment() {
  while (!spares_.empty()) {
    const FileResult<void> removed = files_.remove(spares_.back());
    if (!removed && removed.error().code != FileErrc::kNotFound) {
      return tl::unexpected(to_error(removed.error()));
    }
    spares_.pop_back();
  }
  no_spares_before_ = durable_end_;
  must_roll_ = true;
  return {};
}

Result<void> JournalWriter::release_before(std::uint64_t sequence) {
  while (!failed() && segments_.size() > 1 && segments_[1].header.first_sequence <= sequence) {
    const SegmentFile& oldest = segments_.front();
    const std::string spare = spare_path(directory_, oldest.header.id);
    const bool keep =
        spares_.size() < options_.spares_max && oldest.header.first_sequence >= no_spares_before_;
    const FileResult<void> gone =
        keep ? files_.rename(oldest.path, spare) : files_.remove(oldest.path);
    if (!gone) return tl::unexpected(to_error(gone.error()));
    crash_point("journal.trim");
    // One by one, so that a crash never leaves a gap between segments.
    const FileResult<void> synced = files_.sync_directory(directory_);
    if (!synced) {
      fail_for_good(synced.error());
      return fail(Errc::kIo, failure_);
    }
    if (keep) spares_.push_back(spare);
    segments_.erase(segments_.begin());
    crash_point("journal.trimmed");
  }
  return {};
}
}  // namespace tocsin::runtime
