/// The topics of a durable run or a server: partitions read by a client (a port) and handed to a
/// node, which keeps how far each was read, in its journal, beside the messages themselves.
///
///   TopicClient ─ blocks of messages ─▶ TopicInputs ─ lines ─▶ Node
///                 ≤ a block a step        │ the partition whose watermark is least first;
///                                         │ one that is too far ahead waits
///                                         └ silence, ends ─▶ TimeKeeper
///
/// Each partition is a source with a time of its own. Nothing is skipped in silence: what the
/// broker no longer has, or has otherwise than it was taken, ends the reading with its name and a
/// remedy.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/event_time/merge_order.h"
#include "runtime/event_time/time_keeper.h"
#include "runtime/inputs/topic_client.h"
#include "runtime/io/clock.h"
#include "runtime/io/message_block.h"
#include "runtime/node/node.h"

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
class TopicInputs {
 public:
  /// Opens all partitions of the client's topics: each holds back time from here on. Partitions
  /// that the node knows and that are not read now no longer do. All must outlive the inputs; the
  /// keeper's due decisions are the caller's to journal. Fails with kMismatch, saying what to do,
  /// where messages are missing; as the client and the node do.
  static Result<std::unique_ptr<TopicInputs>> open(Node& node, Clock& clock, TimeKeeper& keeper,
                                                   TopicClient& client, TopicInputOptions options);
  TopicInputs(const TopicInputs&) = delete;
  TopicInputs& operator=(const TopicInputs&) = delete;

  /// Takes a block of messages that is at hand, or a part of one; false where no partition has any
  /// that may be taken now. Fails with kMismatch, saying what to do, where messages are missing; as
  /// the client and the node do.
  Result<bool> step();
  /// Only with `until_end`: all were read.
  bool is_over() const;
  /// Tells the broker how far all were read, after the node was closed.
  void finish();
  std::vector<PartitionFigures> figures() const;
  /// What is worth telling since the last call: one line each.
  std::vector<std::string> take_notes();
  std::uint64_t bytes_taken() const { return bytes_taken_; }

 private:
  struct Partition {
    TopicPartition id;
    std::size_t source = 0;     // in the node
    std::size_t in_intake = 0;  // its index there
    std::size_t in_keeper = 0;
    std::size_t in_client = 0;
    MessageBlock block = {};
    std::string_view rest = {};  // lines of the block that were not taken yet
    std::optional<std::uint64_t> until = {};
    std::optional<bool> is_silent = {};  // as the keeper was told last
    bool is_paused = false;
    bool is_over = false;
  };
  struct PendingCommit {
    std::vector<PartitionPlace> places;
    std::uint64_t sequence = 0;  // of the newest record of them
  };
  TopicInputs(Node& node, Clock& clock, TimeKeeper& keeper, TopicClient& client,
              TopicInputOptions options);
  Result<void> open_all();
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
  void tell_silence(Partition& partition, bool is_silent);
  Result<void> take(Partition& partition);
  Result<void> end(Partition& partition);
  void commit_due();
  std::vector<PartitionPlace> places() const;

  Node& node_;
  Clock& clock_;
  TimeKeeper& keeper_;
  TopicClient& client_;
  TopicInputOptions options_;
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
