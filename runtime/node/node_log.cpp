#include "runtime/node/node_log.h"

#include <chrono>
#include <utility>

namespace tocsin::runtime {
DirectLog::DirectLog(std::unique_ptr<JournalWriter> writer)
    : writer_(std::move(writer)), next_sequence_(writer_->durable_end()) {}

Result<std::unique_ptr<NodeLog>> DirectLog::open(Files& files, Clock& clock,
                                                 const std::string& directory,
                                                 const JournalOptions& options) {
  Result<std::unique_ptr<JournalWriter>> writer =
      JournalWriter::open(files, clock, directory, options);
  if (!writer) return tl::unexpected(writer.error());
  return std::unique_ptr<NodeLog>(new DirectLog(*std::move(writer)));
}

Result<std::uint64_t> DirectLog::append(const JournalRecord& record) {
  if (auto checked = check(); !checked) return tl::unexpected(checked.error());
  if (!group_.add(next_sequence_, record, writer_->frame_bytes_max())) {
    return fail(Errc::kLimit, "a record is larger than a segment of the journal");
  }
  return next_sequence_++;
}

Result<void> DirectLog::check() const {
  if (writer_->failed()) return fail(Errc::kIo, writer_->failure());
  return {};
}

Result<void> DirectLog::commit() {
  if (group_.empty() && !writer_->failed()) return {};
  switch (writer_->commit(group_)) {
    case CommitState::kDurable:
      return {};
    case CommitState::kNoSpace:
      return fail(Errc::kLimit, writer_->no_space());
    case CommitState::kFailed:
      break;
  }
  return fail(Errc::kIo, writer_->failure());
}

void DirectLog::release_before(std::uint64_t sequence) {
  // What stays is tried again with the next one.
  static_cast<void>(writer_->release_before(sequence));
}

Result<std::unique_ptr<NodeLog>> ThreadedLog::open(
    Files& files, Clock& clock, const std::string& directory, const JournalOptions& options,
    const JournalLimits& limits, JournalListener listener, std::function<bool()> stop_requested) {
  std::unique_ptr<ThreadedLog> log(new ThreadedLog());
  log->stop_requested_ = std::move(stop_requested);
  const auto tell = [signal = log->signal_,
                     listener = std::move(listener)](const JournalStatus& status) {
    {
      const std::lock_guard lock(signal->mutex);
      ++signal->changes;
    }
    signal->changed.notify_all();
    if (listener) listener(status);
  };
  Result<std::unique_ptr<Journal>> journal =
      Journal::open(files, clock, directory, options, limits, tell);
  if (!journal) return tl::unexpected(journal.error());
  log->journal_ = *std::move(journal);
  log->next_sequence_ = log->journal_->status().next_sequence;
  log->frame_bytes_max_ = runtime::frame_bytes_max(options);
  return std::unique_ptr<NodeLog>(std::move(log));
}

Result<std::uint64_t> ThreadedLog::append(const JournalRecord& record) {
  for (;;) {
    const Result<std::optional<std::uint64_t>> taken = journal_->try_append(record);
    if (!taken) return tl::unexpected(taken.error());
    if (*taken) {
      next_sequence_ = **taken + 1;
      return **taken;
    }
    if (Result<void> waited = wait_for_change(); !waited) return tl::unexpected(waited.error());
  }
}

Result<void> ThreadedLog::check() const {
  const JournalStatus status = journal_->status();
  if (status.state == JournalState::kFailed) return fail(Errc::kIo, status.reason);
  return {};
}

bool ThreadedLog::waits_for_space() const {
  return journal_->status().state == JournalState::kNoSpace;
}

Result<void> ThreadedLog::wait_durable() {
  hurry();
  for (;;) {
    const JournalStatus status = journal_->status();
    if (status.durable_end >= next_sequence_) return {};
    if (status.state == JournalState::kFailed) return fail(Errc::kIo, status.reason);
    if (status.state == JournalState::kClosed) return fail(Errc::kStopped, "the journal is closed");
    if (Result<void> waited = wait_for_change(); !waited) return waited;
  }
}

Result<void> ThreadedLog::wait_for_change() {
  // The queue empties without a word when its thread takes it over, so the wait has an end.
  constexpr std::chrono::milliseconds kLongest{5};
  std::unique_lock lock(signal_->mutex);
  const std::uint64_t seen = signal_->changes;
  signal_->changed.wait_for(lock, kLongest, [&] { return signal_->changes != seen; });
  lock.unlock();
  if (!stop_requested_ || !stop_requested_()) return {};
  const JournalStatus status = journal_->status();
  // A disk that is only slow is waited for.
  if (status.state != JournalState::kNoSpace) return {};
  return fail(Errc::kStopped, "stopped while waiting for space: " + status.reason);
}
}  // namespace tocsin::runtime
