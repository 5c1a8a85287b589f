#include "runtime/node/archive_keeper.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/archive/archive_directory.h"
#include "runtime/journal/journal_directory.h"

namespace tocsin::runtime {
namespace {
// Between files that go so that there is space again.
constexpr cep::Duration kRoomPause{1'000'000};
}  // namespace

ArchiveKeeper::ArchiveKeeper(Files& files, Clock& clock, Executor& executor, const DataPaths& paths,
                             const cep::Program& program, NodeLog& log, std::uint64_t segment_bytes,
                             const std::optional<ArchiveOptions>& options)
    : files_(files),
      clock_(clock),
      executor_(executor),
      paths_(paths),
      program_(program),
      log_(log),
      segment_bytes_(segment_bytes),
      options_(options) {
  status_.is_kept = options_.has_value();
}

Result<void> ArchiveKeeper::open() {
  if (!options_) return {};
  if (const auto made = make_durable_directory(files_, paths_.archive); !made) {
    return tl::unexpected(to_error(made.error()));
  }
  const Result<ArchiveDirectory> found = survey_archive(files_, paths_.archive);
  if (!found) return tl::unexpected(found.error());
  for (const std::string& path : found->unfinished) {
    if (const auto removed = files_.remove(path); !removed) {
      return tl::unexpected(to_error(removed.error()));
    }
  }
  if (!found->damaged.empty()) status_.failure = found->damaged.front().message;
  status_.files = found->files.size();
  status_.bytes = found->bytes();
  for (const ArchiveFile& file : found->files) status_.events += file.footer.events;
  status_.end_sequence = found->end_sequence();
  return {};
}

void ArchiveKeeper::release_before(std::uint64_t sequence) {
  if (!options_) {
    log_.release_before(sequence);
    return;
  }
  target_ = std::max(target_, sequence);
  is_due_ = true;
  poll(false);
}

void ArchiveKeeper::poll(bool needs_room) {
  if (!options_) return;
  if (shared_) {
    std::optional<Step> step;
    {
      const std::lock_guard lock(shared_->mutex);
      step = std::move(shared_->step);
    }
    if (!step) return;
    shared_.reset();
    take(*step);
  }
  const bool makes_room = needs_room && status_.files > 0 && may_make_room();
  if (is_due_ || makes_room) begin(makes_room);
}

bool ArchiveKeeper::may_make_room() {
  const cep::EventTime now = clock_.now();
  if (made_room_at_ <= now && now < made_room_at_ + kRoomPause) return false;
  made_room_at_ = now;
  return true;
}

void ArchiveKeeper::begin(bool makes_room) {
  is_due_ = false;
  shared_ = std::make_shared<Shared>();
  Work work{paths_,  program_,    *options_, segment_bytes_, status_.end_sequence,
            target_, clock_.now()};
  executor_.post([shared = shared_, &files = files_, work = std::move(work), makes_room] {
    Step step = make(files, work, makes_room);
    const std::lock_guard lock(shared->mutex);
    shared->step = std::move(step);
  });
}

// The journal's thread lets go of segments meanwhile: what was just seen may be gone.
ArchiveKeeper::Step ArchiveKeeper::make(Files& files, const Work& work, bool makes_room) {
  constexpr int kTriesMax = 20;
  Step step = make_next(files, work);
  for (int i = 1; i < kTriesMax && step.failure && step.failure->code == Errc::kNotFound; ++i) {
    step = make_next(files, work);
  }
  makes_room = makes_room || (step.failure && step.failure->code == Errc::kLimit);
  keep_to_limits(files, work, makes_room, step);
  return step;
}

// The next segment of which all is before `target`, if there is one.
ArchiveKeeper::Step ArchiveKeeper::make_next(Files& files, const Work& work) {
  Step step;
  step.end = work.from;
  const Result<JournalDirectory> journal = survey_journal(files, work.paths.journal);
  if (!journal) {
    step.failure = journal.error();
    return step;
  }
  const std::vector<SegmentFile>& segments = journal->segments;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    const std::uint64_t segment_end = segments[i + 1].header.first_sequence;
    if (segment_end <= work.from || segment_end > work.target) continue;
    ++step.backlog;
    if (end == 0) end = segment_end;
  }
  step.first_end = end;
  if (end != 0) {
    const std::uint64_t first = std::max(work.from, segments.front().header.first_sequence);
    step.missed = work.from > 1 ? first - work.from : 0;
    if (first < end) {
      const Result<ArchiveFile> made =
          write_archive(files, work.paths.journal, first, end, work.paths.archive, work.now,
                        work.program, work.options.writer);
      if (!made) step.failure = made.error();
    }
    if (!step.failure) {
      step.end = end;
      step.has_more = --step.backlog > 0;
    }
  }
  return step;
}

void ArchiveKeeper::keep_to_limits(Files& files, const Work& work, bool makes_room, Step& step) {
  const Result<ArchiveDirectory> archive = survey_archive(files, work.paths.archive);
  if (!archive) {
    if (!step.failure) step.failure = archive.error();
    return;
  }
  if (!archive->damaged.empty() && !step.failure) step.failure = archive->damaged.front();
  std::uint64_t bytes = archive->bytes();
  std::uint64_t most = work.options.bytes_max.value_or(UINT64_MAX);
  if (makes_room) most = std::min(most, bytes - std::min(bytes, work.segment_bytes));
  bool may_go = true;  // the oldest go first
  for (const ArchiveFile& file : archive->files) {
    const TimeSpan& taken = file.footer.taken;
    const cep::EventTime last = taken.is_empty() ? file.header.made_at : taken.last;
    const std::optional<cep::Duration>& keep_for = work.options.keep_for;
    const bool is_old = keep_for && last.us < work.now.us - keep_for->us;
    may_go = may_go && (is_old || bytes > most);
    if (may_go && files.remove(file.path)) {
      bytes -= file.bytes;
      ++step.removed;
      continue;
    }
    ++step.files;
    step.events += file.footer.events;
  }
  step.bytes = bytes;
}

void ArchiveKeeper::take(const Step& step) {
  status_.failure = step.failure ? step.failure->message : std::string();
  status_.files = step.files;
  status_.bytes = step.bytes;
  status_.events = step.events;
  status_.files_removed += step.removed;
  is_due_ = is_due_ || step.has_more;
  if (step.end > status_.end_sequence) {
    status_.records_missed += step.missed;
    status_.end_sequence = step.end;
  } else if (step.failure && step.backlog * segment_bytes_ > options_->backlog_bytes_max) {
    status_.records_missed += step.first_end - std::min(step.first_end, status_.end_sequence);
    status_.end_sequence = step.first_end;
    is_due_ = true;
  }
  log_.release_before(std::min(target_, status_.end_sequence));
}
}  // namespace tocsin::runtime
