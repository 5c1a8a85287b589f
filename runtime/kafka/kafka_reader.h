/// Reads partitions by librdkafka on a thread of its own.
///
///   librdkafka's queue of a partition ─▶ thread "kafka" ─▶ blocks of lines ─▶ take()
///   ≤ 64 MiB in all, 1 to 16 MiB each     batches of        ≤ 1 MiB
///                                         1,000 messages,
///                                         made JSON by the format
///
/// Of a partition whose blocks are not taken the thread takes nothing either, so that its queue
/// fills up, and the broker is no longer asked for its messages. The same goes for one with a
/// message that the format cannot convert yet.
///
/// What goes wrong on the thread, exceptions too, is an error of take().
#pragma once
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cep/base/result.h"
#include "runtime/inputs/topic_client.h"
#include "runtime/io/message_block.h"
#include "runtime/kafka/kafka_batch.h"
#include "runtime/kafka/kafka_client.h"
#include "runtime/kafka/kafka_handle.h"
#include "runtime/kafka/kafka_topics.h"

namespace tocsin::runtime {
/// Threading: as TopicClient.
class KafkaReader : public TopicClient {
 public:
  /// As open_kafka_reader().
  static Result<std::unique_ptr<TopicClient>> open(KafkaReaderOptions options);
  ~KafkaReader() override;

  Result<std::vector<PartitionBounds>> partitions() override;
  Result<PartitionBounds> bounds(const TopicPartition& partition) override;
  Result<std::vector<TopicPartition>> new_partitions() override;
  Result<std::size_t> begin(const TopicPartition& partition, std::uint64_t offset) override;
  void go_to(std::size_t index, std::uint64_t offset) override;
  Result<MessagesAtHand> take(std::size_t index, MessageBlock& block) override;
  void wait(std::chrono::milliseconds at_most) override;
  std::optional<std::uint64_t> end_of(std::size_t index) const override;
  void commit(std::span<const PartitionPlace> places) override;

 private:
  struct Partition {
    TopicPartition id;
    rd_kafka_topic_t* topic = nullptr;
    KafkaOwned<rd_kafka_queue_t> queue;
    // The thread's alone:
    std::uint64_t next_offset = 0;  // of the message to come
    bool was_full = false;          // the client's queue was, since the fetcher was woken last
    KafkaBatch batch;               // taken from it, and not in blocks yet
    // With mutex_:
    std::deque<MessageBlock> blocks;  // the last may be added to
    std::size_t bytes = 0;            // in them
    bool is_at_end = false;
    bool is_out_of_range = false;
    bool answers = true;
    bool was_known = false;         // brokers had it
    std::size_t times_unknown = 0;  // that the statistics said since then that they do not
    std::optional<Error> failure;
    std::optional<std::uint64_t> goes_to;  // who takes wants other messages; the thread's to do
  };
  explicit KafkaReader(KafkaReaderOptions options);
  Result<std::uint32_t> count_partitions();
  Result<void> connect(std::uint32_t partitions);
  KafkaQuestion question(std::chrono::milliseconds patience) const;
  rd_kafka_topic_t* topic_of(const std::string& name);

  // On the thread:
  void work() noexcept;
  void read_all();
  bool read(Partition& partition);
  void go_on(Partition& partition);
  bool fill_batch(Partition& partition);
  bool take_batch(Partition& partition);
  void take_message(Partition& partition, const rd_kafka_message_t& message,
                    std::optional<std::string_view> value);
  void take_error(Partition& partition, const rd_kafka_message_t& message);
  void wake_fetcher(Partition& partition);
  static void seek(const Partition& partition);
  void fail_all(const std::string& reason);
  void take_statistics(std::string_view json);
  void take_commit(rd_kafka_resp_err_t error);
  void tell_arrival();
  void wake_thread();
  template <typename Callback>
  void guarded(const Callback& callback) noexcept;

  const KafkaReaderOptions options_;
  KafkaErrors errors_;
  std::size_t queue_bytes_max_ = 0;  // of a partition, in librdkafka
  KafkaOwned<rd_kafka_t> handle_;
  std::vector<KafkaOwned<rd_kafka_topic_t>> topics_;
  std::set<TopicPartition> given_;  // by partitions() and new_partitions()

  // The client tells of messages while it holds a queue's own lock, under which only wake_mutex_
  // may be taken. So mutex_ is not held while the client is called, and nothing while wake_mutex_
  // is.
  std::mutex wake_mutex_;
  std::condition_variable for_thread_;  // with wake_mutex_
  bool has_news_ = false;     // messages have come, blocks were taken, or a partition was begun
  bool is_stopping_ = false;  // the thread is to end

  mutable std::mutex mutex_;
  std::condition_variable for_taker_;  // something is at hand
  std::condition_variable for_end_;    // a commit was answered, or no answer is to be expected
  std::size_t commits_waiting_ = 0;
  std::vector<std::unique_ptr<Partition>> partitions_;
  std::map<TopicPartition, Partition*> partition_of_;
  std::vector<TopicPartition> known_;          // by the statistics
  std::optional<Error> failure_;               // of everything
  bool has_arrived_ = false;                   // for who takes
  bool is_out_of_reach_ = false;               // the brokers are, which was noted
  bool is_commit_refused_ = false;             // likewise
  std::vector<rd_kafka_message_t*> messages_;  // the thread's
  BatchLines lines_;                           // likewise
  std::thread thread_;
};
}  // namespace tocsin::runtime
