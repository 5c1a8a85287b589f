/// Effects on their way from the engine to the effect store: they wait until the journal has their
/// cause on disk, and are then committed in groups, one sync for all that waits.
///
/// Bounded by EffectQueueOptions::bytes_max; beyond it push() waits. A disk without space is waited
/// for, with all that was pushed kept; any other failed commit is final.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "cep/base/result.h"
#include "runtime/effects/effect_store.h"

namespace tocsin::runtime {
struct EffectQueueOptions {
  std::size_t bytes_max = std::size_t{16} << 20;       // that wait; one push may exceed it
  std::size_t group_bytes_max = std::size_t{4} << 20;  // of one commit, save that one is taken
  /// From the begin of one commit of the thread to the next, so that many slices share a sync; the
  /// first after a while waits for nothing, nor does what would fill a commit.
  std::chrono::milliseconds pause{10};
  RetentionPolicy retention = {};
  std::size_t retention_rows = 1000;  // removed at once, between commits
  /// RetentionPolicy::alerts_needed_from, asked before each chunk. May be empty: all may go.
  std::function<std::uint64_t()> needed_from = {};
  /// Is given what a commit has stored, before the listener is told: alerts that are new have their
  /// number. May be empty.
  std::function<void(std::span<const SliceEffects>)> stored = {};
  /// How long to wait before a disk that was full is tried again.
  std::chrono::milliseconds no_space_retry{250};
  /// Asked while something waits for space; true: it fails with kLimit. May be empty.
  std::function<bool()> stop_requested = {};
};
struct EffectQueueStatus {
  std::uint64_t pushed = 0;     // how often push() took something in
  std::uint64_t committed = 0;  // how many of these are stored
  std::uint64_t commits = 0;
  std::size_t waiting_bytes = 0;
  CommitReport stored;                // of all commits
  std::string no_space;               // why nothing is stored for now; empty: it is
  std::optional<Error> failure = {};  // final
};

/// Threading: with start(), push() and the rest from any thread, pushes from one; without it,
/// everything from one thread, which calls step().
class EffectQueue {
 public:
  /// Is told after each commit and at a failure, without a lock, on the committing thread.
  using Listener = std::function<void(const EffectQueueStatus&)>;
  /// `start`: the mark from which the engine goes on (what EffectStore::resume was given, or its
  /// mark). Borrows the store.
  EffectQueue(EffectStore& store, EmittedMark start, EffectQueueOptions options,
              Listener listener = {});
  ~EffectQueue();
  EffectQueue(const EffectQueue&) = delete;
  EffectQueue& operator=(const EffectQueue&) = delete;

  /// Takes effects in, in order; empty ones too. With a thread it waits while the queue is full.
  /// Gives the count of pushes so far: status().committed reaches it once they are stored. Errors:
  /// the failure.
  Result<std::uint64_t> push(SliceEffects effects);
  /// False: push() would wait, or, without a thread, should be preceded by step().
  bool has_room() const;
  /// True: what would fill a commit waits for its cause.
  bool needs_cause() const;
  /// Every journal record before this is on disk (JournalStatus::durable_end).
  void durable(std::uint64_t durable_end);
  /// The mark after all that was pushed: what a checkpoint that is cut now keeps. It must not count
  /// as good before what was pushed until then is committed: wait_committed(). Its number does not
  /// count alerts of topics that wait here: the last one's may be greater.
  EmittedMark pushed_mark() const;

  /// Commits what may be committed on a thread of its own from now on.
  void start();
  /// Without a thread: one group, or a chunk of retention; false when there is nothing to do now.
  Result<bool> step();
  /// Waits until so many pushes are stored. With a thread only. Errors: the failure.
  Result<void> wait_committed(std::uint64_t pushes);
  /// Waits until all that was pushed is stored (its causes must become durable), and ends the
  /// thread. Errors: the failure.
  Result<void> close();
  /// Ends the thread at once: what waits comes again in replay. The destructor does the same.
  void abandon();
  EffectQueueStatus status() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  void work();
  // With the lock held, given back held.
  bool may_commit() const;
  bool is_full() const { return status_.waiting_bytes >= options_.bytes_max; }
  void commit_group(Lock& lock);
  // Waits for `is_done`, or until it was asked to stop while the disk is full.
  Result<void> wait_stored(Lock& lock, const std::function<bool()>& is_done);
  // Notes why the disk takes nothing, or that it does again, and waits; false: it is not to be
  // tried again.
  bool wait_for_space(Lock& lock, const Error& error);
  void end_wait_for_space(Lock& lock);
  bool must_pause() const;
  bool must_wake() const;
  void retain(Lock& lock);
  Result<bool> retain_rows(Lock& lock);
  void note(const Error& error);
  void tell(Lock& lock);
  Result<void> outcome() const;
  void join();

  EffectStore& store_;
  EffectQueueOptions options_;
  Listener listener_;
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable stored_;  // also: room
  struct Waiting {
    SliceEffects effects;
    std::size_t bytes = 0;
  };
  std::deque<Waiting> waiting_;
  EmittedMark pushed_mark_;
  std::uint64_t durable_end_ = 0;
  EffectQueueStatus status_;
  bool has_thread_ = false;
  bool is_closing_ = false;    // once all is stored
  bool is_abandoned_ = false;  // at once
  bool is_retained_ = false;
  bool is_pausing_ = false;                            // the thread, before a commit
  std::chrono::steady_clock::time_point next_commit_;  // of the thread, not before
};
}  // namespace tocsin::runtime
