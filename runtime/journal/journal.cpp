#include "runtime/journal/journal.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "runtime/io/background_thread.h"
#include "runtime/io/crash_point.h"

namespace tocsin::runtime {
Result<std::unique_ptr<Journal>> Journal::open(Files& files, Clock& clock, std::string directory,
                                               const JournalOptions& options,
                                               const JournalLimits& limits,
                                               JournalListener listener) {
  Result<std::unique_ptr<JournalWriter>> writer =
      JournalWriter::open(files, clock, std::move(directory), options);
  if (!writer) return tl::unexpected(writer.error());
  return std::unique_ptr<Journal>(new Journal(*std::move(writer), limits, std::move(listener)));
}

Journal::Journal(std::unique_ptr<JournalWriter> writer, const JournalLimits& limits,
                 JournalListener listener)
    : limits_(limits),
      listener_(std::move(listener)),
      first_sequence_(writer->first_sequence()),
      torn_end_(writer->torn_end()),
      frame_bytes_max_(writer->frame_bytes_max()),
      writer_(std::move(writer)),
      durable_end_(writer_->durable_end()) {
  status_.durable_end = status_.next_sequence = durable_end_;
  thread_ = std::thread([this] { work(); });
}

Journal::~Journal() { (void)close(); }

Result<void> Journal::check_open() const {
  if (status_.state == JournalState::kFailed) return fail(Errc::kIo, status_.reason);
  if (closing_) return fail(Errc::kStopped, "the journal is closed");
  return {};
}

Result<std::uint64_t> Journal::take(const JournalRecord& record) {
  if (!waiting_.add(status_.next_sequence, record, frame_bytes_max_)) {
    return fail(Errc::kLimit,
                "a record is larger than a segment of the journal can hold: make its segments "
                "larger (journal.segment_bytes of a server, --journal-segment of a run)");
  }
  crash_point("journal.append");
  status_.queued_bytes = waiting_.bytes();
  const bool is_value = std::holds_alternative<ArrivalByValue>(record);
  const bool may_wait = is_value ? limits_.value_pause > std::chrono::milliseconds(0)
                                 : std::holds_alternative<ArrivalByPosition>(record);
  is_urgent_ = is_urgent_ || !may_wait;
  const bool ends_sooner = is_value && !std::exchange(has_values_, true);
  if (!is_pausing_ || ends_sooner || !must_pause()) work_.notify_one();
  return status_.next_sequence++;
}

Result<std::uint64_t> Journal::append(const JournalRecord& record) {
  std::unique_lock lock(mutex_);
  room_.wait(lock,
             [&] { return !is_full() || closing_ || status_.state == JournalState::kFailed; });
  const Result<void> open = check_open();
  if (!open) return tl::unexpected(open.error());
  return take(record);
}

Result<std::optional<std::uint64_t>> Journal::try_append(const JournalRecord& record) {
  const std::unique_lock lock(mutex_);
  const Result<void> open = check_open();
  if (!open) return tl::unexpected(open.error());
  if (is_full()) return std::nullopt;
  return take(record).map([](std::uint64_t sequence) { return std::optional(sequence); });
}

void Journal::wake_waiting() {
  wakes_.fetch_add(1, std::memory_order_release);
  wakes_.notify_all();
}

Result<void> Journal::wait_durable(std::uint64_t sequence) {
  for (;;) {
    const std::uint32_t wakes = wakes_.load(std::memory_order_acquire);
    if (sequence < durable_end_.load(std::memory_order_acquire)) return {};
    if (ended_.load(std::memory_order_acquire)) break;
    wakes_.wait(wakes, std::memory_order_acquire);
  }
  const std::unique_lock lock(mutex_);
  if (sequence < status_.durable_end) return {};
  if (status_.state == JournalState::kFailed) return fail(Errc::kIo, status_.reason);
  return fail(Errc::kStopped, "the journal was closed before the record was on disk");
}

void Journal::hurry() {
  const std::unique_lock lock(mutex_);
  if (waiting_.empty() || std::exchange(is_urgent_, true)) return;
  work_.notify_one();
}

JournalStatus Journal::status() const {
  const std::unique_lock lock(mutex_);
  return status_;
}

void Journal::release_before(std::uint64_t sequence) {
  const std::unique_lock lock(mutex_);
  release_before_ = std::max(release_before_, sequence);
  work_.notify_one();
}

void Journal::begin_segment() {
  const std::unique_lock lock(mutex_);
  begins_segment_ = true;
}

Result<void> Journal::close() {
  {
    const std::unique_lock lock(mutex_);
    closing_ = true;
    work_.notify_one();
    room_.notify_all();
  }
  {
    const std::unique_lock joining(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }
  const std::unique_lock lock(mutex_);
  if (status_.state == JournalState::kFailed) return fail(Errc::kIo, status_.reason);
  if (status_.durable_end == status_.next_sequence) return {};
  return fail(Errc::kLimit, "closed before everything was on disk: " + status_.reason);
}

void Journal::tell(std::unique_lock<std::mutex>& lock) {
  if (!listener_) return;
  const JournalStatus status = status_;
  lock.unlock();
  listener_(status);
  lock.lock();
}

void Journal::release(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t before = std::exchange(release_before_, 0);
  lock.unlock();
  const Result<void> released = writer_->release_before(before);
  lock.lock();
  status_.release_failure = released ? std::string() : released.error().message;
  if (!writer_->failed()) return;
  status_.state = JournalState::kFailed;
  status_.reason = writer_->failure();
}

std::chrono::steady_clock::time_point Journal::pause_end() const {
  return last_commit_ + (has_values_ ? std::min(limits_.value_pause, limits_.position_pause)
                                     : limits_.position_pause);
}

// Nobody waits for what is in hand: the sender of a file is the file.
bool Journal::must_pause() const {
  return !is_urgent_ && !waiting_.empty() && !closing_ && release_before_ == 0 && !is_full() &&
         std::chrono::steady_clock::now() < pause_end();
}

void CommitTimes::add(std::chrono::duration<double> took) {
  const auto* const bound = std::ranges::lower_bound(kBounds, took.count());
  ++counts[static_cast<std::size_t>(bound - kBounds.begin())];
  seconds += took.count();
}

bool Journal::write(std::unique_lock<std::mutex>& lock) {
  const bool begins_segment = std::exchange(begins_segment_, false);
  lock.unlock();
  const Result<void> begun = begins_segment ? writer_->begin_segment() : Result<void>();
  const auto began = std::chrono::steady_clock::now();
  const CommitState committed = writer_->commit(writing_);
  const auto took = std::chrono::steady_clock::now() - began;
  lock.lock();
  if (!begun) {
    status_.release_failure = begun.error().message;
    begins_segment_ = true;
  }
  const JournalState before = status_.state;
  const bool more = status_.durable_end != writer_->durable_end();
  status_.durable_end = writer_->durable_end();
  if (more) {
    durable_end_.store(status_.durable_end, std::memory_order_release);
    wake_waiting();
  }
  switch (committed) {
    case CommitState::kDurable:
      ++status_.commits;
      status_.times.add(took);
      status_.state = JournalState::kWriting;
      status_.reason.clear();
      break;
    case CommitState::kNoSpace:
      status_.state = JournalState::kNoSpace;
      status_.reason = writer_->no_space();
      break;
    case CommitState::kFailed:
      status_.state = JournalState::kFailed;
      status_.reason = writer_->failure();
      break;
  }
  if (more || status_.state != before) tell(lock);
  if (committed == CommitState::kNoSpace && !closing_) {
    work_.wait_for(lock, limits_.no_space_retry, [&] { return closing_ || release_before_ != 0; });
    // What is released may be the space that is missing; and a close tries once more.
    return true;
  }
  return committed == CommitState::kDurable;
}

void Journal::work() {
  begin_background_thread("journal");
  std::unique_lock lock(mutex_);
  while (status_.state != JournalState::kFailed) {
    work_.wait(lock, [&] {
      return closing_ || release_before_ != 0 || !waiting_.empty() || !writing_.empty();
    });
    if (release_before_ != 0) release(lock);
    if (status_.state == JournalState::kFailed) break;
    if (writing_.empty() && must_pause()) {
      is_pausing_ = true;
      while (must_pause()) work_.wait_until(lock, pause_end());
      is_pausing_ = false;
    }
    if (writing_.empty()) {
      is_urgent_ = false;
      has_values_ = false;
      last_commit_ = std::chrono::steady_clock::now();
      std::swap(writing_, waiting_);
      waiting_.begin_at(writer_->place_after(writing_));
      status_.queued_bytes = 0;
      room_.notify_all();
    }
    if (writing_.empty()) {
      if (closing_) break;
    } else if (!write(lock)) {
      break;
    }
  }
  writer_.reset();  // with the lock of the folder
  if (status_.state != JournalState::kFailed) status_.state = JournalState::kClosed;
  ended_.store(true, std::memory_order_release);
  wake_waiting();
  room_.notify_all();
  tell(lock);
}
}  // namespace tocsin::runtime
