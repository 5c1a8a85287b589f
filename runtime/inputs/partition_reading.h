/// Partitions of topics, read by a client (a port) and given to somebody who keeps how far each was
/// read: events to a node (TopicInputs), alerts to the alert store (AlertInputs).
///
///   TopicClient ─ blocks of messages ─▶ PartitionReading ─ lines ─▶ take_lines()
///                 ≤ a block a step        compared with the place and the last message
///
/// Nothing is skipped in silence: what the broker no longer has, or has otherwise than it was
/// taken, ends the reading with its name and a remedy.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/inputs/topic_client.h"
#include "runtime/io/clock.h"
#include "runtime/io/message_block.h"

namespace tocsin::runtime {
/// Messages that an operator goes on without: a partition that stands at `from` goes on at `to`.
struct AcceptedGap {
  TopicPartition partition;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};
/// "payments/3=1000..5000". Nothing for other texts.
std::optional<AcceptedGap> parse_accepted_gap(std::string_view text);

struct TopicInputOptions {
  /// Where partitions begin of a topic of which nothing was read: behind what it has, instead of at
  /// its first message. Partitions that a topic has more later begin at their first message.
  bool begins_at_end = false;
  /// A partition is over at the end that it has when it is opened.
  bool until_end = false;
  std::vector<AcceptedGap> accepted_gaps;
  /// How often the broker is told how far partitions were read; never what is not on disk.
  cep::Duration commit_every{5'000'000};
  /// How often partitions are looked for that were added.
  cep::Duration look_every{1'000'000};
  /// After how long one is looked at again that could not be opened, as no broker leads it yet.
  cep::Duration look_again_after{10'000'000};
};
/// How one partition stands.
struct PartitionFigures {
  std::string source;
  std::uint64_t next_offset = 0;
  std::optional<std::uint64_t> lag;  // messages that the broker has behind it
  bool is_paused = false;            // too far ahead of the others in time
};

/// Threading: one caller at a time.
class PartitionReading {
 public:
  virtual ~PartitionReading() = default;
  PartitionReading(const PartitionReading&) = delete;
  PartitionReading& operator=(const PartitionReading&) = delete;

  /// Takes a block of messages that is at hand, or a part of one; false where no partition has any
  /// that may be taken now. Fails with kMismatch, saying what to do, where messages are missing; as
  /// the client and who takes the messages do.
  Result<bool> step();
  /// Only with `until_end`: all were read.
  bool is_over() const;
  /// Tells the broker how far all were read, after all that was taken is on disk.
  void finish();
  std::vector<PartitionFigures> figures() const;
  /// What is worth telling since the last call: one line each.
  std::vector<std::string> take_notes();
  std::uint64_t bytes_taken() const { return bytes_taken_; }

 protected:
  struct Partition {
    TopicPartition id;
    std::size_t index = 0;   // 0, 1, 2, … in the order of opening
    std::size_t source = 0;  // what the keeper of places calls it
    std::size_t in_client = 0;
    MessageBlock block = {};
    std::string_view rest = {};  // lines of the block that were not taken yet
    std::optional<std::uint64_t> until = {};
    bool is_paused = false;
    bool is_over = false;
  };
  /// Up to where a partition was taken.
  struct Place {
    std::uint64_t next_offset = 0;
    /// Of the last message (message_identity()); kNoMessage; empty: nothing was read, or to be.
    std::string_view identity;
  };
  /// One that was read, or was to be, by this start or an earlier one.
  struct KnownPartition {
    TopicPartition id;
    bool has_place = false;
    bool has_ended = false;
    std::uint64_t next_offset = 0;
  };
  /// All must outlive it.
  PartitionReading(Clock& clock, TopicClient& client, TopicInputOptions options);
  /// Opens all partitions of the client's topics. Fails as step(), and as the client.
  Result<void> open_all();
  std::size_t partition_count() const { return partitions_.size(); }
  void add_note(std::string note) { notes_.push_back(std::move(note)); }

  // --- who keeps the places, and takes the messages ---
  virtual std::vector<KnownPartition> known() const = 0;
  virtual Result<std::size_t> source_of(const TopicPartition& partition) = 0;
  virtual Place place_of(std::size_t source) const = 0;
  /// It goes on with the message at `offset`, whatever was taken of it.
  virtual Result<void> set_place(std::size_t source, std::uint64_t offset) = 0;
  /// A partition is about to be read.
  virtual Result<void> begin_reading(const Partition&) { return {}; }
  /// One that is known is not read now.
  virtual Result<void> leave(const TopicPartition& partition) = 0;
  /// It has nothing at hand; `is_silent`: because it was read to its end.
  virtual void found_empty(const Partition&, bool /*is_silent*/) {}
  /// It has messages.
  virtual Result<void> arrived(const Partition&) { return {}; }
  virtual Result<void> ended(const Partition&) { return {}; }
  /// Of a partition that has lines: whether it is to be taken before `next`, which may be null.
  virtual bool comes_first(Partition& partition, const Partition* next) = 0;
  /// Takes lines of the partition's rest; gives the bytes taken.
  virtual Result<std::size_t> take_lines(Partition& partition) = 0;
  /// No partition has anything to be taken now.
  virtual void nothing_left() {}
  /// What must be on disk before the places of now may be told; whether it is.
  virtual std::uint64_t newest_taken() const = 0;
  virtual bool is_on_disk(std::uint64_t taken) const = 0;

 private:
  struct PendingCommit {
    std::vector<PartitionPlace> places;
    std::uint64_t taken = 0;
  };
  Result<void> leave_others(const std::vector<PartitionBounds>& all);
  Result<void> open_partition(const PartitionBounds& bounds, bool begins_at_end);
  Result<std::uint64_t> first_place(const PartitionBounds& bounds, std::size_t source,
                                    bool begins_at_end);
  const AcceptedGap* accepted(const TopicPartition& partition, std::uint64_t from) const;
  const AcceptedGap* accepted(const PartitionBounds& bounds, std::uint64_t from) const;
  Result<void> accept(std::size_t source, const AcceptedGap& gap);
  Result<void> look_for_new();
  Result<void> fill(Partition& partition);
  Result<void> begin_block(Partition& partition);
  Result<void> begin_other(Partition& partition);
  Result<void> end(Partition& partition);
  void commit_due();
  std::vector<PartitionPlace> places() const;

  Clock& clock_;
  TopicClient& client_;
  const TopicInputOptions options_;
  std::deque<Partition> partitions_;  // which stay where they are: `rest` points into `block`
  std::deque<TopicPartition> found_;  // that were added, and are not open yet
  bool is_find_noted_ = false;        // of the first of them
  std::vector<std::string> notes_;
  std::optional<PendingCommit> pending_;
  std::uint64_t committed_bytes_ = 0;  // bytes_taken_ at the last commit
  cep::EventTime commit_at_;
  cep::EventTime look_at_;
  std::uint64_t bytes_taken_ = 0;  // by this process
};
}  // namespace tocsin::runtime
