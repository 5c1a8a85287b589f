/// A node's journal, with or without a thread of its own.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cep/base/result.h"
#include "runtime/journal/journal.h"
#include "runtime/journal/journal_record.h"
#include "runtime/journal/journal_writer.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class NodeLog {
 public:
  NodeLog() = default;
  NodeLog(const NodeLog&) = delete;
  NodeLog& operator=(const NodeLog&) = delete;
  virtual ~NodeLog() = default;

  /// What the next append() gives.
  virtual std::uint64_t next_sequence() const = 0;
  virtual std::uint64_t first_sequence() const = 0;
  /// Every record before this one is on disk.
  virtual std::uint64_t durable_end() const = 0;
  virtual const std::optional<TornEnd>& torn_end() const = 0;
  /// The most bytes of lines that one record by value may carry.
  std::size_t value_bytes_max() const { return frame_bytes_max() - kValueOverheadMax; }
  /// Takes in a record and gives its sequence; as Journal::append(). Fails with kStopped where it
  /// would wait and is asked to stop.
  virtual Result<std::uint64_t> append(const JournalRecord& record) = 0;
  /// Fails with kIo once the journal has failed for good; waits for nothing.
  virtual Result<void> check() const = 0;
  /// With a thread: it waits for space on the disk.
  virtual bool waits_for_space() const = 0;
  /// Without a thread: writes and syncs what was taken in. Fails with kLimit for a full disk, which
  /// may pass; kIo, for good.
  virtual Result<void> commit() = 0;
  /// Waits until all that was taken in is on disk. Fails as append() and commit().
  virtual Result<void> wait_durable() = 0;
  /// Somebody waits for what was taken in.
  virtual void hurry() = 0;
  /// Lets go of segments all of whose records are before `sequence`, soon.
  virtual void release_before(std::uint64_t sequence) = 0;
  /// What is appended from here on begins a new segment (JournalWriter::begin_segment()). Requires
  /// that all before is on disk.
  virtual void begin_segment() = 0;
  /// Takes in nothing more; fails where records that were taken in are not on disk.
  virtual Result<void> close() = 0;

 protected:
  virtual std::size_t frame_bytes_max() const = 0;

 private:
  // What stands in a record beside the lines: the source's name above all.
  static constexpr std::size_t kValueOverheadMax = 512;
};

/// Writes in the caller's thread, at commit().
class DirectLog : public NodeLog {
 public:
  static Result<std::unique_ptr<NodeLog>> open(Files& files, Clock& clock,
                                               const std::string& directory,
                                               const JournalOptions& options);
  std::uint64_t next_sequence() const override { return next_sequence_; }
  std::uint64_t first_sequence() const override { return writer_->first_sequence(); }
  std::uint64_t durable_end() const override { return writer_->durable_end(); }
  const std::optional<TornEnd>& torn_end() const override { return writer_->torn_end(); }
  Result<std::uint64_t> append(const JournalRecord& record) override;
  Result<void> check() const override;
  bool waits_for_space() const override { return false; }
  Result<void> commit() override;
  Result<void> wait_durable() override { return commit(); }
  void hurry() override {}
  void release_before(std::uint64_t sequence) override;
  // What stays is tried again at the next one.
  void begin_segment() override { static_cast<void>(writer_->begin_segment()); }
  Result<void> close() override { return commit(); }

 protected:
  std::size_t frame_bytes_max() const override { return writer_->frame_bytes_max(); }

 private:
  explicit DirectLog(std::unique_ptr<JournalWriter> writer);
  std::unique_ptr<JournalWriter> writer_;
  JournalGroup group_;
  std::uint64_t next_sequence_;
};

/// Leaves writing to the journal's thread.
class ThreadedLog : public NodeLog {
 public:
  /// `listener`: as Journal has it; may be empty. `stop_requested` is asked while append() waits.
  static Result<std::unique_ptr<NodeLog>> open(
      Files& files, Clock& clock, const std::string& directory, const JournalOptions& options,
      const JournalLimits& limits, JournalListener listener, std::function<bool()> stop_requested);
  std::uint64_t next_sequence() const override { return next_sequence_; }
  std::uint64_t first_sequence() const override { return journal_->first_sequence(); }
  std::uint64_t durable_end() const override { return journal_->status().durable_end; }
  const std::optional<TornEnd>& torn_end() const override { return journal_->torn_end(); }
  Result<std::uint64_t> append(const JournalRecord& record) override;
  Result<void> check() const override;
  bool waits_for_space() const override;
  Result<void> commit() override { return {}; }
  Result<void> wait_durable() override;
  void hurry() override { journal_->hurry(); }
  void release_before(std::uint64_t sequence) override { journal_->release_before(sequence); }
  void begin_segment() override { journal_->begin_segment(); }
  Result<void> close() override { return journal_->close(); }

 protected:
  std::size_t frame_bytes_max() const override { return frame_bytes_max_; }

 private:
  // What the journal's thread touches.
  struct Signal {
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t changes = 0;
  };
  ThreadedLog() = default;
  // Waits until the journal did something, or a while.
  Result<void> wait_for_change();

  std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  std::function<bool()> stop_requested_;
  std::unique_ptr<Journal> journal_;
  std::uint64_t next_sequence_ = 1;
  std::size_t frame_bytes_max_ = 0;
};
}  // namespace tocsin::runtime
