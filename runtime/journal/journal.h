/// The journal that everybody appends to: a thread writes and syncs all that arrived while its last
/// sync ran (group commit), so that one sync serves many.
///
/// The queue holds JournalLimits::queue_bytes_max; beyond it append() waits. A disk without space
/// is waited for, with all that was taken in kept; a failed write or sync is final
/// (JournalState::kFailed).
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "cep/base/result.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "runtime/journal/journal_record.h"
#include "runtime/journal/journal_writer.h"

namespace tocsin::runtime {
struct JournalLimits {
  /// Frames that wait to be written, beside those being written; one record may exceed it.
  std::size_t queue_bytes_max = std::size_t{16} << 20;
  /// How long to wait before a disk that was full is tried again.
  std::chrono::milliseconds no_space_retry{100};
  /// From one commit to the next where all that waits are records by position: nobody waits for
  /// them, and many share a sync. hurry() ends it.
  std::chrono::milliseconds position_pause{100};
  /// The same where lines wait by value too: more than nothing where their sender goes on without
  /// an answer to each block, as a pipe does.
  std::chrono::milliseconds value_pause{0};
};
/// How long commits took: a write with its sync each.
struct CommitTimes {
  static constexpr std::array<double, 13> kBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                                     0.005,  0.01,    0.025,  0.05,  0.1,
                                                     0.25,   1.0,     5.0};  // seconds
  /// Those up to each bound that are up to none before, and last the rest.
  std::array<std::uint64_t, kBounds.size() + 1> counts{};
  double seconds = 0;  // of all
  void add(std::chrono::duration<double> took);
};
enum class JournalState : std::uint8_t {
  kWriting,
  kNoSpace,  // waits for the disk; what was taken in is kept
  kFailed,   // for good
  kClosed,
};
struct JournalStatus {
  JournalState state = JournalState::kWriting;
  std::string reason;             // for kNoSpace and kFailed
  std::uint64_t durable_end = 1;  // every record before this one is on disk
  std::uint64_t next_sequence = 1;
  std::size_t queued_bytes = 0;
  std::uint64_t commits = 0;
  CommitTimes times;            // of them
  std::string release_failure;  // of the last release_before(), empty when it went well
};
/// Called by the journal's thread, never by two at a time, without a lock: when more is durable,
/// and when the state changes. Must not wait for this journal.
using JournalListener = std::function<void(const JournalStatus&)>;

/// Threading: any number of callers.
class Journal {
 public:
  /// As JournalWriter::open(). `listener` may be empty.
  static Result<std::unique_ptr<Journal>> open(Files& files, Clock& clock, std::string directory,
                                               const JournalOptions& options,
                                               const JournalLimits& limits,
                                               JournalListener listener = {});
  /// Writes and syncs what was taken in, unless the disk is full or has failed.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Takes in a record and gives its sequence, waiting while the queue is full. It is durable only
  /// when wait_durable() or the listener says so. Fails with kLimit for a record that no segment
  /// can hold, kIo after a failure, kStopped once closed.
  Result<std::uint64_t> append(const JournalRecord& record);
  /// The same without waiting: nothing where the queue is full.
  Result<std::optional<std::uint64_t>> try_append(const JournalRecord& record);
  /// Waits until the record is on disk. Fails with kIo, or kStopped once closed, where it will not
  /// be.
  Result<void> wait_durable(std::uint64_t sequence);
  /// Somebody waits for what was taken in: it is written now, whatever it is.
  void hurry();
  JournalStatus status() const;
  /// Lets go of segments all of whose records are before `sequence`, soon.
  void release_before(std::uint64_t sequence);
  /// As JournalWriter::begin_segment(), before the next group that is written: requires that all
  /// that is to be in earlier segments is on disk. What fails is in the status's release_failure.
  void begin_segment();
  /// Takes in nothing more, writes what it can and ends the thread; fails where records that were
  /// taken in are not on disk. Later calls give the same.
  Result<void> close();
  /// What opening found.
  std::uint64_t first_sequence() const { return first_sequence_; }
  const std::optional<TornEnd>& torn_end() const { return torn_end_; }

 private:
  Journal(std::unique_ptr<JournalWriter> writer, const JournalLimits& limits,
          JournalListener listener);
  // With the lock held.
  Result<std::uint64_t> take(const JournalRecord& record);
  Result<void> check_open() const;
  bool is_full() const { return waiting_.bytes() >= limits_.queue_bytes_max; }

  // Wakes those in wait_durable(), who look without the lock: hundreds of them would keep the
  // thread from its next commit.
  void wake_waiting();
  void work();
  void release(std::unique_lock<std::mutex>& lock);
  // Writes `writing_`; false when the thread should end.
  bool write(std::unique_lock<std::mutex>& lock);
  void tell(std::unique_lock<std::mutex>& lock);
  // Until when nothing is written, while nothing is urgent.
  std::chrono::steady_clock::time_point pause_end() const;
  bool must_pause() const;

  JournalLimits limits_;
  JournalListener listener_;
  std::uint64_t first_sequence_;
  std::optional<TornEnd> torn_end_;
  std::size_t frame_bytes_max_;
  std::unique_ptr<JournalWriter> writer_;  // the thread's alone
  JournalGroup writing_;                   // the thread's alone

  std::atomic<std::uint64_t> durable_end_;  // that of status_
  std::atomic<bool> ended_{false};          // status_ says why
  std::atomic<std::uint32_t> wakes_{0};     // changes after either of these

  mutable std::mutex mutex_;  // for all below
  std::condition_variable work_;
  std::condition_variable room_;
  JournalGroup waiting_;
  JournalStatus status_;
  std::uint64_t release_before_ = 0;
  bool begins_segment_ = false;
  bool closing_ = false;
  bool is_urgent_ = false;   // somebody waits for what is in waiting_
  bool has_values_ = false;  // in waiting_
  bool is_pausing_ = false;  // the thread
  // Its begin. A machine may have started within a pause of now, where its clock begins.
  std::chrono::steady_clock::time_point last_commit_ = std::chrono::steady_clock::time_point::min();
  std::mutex join_mutex_;
  std::thread thread_;
};
}  // namespace tocsin::runtime
