/// The topics of a durable run or a server: partitions read by a client (a port) and handed to a
/// node, which keeps how far each was read, in its journal, beside the messages themselves.
///
///   PartitionReading ─ lines ─▶ TopicInputs ─▶ Node
///                                 │ the partition whose watermark is least first;
///                                 │ one that is too far ahead waits
///                                 └ silence, ends ─▶ TimeKeeper
///
/// Each partition is a source with a time of its own.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "cep/base/result.h"
#include "runtime/event_time/merge_order.h"
#include "runtime/event_time/time_keeper.h"
#include "runtime/inputs/partition_reading.h"
#include "runtime/inputs/topic_client.h"
#include "runtime/io/clock.h"
#include "runtime/node/node.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class TopicInputs final : public PartitionReading {
 public:
  /// Opens all partitions of the client's topics: each holds back time from here on. Partitions
  /// that the node knows and that are not read now no longer do. All must outlive the inputs; the
  /// keeper's due decisions are the caller's to journal. Fails with kMismatch, saying what to do,
  /// where messages are missing; as the client and the node do.
  static Result<std::unique_ptr<TopicInputs>> open(Node& node, Clock& clock, TimeKeeper& keeper,
                                                   TopicClient& client, TopicInputOptions options);

 private:
  // Of a partition, by its index.
  struct Time {
    std::size_t in_intake = 0;
    std::size_t in_keeper = 0;
    std::optional<bool> is_silent = {};  // as the keeper was told last
  };
  TopicInputs(Node& node, Clock& clock, TimeKeeper& keeper, TopicClient& client,
              TopicInputOptions options);
  std::vector<KnownPartition> known() const override;
  Result<std::size_t> source_of(const TopicPartition& partition) override;
  Place place_of(std::size_t source) const override;
  Result<void> set_place(std::size_t source, std::uint64_t offset) override;
  Result<void> begin_reading(const Partition& partition) override;
  Result<void> leave(const TopicPartition& partition) override;
  void found_empty(const Partition& partition, bool is_silent) override;
  Result<void> arrived(const Partition& partition) override;
  Result<void> ended(const Partition& partition) override;
  bool comes_first(Partition& partition, const Partition* next) override;
  Result<std::size_t> take_lines(Partition& partition) override;
  void nothing_left() override;
  std::uint64_t newest_taken() const override;
  bool is_on_disk(std::uint64_t taken) const override;

  Node& node_;
  Clock& clock_;
  TimeKeeper& keeper_;
  std::vector<Time> times_;
};
}  // namespace tocsin::runtime
